/**
 * Input items to system text and turns.
 *
 * Assistant items in a row (messages, calls, reasoning, hosted calls) are one turn, as every other API has it; a
 * message of another `phase` begins a new one, because the phase belongs to the turn. Results in a row are one user
 * turn. Items only this API knows keep their place: calls as `hosted` parts, answers and switches as `unknown`.
 */
import type { Json } from "#lib/json.ts";
import type { AssistantPart, SystemPart, ToolResultPart, Turn, UserPart } from "#model/chat.ts";
import type { RequestLine } from "#protocols/protocol.ts";
import { AssistantTurns } from "./assistant-turns.ts";
import { decodeAssistantContent, decodeSystemContent, decodeUserContent } from "./decode-content.ts";
import { decodeReasoning } from "./decode-reasoning.ts";
import { flatName } from "./decode-tools.ts";
import type { Fields } from "./fields.ts";

interface DecodedInput {
  readonly system: readonly SystemPart[];
  readonly turns: readonly Turn[];
}

export function decodeInput(body: Fields, line: RequestLine): DecodedInput {
  const input = body.object["input"] ?? undefined;
  if (typeof input === "string") {
    return { system: [], turns: [{ side: "user", parts: [{ type: "text", text: input }] }] };
  }
  const decoder = new InputDecoder(line);
  for (const item of body.children("input")) decoder.add(item);
  return decoder.finish();
}

type UserSidePart = UserPart | ToolResultPart;

class InputDecoder {
  readonly #line: RequestLine;
  readonly #system: SystemPart[] = [];
  readonly #turns: Turn[] = [];
  readonly #assistant = new AssistantTurns();
  /** Names of the calls so far: Gemini wants the name with the result, this API sends only the id. */
  readonly #callNames = new Map<string, string>();
  #results: UserSidePart[] = [];

  constructor(line: RequestLine) {
    this.#line = line;
  }

  add(item: Fields): void {
    const type = item.string("type") ?? (item.object["role"] === undefined ? undefined : "message");
    switch (type) {
      case undefined:
        throw item.wrong("type", "or role is required");
      case "message":
        return this.#addMessage(item);
      case "function_call":
      case "custom_tool_call":
        return this.#addCall(item, type);
      case "function_call_output":
      case "custom_tool_call_output":
        return this.#addResult(item, type);
      case "reasoning":
        this.#endResults();
        return this.#assistant.addReasoning(decodeReasoning(item, this.#line.unseal));
      default:
        return this.#addForeign(item, type);
    }
  }

  finish(): DecodedInput {
    this.#endResults();
    this.#endAssistant();
    return { system: this.#system, turns: this.#turns };
  }

  #addMessage(item: Fields): void {
    const role = item.oneOf("role", ["user", "assistant", "system", "developer"]);
    const content = item.object["content"];
    const path = item.path("content");
    if (role === undefined) throw item.wrong("role", "is required");
    this.#endResults();
    if (role === "assistant") {
      const parts: readonly AssistantPart[] | undefined = decodeAssistantContent(content, path);
      if (!parts) return this.#addHosted(item);
      const phase = item.string("phase");
      const id = item.string("id");
      return this.#assistant.addMessage(parts, { ...(phase && { phase }), ...(id && { id }) });
    }
    this.#endAssistant();
    if (role === "user") {
      this.#turns.push({ side: "user", parts: decodeUserContent(content, path) });
      return;
    }
    const parts = decodeSystemContent(content, path, role);
    if (!parts) this.#addUnknown(item);
    else if (this.#turns.length === 0 && this.#results.length === 0) this.#system.push(...parts);
    else this.#turns.push({ side: "system", parts });
  }

  #addCall(item: Fields, type: "function_call" | "custom_tool_call"): void {
    this.#endResults();
    const isCustom = type === "custom_tool_call";
    const id = item.requiredString("call_id");
    const itemId = item.string("id");
    const namespace = item.string("namespace");
    const name = flatName(namespace, item.requiredString("name"));
    this.#callNames.set(id, name);
    this.#assistant.addPart({
      type: "tool_call",
      id,
      ...(itemId !== undefined && { itemId }),
      name,
      argumentsText: item.requiredString(isCustom ? "input" : "arguments"),
      ...(isCustom && { custom: true }),
      ...(namespace !== undefined && { namespace }),
      raw: { protocol: "openai-responses", value: item.object },
    });
  }

  #addResult(item: Fields, type: "function_call_output" | "custom_tool_call_output"): void {
    this.#endAssistant();
    const callId = item.requiredString("call_id");
    const name = this.#callNames.get(callId);
    const output: Json | undefined = item.object["output"];
    this.#results.push({
      type: "tool_result",
      callId,
      ...(name !== undefined && { name }),
      ...(type === "custom_tool_call_output" && { custom: true }),
      content: output === "" ? [] : decodeUserContent(output, item.path("output")),
    });
  }

  #addForeign(item: Fields, type: string): void {
    if (isAnswer(type)) this.#addUnknown(item);
    else this.#addHosted(item);
  }

  #addUnknown(item: Fields): void {
    this.#endAssistant();
    this.#results.push({ type: "unknown", protocol: "openai-responses", value: item.object, path: item.at });
  }

  #addHosted(item: Fields): void {
    this.#endResults();
    this.#assistant.addPart({ type: "hosted", protocol: "openai-responses", value: item.object });
  }

  #endResults(): void {
    if (this.#results.length > 0) this.#turns.push({ side: "user", parts: this.#results });
    this.#results = [];
  }

  #endAssistant(): void {
    this.#turns.push(...this.#assistant.take());
  }
}

/** Items that come from the client's side, not from the model's. */
function isAnswer(type: string): boolean {
  return type.endsWith("_output") || CLIENT_ITEMS.has(type);
}

const CLIENT_ITEMS: ReadonlySet<string> = new Set([
  "mcp_approval_response",
  "compaction_trigger",
  "configuration_update",
  "additional_tools",
  "item_reference",
]);
