/** Writes OpenAI Responses answers, whole and as the full sequence of stream events. */
import { asArray, asString, type Json, type JsonObject } from "#lib/json.ts";
import { formatSse } from "#lib/sse.ts";
import { writeCost } from "./chat-reply.ts";
import type { Conversation, Frame, Reply, ReplyPart, TokenCounts } from "./conversation.ts";
import { splitTokens } from "./tokens.ts";

const CREATED = 1_790_000_000;

export function writeResponsesReply(conversation: Conversation, reply: Reply): JsonObject {
  const isIncomplete = reply.finish === "length" || reply.finish === "filter";
  const reason = reply.finish === "length" ? "max_output_tokens" : "content_filter";
  return {
    ...writeHead(conversation, reply),
    status: isIncomplete ? "incomplete" : "completed",
    completed_at: isIncomplete ? null : CREATED,
    incomplete_details: isIncomplete ? { reason } : null,
    output: reply.parts.map((part, index) => writeItem(conversation, reply, { part, index })),
    usage: writeResponsesUsage(conversation, reply.tokens),
  };
}

export function writeResponsesFrames(conversation: Conversation, reply: Reply): readonly Frame[] {
  const writer = new EventWriter(conversation.house === "openrouter");
  const started = { ...writeHead(conversation, reply), status: "in_progress", output: [], usage: null };
  writer.add("open", "response.created", { response: started });
  writer.add("open", "response.in_progress", { response: started });
  for (const [index, part] of reply.parts.entries()) addItem(writer, conversation, reply, { part, index });
  const whole = writeResponsesReply(conversation, reply);
  const isIncomplete = whole.status === "incomplete";
  writer.add("terminator", isIncomplete ? "response.incomplete" : "response.completed", { response: whole });
  return writer.frames;
}

class EventWriter {
  readonly frames: Frame[] = [];
  readonly #isOpenRouter: boolean;
  #sequence = 0;

  /** OpenRouter leaves the event names out, sends comments and adds a `[DONE]`. */
  constructor(isOpenRouter: boolean) {
    this.#isOpenRouter = isOpenRouter;
    if (isOpenRouter) this.frames.push({ step: "open", text: ": OPENROUTER PROCESSING\n\n" });
  }

  add(step: Frame["step"], type: string, fields: JsonObject): void {
    const data = JSON.stringify({ type, sequence_number: this.#sequence, ...fields });
    this.#sequence += 1;
    this.frames.push({ step, text: formatSse(data, this.#isOpenRouter ? undefined : type) });
    if (step === "terminator" && this.#isOpenRouter) this.frames.push({ step, text: formatSse("[DONE]") });
  }
}

interface Placed {
  readonly part: ReplyPart;
  readonly index: number;
}

function addItem(writer: EventWriter, conversation: Conversation, reply: Reply, placed: Placed): void {
  const done = writeItem(conversation, reply, placed);
  const place = { output_index: placed.index };
  writer.add("open", "response.output_item.added", { ...place, item: writeEmptyItem(done) });
  const itemPlace = { item_id: itemId(reply, placed), ...place };
  switch (placed.part.kind) {
    case "text":
    case "refusal":
      addMessage(writer, placed.part, itemPlace);
      break;
    case "reasoning":
      for (const summary of asArray(done.summary)) addSummary(writer, summary, placed.part.text, itemPlace);
      break;
    case "call":
      addCall(writer, placed.part, itemPlace);
      break;
  }
  writer.add("close", "response.output_item.done", { ...place, item: done });
}

function addMessage(writer: EventWriter, part: TextPart, itemPlace: JsonObject): void {
  const place = { ...itemPlace, content_index: 0 };
  const isRefusal = part.kind === "refusal";
  const event = isRefusal ? "response.refusal" : "response.output_text";
  const extra = isRefusal ? {} : { logprobs: [] };
  writer.add("open", "response.content_part.added", { ...place, part: writeContent({ ...part, text: "" }) });
  for (const delta of splitTokens(part.text))
    writer.add("content", `${event}.delta`, { ...place, delta, ...extra });
  writer.add("close", `${event}.done`, { ...place, [isRefusal ? "refusal" : "text"]: part.text, ...extra });
  writer.add("close", "response.content_part.done", { ...place, part: writeContent(part) });
}

function addSummary(writer: EventWriter, summary: Json, text: string, itemPlace: JsonObject): void {
  const place = { ...itemPlace, summary_index: 0 };
  const empty = { type: "summary_text", text: "" };
  writer.add("open", "response.reasoning_summary_part.added", { ...place, part: empty });
  for (const delta of splitTokens(text)) {
    writer.add("content", "response.reasoning_summary_text.delta", { ...place, delta });
  }
  writer.add("close", "response.reasoning_summary_text.done", { ...place, text });
  writer.add("close", "response.reasoning_summary_part.done", { ...place, part: summary });
}

function addCall(writer: EventWriter, part: CallPart, itemPlace: JsonObject): void {
  const event = part.isFreeText ? "response.custom_tool_call_input" : "response.function_call_arguments";
  for (const delta of splitTokens(part.input))
    writer.add("content", `${event}.delta`, { ...itemPlace, delta });
  const field = part.isFreeText ? "input" : "arguments";
  writer.add("close", `${event}.done`, { ...itemPlace, [field]: part.input });
}

type TextPart = Extract<ReplyPart, { kind: "text" | "refusal" }>;
type CallPart = Extract<ReplyPart, { kind: "call" }>;

function itemId(reply: Reply, placed: Placed): string {
  return `${ID_PREFIXES[placed.part.kind]}_${reply.serial}_${placed.index}`;
}

const ID_PREFIXES = { text: "msg", refusal: "msg", reasoning: "rs", call: "fc" } as const;

function writeItem(conversation: Conversation, reply: Reply, placed: Placed): JsonObject {
  const { part } = placed;
  const id = itemId(reply, placed);
  switch (part.kind) {
    case "text":
    case "refusal":
      return { type: "message", id, role: "assistant", status: "completed", content: [writeContent(part)] };
    case "reasoning": {
      const summary = conversation.wantsThoughts ? [{ type: "summary_text", text: part.text }] : [];
      return { type: "reasoning", id, summary, encrypted_content: part.blob };
    }
    case "call":
      return {
        id,
        call_id: part.id,
        name: part.name,
        status: "completed",
        ...(part.isFreeText
          ? { type: "custom_tool_call", input: part.input }
          : { type: "function_call", arguments: part.input }),
      };
  }
}

/** An item as it is when it begins. */
function writeEmptyItem(item: JsonObject): JsonObject {
  switch (asString(item.type) ?? "") {
    case "message":
      return { ...item, status: "in_progress", content: [] };
    case "reasoning":
      return { type: item.type, id: item.id, summary: [] };
    case "custom_tool_call":
      return { ...item, status: "in_progress", input: "" };
    default:
      return { ...item, status: "in_progress", arguments: "" };
  }
}

function writeContent(part: TextPart): JsonObject {
  return part.kind === "refusal"
    ? { type: "refusal", refusal: part.text }
    : { type: "output_text", text: part.text, annotations: [], logprobs: [] };
}

function writeHead(conversation: Conversation, reply: Reply): JsonObject {
  return {
    id: `${conversation.house === "openrouter" ? "gen" : "resp"}_${reply.serial}`,
    object: "response",
    created_at: CREATED,
    completed_at: null,
    error: null,
    incomplete_details: null,
    instructions: null,
    max_output_tokens: conversation.outputTokensMax ?? null,
    metadata: {},
    model: conversation.model,
    parallel_tool_calls: conversation.mayCallParallel,
    previous_response_id: null,
    reasoning: { effort: null, summary: null },
    service_tier: "default",
    store: false,
    temperature: 1,
    text: { format: { type: "text" } },
    tool_choice: "auto",
    tools: [],
    top_p: 1,
    truncation: "disabled",
    user: null,
  };
}

function writeResponsesUsage(conversation: Conversation, tokens: TokenCounts): JsonObject {
  return {
    input_tokens: tokens.input,
    input_tokens_details: { cached_tokens: tokens.cacheRead, cache_write_tokens: 0 },
    output_tokens: tokens.output,
    output_tokens_details: { reasoning_tokens: tokens.reasoning },
    total_tokens: tokens.input + tokens.output,
    ...(conversation.house === "openrouter" && writeCost(tokens)),
  };
}
