/**
 * Turns as input items. Reasoning goes along only with state its own maker can open; foreign state is left out and
 * listed. A reasoning item nothing follows is left out too: OpenAI refuses it.
 */
import { asObject, asString, type Json, type JsonObject } from "#lib/json.ts";
import type {
  AssistantPart,
  Chat,
  Citation,
  SystemPart,
  ToolCallPart,
  ToolResultPart,
  Turn,
} from "#model/chat.ts";
import type { Dialect } from "#protocols/protocol.ts";
import { fromCitation } from "./citation.ts";
import { toDataUrl } from "./data-url.ts";
import { encodeContent, encodeUserPart } from "./encode-content.ts";
import { encodeReasoning } from "./encode-reasoning.ts";
import { splitName } from "./encode-tools.ts";

interface EncodeInputOptions {
  readonly chat: Chat;
  readonly dialect: Dialect;
  /** Where to note what could not go along. */
  readonly dropped: string[];
}

export function encodeInput(options: EncodeInputOptions): readonly JsonObject[] {
  const items = options.chat.turns.flatMap((turn, index) => encodeTurn(turn, `turns[${index}]`, options));
  return withoutOrphans(items);
}

export function encodeSystemItem(part: SystemPart): JsonObject {
  return { type: "message", role: part.role, content: part.text };
}

function encodeTurn(turn: Turn, path: string, options: EncodeInputOptions): readonly JsonObject[] {
  switch (turn.side) {
    case "system":
      return turn.parts.map(encodeSystemItem);
    case "user":
      return encodeUserTurn(turn, path, options);
    case "assistant":
      return new AssistantItems(turn, path, options).encode();
  }
}

function encodeUserTurn(
  turn: Extract<Turn, { side: "user" }>,
  path: string,
  { chat }: EncodeInputOptions,
): readonly JsonObject[] {
  const keepsMarks = chat.extensions["prompt_cache_options"] !== undefined;
  const items: JsonObject[] = [];
  let content: JsonObject[] = [];
  const endMessage = () => {
    if (content.length > 0) items.push({ type: "message", role: "user", content: encodeContent(content) });
    content = [];
  };
  for (const [index, part] of turn.parts.entries()) {
    const partPath = `${path}.parts[${index}]`;
    if (part.type === "tool_result") {
      endMessage();
      items.push(encodeResult(part, partPath));
    } else if (part.type === "unknown" && part.protocol === "openai-responses" && isItemPath(part.path)) {
      endMessage();
      items.push(...encodeUserPart(part, partPath, keepsMarks));
    } else {
      content.push(...encodeUserPart(part, partPath, keepsMarks));
    }
  }
  endMessage();
  return items;
}

/** `input[3]` was an item of its own, `input[3].content[0]` a part of one. */
function isItemPath(path: string): boolean {
  return /^input\[\d+\]$/.test(path);
}

function encodeResult(part: ToolResultPart, path: string): JsonObject {
  const parts = part.content.flatMap((entry, index) =>
    encodeUserPart(entry, `${path}.content[${index}]`, false),
  );
  const marked = part.isError ? [{ type: "input_text", text: "Error: " }, ...parts] : parts;
  return {
    type: part.custom ? "custom_tool_call_output" : "function_call_output",
    call_id: part.callId,
    output: resultText(marked) ?? marked,
  };
}

/** One text, or an error mark and its text, is a string; more texts keep their borders as parts. */
function resultText(parts: readonly JsonObject[]): Json | undefined {
  if (parts.some((part) => part["type"] !== "input_text")) return undefined;
  const isMarked = parts[0]?.["text"] === "Error: ";
  if (parts.length > (isMarked ? 2 : 1)) return undefined;
  return parts.map((part) => asString(part["text"]) ?? "").join("");
}

class AssistantItems {
  readonly #turn: Extract<Turn, { side: "assistant" }>;
  readonly #path: string;
  readonly #options: EncodeInputOptions;
  readonly #items: JsonObject[] = [];
  #content: JsonObject[] = [];

  constructor(turn: Extract<Turn, { side: "assistant" }>, path: string, options: EncodeInputOptions) {
    this.#turn = turn;
    this.#path = path;
    this.#options = options;
  }

  encode(): readonly JsonObject[] {
    const parts = this.#turn.parts;
    for (let index = 0; index < parts.length; index++) {
      const part = parts[index];
      if (part?.type !== "reasoning") {
        if (part) this.#add(part, `${this.#path}.parts[${index}]`);
        continue;
      }
      const run = [part];
      for (let next = parts[index + 1]; next?.type === "reasoning"; next = parts[index + 1]) {
        if (next.id === undefined || next.id !== part.id) break;
        run.push(next);
        index++;
      }
      this.#endMessage();
      const item = encodeReasoning(run, this.#options.dialect, this.#options.chat.store === true);
      if (item) this.#items.push(item);
      else this.#options.dropped.push(`${this.#path}.parts[${index}]`);
    }
    this.#endMessage();
    return this.#items;
  }

  #add(part: Exclude<AssistantPart, { type: "reasoning" }>, path: string): void {
    // This API signs reasoning alone: what another vendor hung on a call or a text has no place.
    if (part.signature && part.signature.kind !== "unsigned") this.#options.dropped.push(`${path}.signature`);
    switch (part.type) {
      case "text":
        if (part.text === "") return;
        return this.#addText(part.text, annotationsOf(part.text, part.citations ?? []));
      case "refusal":
        this.#content.push({ type: "refusal", refusal: part.text });
        return;
      case "tool_call":
        this.#endMessage();
        this.#items.push(encodeCall(part, this.#options.chat));
        return;
      case "hosted":
        this.#endMessage();
        if (part.protocol === "openai-responses") this.#items.push(part.value);
        else this.#options.dropped.push(path);
        return;
      case "image":
        return this.#addImage(part, path);
      case "audio":
        if (part.transcript === undefined) this.#options.dropped.push(path);
        else this.#addText(part.transcript, []);
        return;
      case "code":
        return this.#addText(`\`\`\`${part.language}\n${part.code}\n\`\`\`\n`, []);
      case "code_result":
        return this.#addText(`\`\`\`\n${part.output}\n\`\`\`\n`, []);
    }
  }

  #addText(text: string, annotations: readonly JsonObject[]): void {
    this.#content.push({ type: "output_text", text, annotations });
  }

  /** Models take pictures only from the user's side, except as results of a hosted tool that is not offered here. */
  #addImage(part: Extract<AssistantPart, { type: "image" }>, path: string): void {
    if (part.media.from !== "base64") {
      this.#options.dropped.push(path);
      return;
    }
    this.#endMessage();
    const content = [{ type: "input_image", image_url: toDataUrl(part.media) }];
    this.#items.push({ type: "message", role: "user", content });
  }

  #endMessage(): void {
    if (this.#content.length === 0) return;
    const [only, ...others] = this.#content;
    const annotations = only?.["annotations"];
    const isPlain = others.length === 0 && Array.isArray(annotations) && annotations.length === 0;
    const { phase, id } = this.#turn;
    this.#items.push({
      type: "message",
      // Ids name stored items; with nothing stored they would only be looked for in vain.
      ...(id !== undefined && this.#options.chat.store === true && !isPlain && { id, status: "completed" }),
      role: "assistant",
      content: isPlain ? (only?.["text"] ?? "") : this.#content,
      ...(phase !== undefined && { phase }),
    });
    this.#content = [];
  }
}

function annotationsOf(text: string, citations: readonly Citation[]): readonly JsonObject[] {
  return citations
    .map((citation) => fromCitation(citation, text.length))
    .filter((annotation) => annotation !== undefined);
}

function encodeCall(part: ToolCallPart, chat: Chat): JsonObject {
  const own = part.raw?.protocol === "openai-responses" ? part.raw.value : {};
  const { name, namespace } = ownName(part, chat);
  const isStored = chat.store === true && part.itemId !== undefined;
  return {
    type: part.custom ? "custom_tool_call" : "function_call",
    ...(isStored && { id: part.itemId }),
    call_id: part.id,
    name,
    [part.custom ? "input" : "arguments"]: part.argumentsText,
    ...(namespace !== undefined && { namespace }),
    ...(asObject(own["caller"]) && { caller: own["caller"] }),
    ...(own["async"] !== undefined && { async: own["async"] }),
  };
}

function ownName(part: ToolCallPart, chat: Chat): { readonly name: string; readonly namespace?: string } {
  if (part.namespace === undefined) return splitName(part.name, chat.tools);
  const prefix = `${part.namespace}__`;
  const name = part.name.startsWith(prefix) ? part.name.slice(prefix.length) : part.name;
  return { name, namespace: part.namespace };
}

function withoutOrphans(items: readonly JsonObject[]): readonly JsonObject[] {
  const kept: JsonObject[] = [];
  let isFollowed = false;
  for (const item of items.toReversed()) {
    const isReasoning = item["type"] === "reasoning";
    if (isReasoning && !isFollowed) continue;
    if (!isReasoning) isFollowed = isModelItem(item);
    kept.push(item);
  }
  return kept.reverse();
}

function isModelItem(item: JsonObject): boolean {
  const type = asString(item["type"]) ?? "";
  return item["role"] === "assistant" || (item["role"] === undefined && !type.endsWith("_output"));
}
