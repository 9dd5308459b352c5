/**
 * The grammar of the Messages stream, checked from outside: it reads text, not our types, so that it cannot share a
 * mistake with the encoder. Every test that makes such a stream passes it through here.
 *
 *   message_start ( content_block_start content_block_delta* content_block_stop )* message_delta+ message_stop
 *
 * `ping` may stand anywhere before the end; `error` may stand anywhere and ends the stream.
 */

interface Event {
  readonly name: string;
  readonly data: Record<string, unknown>;
}

interface Block {
  readonly type: string;
  text: string;
  isSigned: boolean;
}

/** Throws an Error that says what is wrong and at which event. Returns how the stream ended. */
export function checkMessagesGrammar(text: string): "message_stop" | "error" {
  if (text === "") throw new Error("an empty stream");
  if (!text.endsWith("\n\n")) throw new Error("the last event is not closed by a blank line");
  const checker = new Checker();
  for (const [index, chunk] of text.slice(0, -2).split("\n\n").entries()) {
    try {
      checker.take(parseEvent(chunk));
    } catch (error) {
      throw new Error(
        `event ${index}: ${error instanceof Error ? error.message : String(error)}: ${chunk.slice(0, 200)}`,
        {
          cause: error,
        },
      );
    }
  }
  return checker.ending();
}

const stopReasons = new Set([
  "end_turn",
  "max_tokens",
  "stop_sequence",
  "tool_use",
  "pause_turn",
  "refusal",
  "model_context_window_exceeded",
  "compaction",
]);

const deltasOf: Readonly<Record<string, readonly string[]>> = {
  text: ["text_delta", "citations_delta"],
  thinking: ["thinking_delta", "signature_delta"],
  redacted_thinking: [],
  tool_use: ["input_json_delta"],
  server_tool_use: ["input_json_delta"],
  mcp_tool_use: ["input_json_delta"],
};

class Checker {
  #state: "before" | "content" | "finished" | "over" = "before";
  #end: "message_stop" | "error" | undefined;
  #nextIndex = 0;
  #block: Block | undefined;
  #stopReason: unknown;
  readonly #toolIds = new Set<string>();
  readonly #unparsed: string[] = [];

  take({ name, data }: Event): void {
    demand(this.#state !== "over", "an event after the end");
    switch (name) {
      case "ping":
        return;
      case "error":
        return this.#error(data);
      case "message_start":
        return this.#messageStart(data);
      case "content_block_start":
        return this.#blockStart(data);
      case "content_block_delta":
        return this.#blockDelta(data);
      case "content_block_stop":
        return this.#blockStop(data);
      case "message_delta":
        return this.#messageDelta(data);
      case "message_stop":
        demand(this.#state === "finished", "message_stop without message_delta");
        this.#finish("message_stop");
        return;
      default:
        throw new Error(`an unknown event ${name}`);
    }
  }

  ending(): "message_stop" | "error" {
    if (this.#end === undefined) throw new Error("the stream ends without message_stop or error");
    return this.#end;
  }

  #finish(end: "message_stop" | "error"): void {
    this.#state = "over";
    this.#end = end;
  }

  #error(data: Record<string, unknown>): void {
    const error = record(data["error"], "error");
    demand(
      typeof error["type"] === "string" && typeof error["message"] === "string",
      "error without type or message",
    );
    this.#finish("error");
  }

  #messageStart(data: Record<string, unknown>): void {
    demand(this.#state === "before", "a second message_start");
    this.#state = "content";
    const message = record(data["message"], "message");
    demand(typeof message["id"] === "string" && message["id"].startsWith("msg_"), "message.id");
    demand(message["type"] === "message" && message["role"] === "assistant", "message.type or role");
    demand(typeof message["model"] === "string" && message["model"] !== "", "message.model");
    demand(
      Array.isArray(message["content"]) && message["content"].length === 0,
      "message.content is not empty",
    );
    demand(
      message["stop_reason"] === null && message["stop_sequence"] === null,
      "message.stop_reason is not null",
    );
    checkUsage(record(message["usage"], "message.usage"), ["input_tokens", "output_tokens"]);
  }

  #blockStart(data: Record<string, unknown>): void {
    demand(this.#state === "content", "a block outside of the content");
    demand(this.#block === undefined, "a block inside a block");
    demand(data["index"] === this.#nextIndex, `index ${String(data["index"])}, expected ${this.#nextIndex}`);
    const block = record(data["content_block"], "content_block");
    const type = block["type"];
    demand(typeof type === "string", "content_block.type");
    if (type === "text") demand(block["text"] === "", "a text block that starts with text");
    if (type === "thinking") demand(block["thinking"] === "", "a thinking block that starts with text");
    if (type === "redacted_thinking") demand(typeof block["data"] === "string", "redacted_thinking.data");
    if (type === "tool_use") this.#toolStart(block);
    this.#block = { type: String(type), text: "", isSigned: false };
  }

  #toolStart(block: Record<string, unknown>): void {
    const { id, name, input } = block;
    demand(typeof id === "string" && /^[a-zA-Z0-9_-]+$/.test(id), "tool_use.id");
    demand(!this.#toolIds.has(String(id)), "tool_use.id comes twice");
    this.#toolIds.add(String(id));
    demand(typeof name === "string" && name !== "", "tool_use.name");
    demand(
      Object.keys(record(input, "tool_use.input")).length === 0,
      "tool_use.input is not empty at the start",
    );
  }

  #blockDelta(data: Record<string, unknown>): void {
    const block = this.#block;
    if (block === undefined) throw new Error("a delta outside of a block");
    demand(data["index"] === this.#nextIndex, "a delta with another index");
    const delta = record(data["delta"], "delta");
    const type = String(delta["type"]);
    demand((deltasOf[block.type] ?? []).includes(type), `${type} in a ${block.type} block`);
    if (type === "citations_delta") return void record(delta["citation"], "citation");
    if (type === "signature_delta") {
      demand(typeof delta["signature"] === "string" && delta["signature"] !== "", "an empty signature");
      demand(!block.isSigned, "a second signature");
      block.isSigned = true;
      return;
    }
    demand(!block.isSigned, "text after the signature");
    const text = delta["text"] ?? delta["thinking"] ?? delta["partial_json"];
    if (typeof text !== "string") throw new Error("a delta without text");
    demand(text.isWellFormed(), "a delta that ends inside a character");
    block.text += text;
  }

  #blockStop(data: Record<string, unknown>): void {
    const block = this.#block;
    if (block === undefined) throw new Error("a stop outside of a block");
    demand(data["index"] === this.#nextIndex, "a stop with another index");
    this.#nextIndex += 1;
    this.#block = undefined;
    if (block.type !== "tool_use" || block.text === "") return;
    if (!isObjectText(block.text)) this.#unparsed.push(block.text);
  }

  #messageDelta(data: Record<string, unknown>): void {
    demand(this.#state === "content" || this.#state === "finished", "message_delta before message_start");
    demand(this.#block === undefined, "message_delta inside a block");
    this.#state = "finished";
    const delta = record(data["delta"], "delta");
    this.#stopReason = delta["stop_reason"];
    demand(stopReasons.has(String(this.#stopReason)), `stop_reason ${String(this.#stopReason)}`);
    demand(delta["stop_sequence"] === null || typeof delta["stop_sequence"] === "string", "stop_sequence");
    checkUsage(record(data["usage"], "usage"), ["output_tokens"]);
    // A call cut off at the output limit is the one kind whose input may be incomplete.
    const mayBeCut = this.#stopReason === "max_tokens";
    demand(mayBeCut || this.#unparsed.length === 0, `tool input is no object: ${this.#unparsed[0] ?? ""}`);
  }
}

function parseEvent(chunk: string): Event {
  const lines = chunk.split("\n");
  const [eventLine = "", dataLine = "", ...more] = lines;
  demand(
    eventLine.startsWith("event: ") && dataLine.startsWith("data: ") && more.length === 0,
    "not event and data",
  );
  const name = eventLine.slice("event: ".length);
  const data = record(JSON.parse(dataLine.slice("data: ".length)), "data");
  demand(data["type"] === name, `data.type ${String(data["type"])} under event ${name}`);
  return { name, data };
}

function checkUsage(usage: Record<string, unknown>, fields: readonly string[]): void {
  for (const field of fields) {
    const value = usage[field];
    demand(typeof value === "number" && Number.isInteger(value) && value >= 0, `usage.${field}`);
  }
}

function isObjectText(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}

function record(value: unknown, name: string): Record<string, unknown> {
  demand(typeof value === "object" && value !== null && !Array.isArray(value), `${name} is no object`);
  return { ...Object(value) };
}

function demand(holds: boolean, otherwise: string): void {
  if (!holds) throw new Error(otherwise);
}
