/**
 * Canonical turns as this API's `messages`: sides alternate, tool results stand first in the turn behind their calls,
 * the first message is the user's, and no text is empty.
 *
 * Reasoning goes back only to its maker. What another vendor signed, or nobody, is left out and listed.
 */
import { isObject, type Json, type JsonObject } from "#lib/json.ts";
import type { AssistantPart, Chat, Opaque, PartBase, ToolResultPart, Turn, UserPart } from "#model/chat.ts";
import type { Dialect } from "#protocols/protocol.ts";
import { ownCitation } from "./citation.ts";
import { cacheField, encodeUserPart, unsupported, type PartPlace } from "./encode-content.ts";
import type { ModelRules } from "./model-rules.ts";
import { codeFence, toolInput } from "./reply-block.ts";
import { ToolIds } from "./tool-ids.ts";
import type { ToolNames } from "./tool-names.ts";

export interface Message {
  readonly role: "user" | "assistant" | "system";
  readonly content: readonly JsonObject[];
}

interface Setting {
  readonly dialect: Dialect;
  readonly rules: ModelRules;
  readonly toolNames: ToolNames | undefined;
  readonly dropped: Set<string>;
}

export function encodeMessages(chat: Chat, setting: Setting): readonly Message[] {
  const encoder = new MessagesEncoder(chat, setting);
  for (const [index, turn] of chat.turns.entries()) encoder.add(turn, `messages[${index}]`);
  return encoder.finish();
}

/** Stands in where a history begins with an answer, or has no turn at all. */
const PLACEHOLDER: JsonObject = { type: "text", text: "." };

class MessagesEncoder {
  readonly #chat: Chat;
  readonly #setting: Setting;
  readonly #ids = new ToolIds();
  readonly #messages: Message[] = [];

  constructor(chat: Chat, setting: Setting) {
    this.#chat = chat;
    this.#setting = setting;
  }

  add(turn: Turn, path: string): void {
    switch (turn.side) {
      case "user":
        return this.#addUser(turn.parts, path);
      case "assistant":
        return this.#append(
          "assistant",
          turn.parts.flatMap((part, index) => this.#assistantPart(part, { path, index })),
        );
      case "system":
        return this.#addSystem(turn);
    }
  }

  finish(): readonly Message[] {
    const messages = this.#messages.map(resultsFirst);
    if (messages[0]?.role !== "user") messages.unshift({ role: "user", content: [PLACEHOLDER] });
    const last = messages.at(-1);
    if (last?.role === "assistant") messages[messages.length - 1] = this.#prefill(last, messages.length - 1);
    return messages;
  }

  #append(role: Message["role"], content: readonly JsonObject[]): void {
    if (content.length === 0) return;
    const last = this.#messages.at(-1);
    if (last?.role === role && role !== "system") {
      this.#messages[this.#messages.length - 1] = { role, content: [...last.content, ...content] };
      return;
    }
    this.#messages.push({ role, content });
  }

  #addUser(parts: readonly (UserPart | ToolResultPart)[], path: string): void {
    const content: JsonObject[] = [];
    for (const [index, part] of parts.entries()) {
      if (isWholeMessage(part)) return this.#append("system", wholeContent(part.value));
      const partPath = `${path}.content[${index}]`;
      if (part.type === "tool_result") content.push(this.#toolResult(part, partPath));
      else content.push(...encodeUserPart(part, this.#placeOf(partPath)));
    }
    this.#append("user", content);
  }

  #placeOf(path: string): PartPlace {
    const { dialect, dropped } = this.#setting;
    return { dialect, dropped, path };
  }

  #toolResult(part: ToolResultPart, path: string): JsonObject {
    const content = part.content.flatMap((entry, index) =>
      encodeUserPart(entry, this.#placeOf(`${path}.content[${index}]`)),
    );
    return {
      type: "tool_result",
      tool_use_id: this.#ids.result(part.callId),
      ...(content.length > 0 && { content }),
      ...(part.isError !== undefined && { is_error: part.isError }),
      ...cacheField(part.cache),
    };
  }

  /** Role `system` only behind a user's message, where newer models take it; elsewhere a tagged user text. */
  #addSystem(turn: Extract<Turn, { side: "system" }>): void {
    const parts = turn.parts.filter((part) => part.text.trim() !== "");
    const isOwn = this.#chat.protocol === "anthropic-messages";
    const isTaken = this.#setting.rules.takesMidSystem && this.#messages.at(-1)?.role === "user";
    if (isOwn || isTaken) {
      const blocks = parts.map((part) => ({ type: "text", text: part.text, ...cacheField(part.cache) }));
      return this.#append("system", blocks);
    }
    const tagged = parts.map((part) => ({
      type: "text",
      text: `<system>\n${part.text}\n</system>`,
      ...cacheField(part.cache),
    }));
    this.#append("user", tagged);
  }

  #assistantPart(part: AssistantPart, place: { path: string; index: number }): readonly JsonObject[] {
    if (part.type === "reasoning") return this.#reasoning(part, place.path);
    // Other makers sign texts and calls; the API would not know what to do with it.
    if (part.signature !== undefined) this.#setting.dropped.add(`${place.path}.signature`);
    switch (part.type) {
      case "text": {
        if (part.text.trim() === "") return [];
        const citations = (part.citations ?? []).map(ownCitation).filter((entry) => entry !== undefined);
        return [textBlock(part.text, part, citations)];
      }
      case "refusal":
        return part.text.trim() === "" ? [] : [textBlock(part.text, part)];
      case "tool_call":
        return [this.#toolUse(part, place.path)];
      case "image":
        this.#setting.dropped.add(`${place.path}.images`);
        return [];
      case "audio":
        this.#setting.dropped.add(`${place.path}.audio`);
        return part.transcript === undefined ? [] : [textBlock(part.transcript, part)];
      case "code":
      case "code_result": {
        const [before, after] = codeFence(part.type === "code" ? part.language : "");
        return [textBlock(before + (part.type === "code" ? part.code : part.output) + after, part)];
      }
      case "hosted":
        if (part.protocol === "anthropic-messages") return [part.value];
        this.#setting.dropped.add(`${place.path}.content[${place.index}]`);
        return [];
    }
  }

  #reasoning(part: Extract<AssistantPart, { type: "reasoning" }>, path: string): readonly JsonObject[] {
    const opaque = part.signature;
    const block = opaque && reasoningBlock(part.text ?? "", opaque, this.#setting.dialect);
    if (block !== undefined) return [block];
    this.#setting.dropped.add(`${path}.reasoning`);
    return [];
  }

  #toolUse(part: Extract<AssistantPart, { type: "tool_call" }>, path: string): JsonObject {
    const input = toolInput(part.argumentsText, part.custom === true);
    if ("_raw" in input) this.#setting.dropped.add(`${path}.tool_calls`);
    const extras = part.raw?.protocol === "anthropic-messages" ? part.raw.value : undefined;
    return {
      type: "tool_use",
      id: this.#ids.call(part.id),
      name: this.#setting.toolNames?.wire(part.name, part.namespace) ?? part.name,
      input,
      ...extras,
      ...cacheField(part.cache),
    };
  }

  /** The answer's beginning, for models that go on from it; it must not end in white space. */
  #prefill(last: Message, index: number): Message {
    const block = last.content.at(-1);
    if (block?.["type"] !== "text" || typeof block["text"] !== "string") return last;
    if (!this.#setting.rules.takesPrefill) {
      throw unsupported(`messages[${index}]`, "this model does not continue an answer that was begun");
    }
    return { ...last, content: [...last.content.slice(0, -1), { ...block, text: block["text"].trimEnd() }] };
  }
}

/** Undefined for state of another maker. */
function reasoningBlock(text: string, opaque: Opaque, dialect: Dialect): JsonObject | undefined {
  const isClaude = dialect.vendor === "anthropic";
  if (opaque.kind === "unsigned") {
    // Only compatible servers of that maker take thoughts without a signature.
    const takes =
      !isClaude && text !== "" && (opaque.vendor === dialect.vendor || opaque.vendor === "unknown");
    return takes ? { type: "thinking", thinking: text, signature: "" } : undefined;
  }
  if (opaque.vendor !== dialect.vendor) return undefined;
  if (!isClaude && opaque.route !== undefined && opaque.route !== dialect.route) return undefined;
  if (opaque.kind === "anthropic_redacted") return { type: "redacted_thinking", data: opaque.data };
  if (opaque.kind !== "anthropic_signature") return undefined;
  return { type: "thinking", thinking: text, signature: opaque.data };
}

function textBlock(text: string, part: PartBase, citations: readonly JsonObject[] = []): JsonObject {
  return { type: "text", text, ...(citations.length > 0 && { citations }), ...cacheField(part.cache) };
}

function resultsFirst(message: Message): Message {
  const { role, content } = message;
  if (role !== "user" || !content.some(isResult)) return message;
  return {
    role,
    content: [...content.filter(isResult), ...content.filter((block) => !isResult(block))],
  };
}

function isResult(block: JsonObject): boolean {
  return block["type"] === "tool_result";
}

/** A system message with blocks only this API knows, kept whole by the decoder. */
function isWholeMessage(
  part: UserPart | ToolResultPart,
): part is Extract<UserPart, { type: "unknown" }> & { readonly value: JsonObject } {
  return (
    part.type === "unknown" &&
    part.protocol === "anthropic-messages" &&
    isObject(part.value) &&
    part.value["role"] === "system"
  );
}

function wholeContent(message: JsonObject): readonly JsonObject[] {
  const content = message["content"];
  return Array.isArray(content) ? content.filter((block: Json) => isObject(block)) : [];
}
