/** Writes Chat Completions answers, whole and streamed, with OpenRouter's additions where it plays OpenRouter. */
import type { JsonObject } from "#lib/json.ts";
import { formatSse } from "#lib/sse.ts";
import type { Conversation, Finish, Frame, Reply, ReplyPart, TokenCounts } from "./conversation.ts";
import { splitTokens } from "./tokens.ts";

const CREATED = 1_790_000_000;
/** What the OpenRouter flavour bills, whatever the model. */
const USD_PER_INPUT_TOKEN = 0.000_001;
const USD_PER_OUTPUT_TOKEN = 0.000_002;

const FINISH_REASONS: Readonly<Record<Finish, string>> = {
  stop: "stop",
  "stop-sequence": "stop",
  length: "length",
  calls: "tool_calls",
  filter: "content_filter",
  refusal: "stop",
};
/** As an Anthropic model behind OpenRouter would say it. */
const NATIVE_FINISH_REASONS: Readonly<Record<Finish, string>> = {
  stop: "end_turn",
  "stop-sequence": "stop_sequence",
  length: "max_tokens",
  calls: "tool_use",
  filter: "refusal",
  refusal: "refusal",
};

export function writeChatReply(conversation: Conversation, reply: Reply): JsonObject {
  const text = join(reply, "text");
  const refusal = join(reply, "refusal");
  const calls = reply.parts.filter((part) => part.kind === "call");
  return {
    ...writeHead(conversation, reply),
    object: "chat.completion",
    choices: [
      {
        index: 0,
        finish_reason: FINISH_REASONS[reply.finish],
        ...writeNativeFinish(conversation, reply),
        logprobs: null,
        message: {
          role: "assistant",
          content: text === "" && (calls.length > 0 || refusal !== "") ? null : text,
          refusal: refusal === "" ? null : refusal,
          ...writeThoughts(conversation, reply),
          ...(calls.length > 0 && { tool_calls: calls.map(writeCall) }),
        },
      },
    ],
    usage: writeChatUsage(conversation, reply.tokens),
  };
}

export function writeChatFrames(conversation: Conversation, reply: Reply): readonly Frame[] {
  const chunk = createChunkWriter(conversation, reply);
  const frames: Frame[] = [];
  if (conversation.house === "openrouter") frames.push({ step: "open", text: ": OPENROUTER PROCESSING\n\n" });
  const hasText = reply.parts.some((part) => part.kind === "text");
  frames.push(chunk("open", { role: "assistant", content: hasText ? "" : null }));
  let callIndex = 0;
  for (const part of reply.parts) {
    const index = callIndex;
    if (part.kind === "call") callIndex += 1;
    for (const delta of writeDeltas(conversation, part, index)) frames.push(chunk("content", delta));
  }
  frames.push(chunk("finish", {}, reply.finish));
  if (conversation.wantsStreamUsage) {
    const usage = writeChatUsage(conversation, reply.tokens);
    const text = formatSse(JSON.stringify({ ...writeChunkHead(conversation, reply), choices: [], usage }));
    frames.push({ step: "finish", text });
  }
  frames.push({ step: "terminator", text: formatSse("[DONE]") });
  return frames;
}

type ChunkWriter = (step: Frame["step"], delta: JsonObject, finish?: Finish) => Frame;

function createChunkWriter(conversation: Conversation, reply: Reply): ChunkWriter {
  const head = writeChunkHead(conversation, reply);
  const isOpenRouter = conversation.house === "openrouter";
  return (step, delta, finish) => {
    const choice = {
      index: 0,
      delta,
      finish_reason: finish === undefined ? null : FINISH_REASONS[finish],
      ...(isOpenRouter && {
        native_finish_reason: finish === undefined ? null : NATIVE_FINISH_REASONS[finish],
      }),
      logprobs: null,
    };
    const usage = conversation.wantsStreamUsage && !isOpenRouter ? { usage: null } : {};
    return { step, text: formatSse(JSON.stringify({ ...head, choices: [choice], ...usage })) };
  };
}

function writeDeltas(conversation: Conversation, part: ReplyPart, callIndex: number): readonly JsonObject[] {
  switch (part.kind) {
    case "text":
      return splitTokens(part.text).map((content) => ({ content }));
    case "refusal":
      return splitTokens(part.text).map((refusal) => ({ refusal }));
    case "call":
      return writeCallDeltas(part, callIndex);
    case "reasoning":
      return conversation.house === "openrouter" ? writeDetailDeltas(part) : writeReasoningDeltas(part.text);
  }
}

function writeReasoningDeltas(text: string): readonly JsonObject[] {
  return splitTokens(text).map((token) => ({ reasoning_content: token }));
}

type CallPart = Extract<ReplyPart, { kind: "call" }>;
type ReasoningPart = Extract<ReplyPart, { kind: "reasoning" }>;

function writeCallDeltas(part: CallPart, index: number): readonly JsonObject[] {
  const type = part.isFreeText ? "custom" : "function";
  const field = part.isFreeText ? "input" : "arguments";
  return [
    { tool_calls: [{ index, id: part.id, type, [type]: { name: part.name, [field]: "" } }] },
    ...splitTokens(part.input).map((token) => ({ tool_calls: [{ index, [type]: { [field]: token } }] })),
  ];
}

/** The text grows, the signature comes last: consecutive fragments of one index are one entry. */
function writeDetailDeltas(part: ReasoningPart): readonly JsonObject[] {
  const head = { type: "reasoning.text", format: "anthropic-claude-v1", index: 0 };
  return [
    ...splitTokens(part.text).map((text) => ({
      content: "",
      reasoning: text,
      reasoning_details: [{ ...head, text }],
    })),
    { content: "", reasoning: null, reasoning_details: [{ ...head, signature: part.blob }] },
  ];
}

function writeThoughts(conversation: Conversation, reply: Reply): JsonObject {
  const part = reply.parts.find((candidate) => candidate.kind === "reasoning");
  if (part === undefined) return {};
  if (conversation.house !== "openrouter") return { reasoning_content: part.text };
  const head = { type: "reasoning.text", format: "anthropic-claude-v1", index: 0 };
  return { reasoning: part.text, reasoning_details: [{ ...head, text: part.text, signature: part.blob }] };
}

function writeCall(part: CallPart): JsonObject {
  return part.isFreeText
    ? { id: part.id, type: "custom", custom: { name: part.name, input: part.input } }
    : { id: part.id, type: "function", function: { name: part.name, arguments: part.input } };
}

function writeHead(conversation: Conversation, reply: Reply): JsonObject {
  const isOpenRouter = conversation.house === "openrouter";
  return {
    id: `${isOpenRouter ? "gen" : "chatcmpl"}-${reply.serial}`,
    created: CREATED,
    model: conversation.model,
    ...(isOpenRouter && { provider: "Demo" }),
  };
}

function writeChunkHead(conversation: Conversation, reply: Reply): JsonObject {
  return { ...writeHead(conversation, reply), object: "chat.completion.chunk" };
}

function writeNativeFinish(conversation: Conversation, reply: Reply): JsonObject {
  return conversation.house === "openrouter"
    ? { native_finish_reason: NATIVE_FINISH_REASONS[reply.finish] }
    : {};
}

function writeChatUsage(conversation: Conversation, tokens: TokenCounts): JsonObject {
  return {
    prompt_tokens: tokens.input,
    completion_tokens: tokens.output,
    total_tokens: tokens.input + tokens.output,
    prompt_tokens_details: { cached_tokens: tokens.cacheRead, audio_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: tokens.reasoning, audio_tokens: 0 },
    ...(conversation.house === "openrouter" && writeCost(tokens)),
  };
}

/** The bill of the OpenRouter flavour, on all of its APIs. */
export function writeCost(tokens: TokenCounts): JsonObject {
  const prompt = tokens.input * USD_PER_INPUT_TOKEN;
  const completions = tokens.output * USD_PER_OUTPUT_TOKEN;
  const cost = Number((prompt + completions).toFixed(9));
  return { cost, is_byok: false, cost_details: { upstream_inference_cost: null } };
}

function join(reply: Reply, kind: "text" | "refusal"): string {
  return reply.parts.map((part) => (part.kind === kind ? part.text : "")).join("");
}
