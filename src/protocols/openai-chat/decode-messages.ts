/**
 * The caller's flat list of messages as system text and turns. One turn per message, except that consecutive tool
 * messages make one user turn; the patch for the native lane relies on assistant messages and turns being one to one.
 */
import { isObject, type Json } from "#lib/json.ts";
import type {
  AssistantPart,
  Chat,
  Opaque,
  SystemPart,
  ToolCallPart,
  ToolResultPart,
  Turn,
  UserPart,
} from "#model/chat.ts";
import type { RequestLine } from "#protocols/protocol.ts";
import { decodeContent, decodeTexts } from "./decode-content.ts";
import { parseMediaUrl } from "./data-url.ts";
import type { Fields } from "./fields.ts";
import { decodeReasoningParts } from "./decode-reasoning.ts";
import { isSealed } from "./reasoning-details.ts";

export function decodeMessages(body: Fields, line: RequestLine): Pick<Chat, "system" | "turns"> {
  if (!body.has("messages")) throw body.refuse("messages", "an array of messages");
  const messages = body.objects("messages");
  if (messages.length === 0) throw body.refuse("messages", "at least one message");
  const history = new History(line);
  for (const message of messages) history.add(message);
  return { system: history.system, turns: history.turns };
}

const ROLES = ["system", "developer", "user", "assistant", "tool", "function"] as const;

class History {
  readonly system: SystemPart[] = [];
  readonly turns: Turn[] = [];
  readonly #line: RequestLine;
  /** Calls so far by id: a result's name and kind are only known from its call. */
  readonly #calls = new Map<string, ToolCallPart>();
  #legacyCallId: string | undefined;
  #legacyCalls = 0;
  /** The tool results of the user turn being collected. */
  #results: (UserPart | ToolResultPart)[] | undefined;

  constructor(line: RequestLine) {
    this.#line = line;
  }

  add(message: Fields): void {
    const role = message.oneOf("role", ROLES);
    if (role !== "tool" && role !== "function") this.#results = undefined;
    switch (role) {
      case "system":
      case "developer":
        return this.#addSystem(message, role);
      case "user":
        return this.#addUser(message);
      case "assistant":
        return this.#addAssistant(message);
      case "tool":
        return this.#addResult(message, message.requiredString("tool_call_id"));
      case "function":
        return this.#addResult(message, this.#legacyCallId ?? `call_${message.requiredString("name")}`);
      case undefined:
        throw message.refuse("role", "a role");
    }
  }

  #addSystem(message: Fields, role: SystemPart["role"]): void {
    if (!message.has("content")) throw message.refuse("content", "text");
    const parts = decodeTexts(message).map(({ text, cache }) => ({ text, role, ...(cache && { cache }) }));
    if (this.turns.length === 0) this.system.push(...parts);
    else this.turns.push({ side: "system", parts });
  }

  #addUser(message: Fields): void {
    if (!message.has("content")) throw message.refuse("content", "a string or an array of parts");
    const name = message.string("name");
    const parts = decodeContent(message);
    if (name === undefined) this.turns.push({ side: "user", parts });
    else this.turns.push({ side: "user", parts: parts.map((part) => withName(part, name)) });
  }

  #addResult(message: Fields, callId: string): void {
    const call = this.#calls.get(callId);
    const name = call?.name ?? message.string("name");
    const result: ToolResultPart = {
      type: "tool_result",
      callId,
      ...(name !== undefined && { name }),
      ...(call?.custom && { custom: true }),
      content: decodeContent(message),
    };
    if (this.#results) {
      this.#results.push(result);
      return;
    }
    const results = [result];
    this.#results = results;
    this.turns.push({ side: "user", parts: results });
  }

  #addAssistant(message: Fields): void {
    const { parts: reasoning, signatures } = decodeReasoningParts(message, this.#line);
    const calls = this.#decodeCalls(message, signatures);
    const parts = [...reasoning, ...decodeAnswer(message), ...calls];
    for (const call of calls) this.#calls.set(call.id, call);
    this.turns.push({ side: "assistant", parts });
  }

  #decodeCalls(message: Fields, signatures: ReadonlyMap<string, Opaque>): ToolCallPart[] {
    const calls = message.objects("tool_calls").map((call) => {
      const part = decodeCall(call);
      const signature = signatures.get(part.id) ?? decodeCallSignature(call, this.#line);
      return signature ? { ...part, signature } : part;
    });
    const legacy = message.object("function_call");
    if (!legacy) return calls;
    this.#legacyCallId = `call_legacy_${this.#legacyCalls++}`;
    const name = legacy.requiredString("name");
    return [
      ...calls,
      { type: "tool_call", id: this.#legacyCallId, name, argumentsText: argumentsOf(legacy) },
    ];
  }
}

function withName(part: UserPart, name: string): UserPart {
  return part.type === "text" ? { ...part, name } : part;
}

/** Text, refusal, images and spoken audio of an assistant message. */
function decodeAnswer(message: Fields): readonly AssistantPart[] {
  const parts = decodeAssistantContent(message);
  const refusal = message.string("refusal");
  const audioId = message.object("audio")?.string("id");
  const images = message.objects("images").flatMap((image): AssistantPart[] => {
    const media = parseMediaUrl(image.requiredObject("image_url").requiredString("url"));
    if (!media) throw image.refuse("image_url.url", "an http(s) URL or a data URL");
    return [{ type: "image", media }];
  });
  return [
    ...parts,
    ...(refusal ? [{ type: "refusal", text: refusal } as const] : []),
    ...images,
    ...(audioId !== undefined ? [{ type: "audio", id: audioId } as const] : []),
  ];
}

function decodeAssistantContent(message: Fields): readonly AssistantPart[] {
  const content = message.raw("content");
  if (typeof content === "string") return content === "" ? [] : [{ type: "text", text: content }];
  return message.objects("content").flatMap((part): AssistantPart[] => {
    const type = part.requiredString("type");
    if (type === "refusal") return [{ type: "refusal", text: part.requiredString("refusal") }];
    if (type === "text") return [{ type: "text", text: part.requiredString("text") }];
    // Mistral's models think inside the content list.
    if (type === "thinking")
      return [{ type: "reasoning", kind: "raw", text: thinkingText(part.raw("thinking")) }];
    return [{ type: "hosted", protocol: "openai-chat", value: part.value }];
  });
}

function thinkingText(value: Json | undefined): string {
  if (typeof value === "string") return value;
  if (!Array.isArray(value)) return "";
  return value
    .map((part: Json) => (isObject(part) && typeof part["text"] === "string" ? part["text"] : ""))
    .join("");
}

function decodeCall(call: Fields): ToolCallPart {
  const id = call.requiredString("id");
  const custom = call.string("type") === "custom" ? call.requiredObject("custom") : undefined;
  if (custom) {
    const argumentsText = custom.string("input") ?? "";
    return { type: "tool_call", id, name: custom.requiredString("name"), argumentsText, custom: true };
  }
  const called = call.requiredObject("function");
  return { type: "tool_call", id, name: called.requiredString("name"), argumentsText: argumentsOf(called) };
}

/** JSON text as the model wrote it, even where it is no valid JSON: past slips must not block a conversation. */
function argumentsOf(called: Fields): string {
  const value = called.raw("arguments");
  if (value !== undefined && typeof value === "object") return JSON.stringify(value);
  return called.string("arguments") ?? "";
}

/** Where Gemini's own OpenAI layer puts a call's signature. */
function decodeCallSignature(call: Fields, line: RequestLine): Opaque | undefined {
  const text = call.object("extra_content")?.object("google")?.string("thought_signature");
  if (!text) return undefined;
  return (
    line.unseal(text) ??
    (isSealed(text) ? undefined : { kind: "google_thought_signature", vendor: "google", data: text })
  );
}
