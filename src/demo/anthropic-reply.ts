/** Writes Anthropic Messages answers, whole and streamed. */
import { parseJson, type JsonObject } from "#lib/json.ts";
import { formatSse } from "#lib/sse.ts";
import { writeCost } from "./chat-reply.ts";
import type { Conversation, Finish, Frame, Reply, ReplyPart, TokenCounts } from "./conversation.ts";
import { splitTokens } from "./tokens.ts";

const STOP_REASONS: Readonly<Record<Finish, string>> = {
  stop: "end_turn",
  "stop-sequence": "stop_sequence",
  length: "max_tokens",
  calls: "tool_use",
  filter: "refusal",
  refusal: "refusal",
};

export function writeAnthropicReply(conversation: Conversation, reply: Reply): JsonObject {
  return {
    ...writeHead(conversation, reply),
    content: reply.parts.map((part) => writeBlock(part, conversation.wantsThoughts)),
    ...writeStop(reply),
    usage: writeAnthropicUsage(conversation, reply.tokens),
  };
}

export function writeAnthropicFrames(conversation: Conversation, reply: Reply): readonly Frame[] {
  const usage = writeAnthropicUsage(conversation, reply.tokens);
  const message = {
    ...writeHead(conversation, reply),
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage: { ...usage, output_tokens: 1 },
  };
  const frames: Frame[] = [];
  if (conversation.house === "openrouter") frames.push({ step: "open", text: ": OPENROUTER PROCESSING\n\n" });
  frames.push(writeEvent("open", { type: "message_start", message }));
  for (const [index, part] of reply.parts.entries()) {
    frames.push(
      writeEvent("open", { type: "content_block_start", index, content_block: writeEmptyBlock(part) }),
    );
    if (index === 0) frames.push(writeEvent("open", { type: "ping" }));
    for (const delta of writeDeltas(part, conversation.wantsThoughts)) {
      frames.push(writeEvent("content", { type: "content_block_delta", index, delta }));
    }
    frames.push(writeEvent("close", { type: "content_block_stop", index }));
  }
  frames.push(
    writeEvent("finish", { type: "message_delta", delta: writeStop(reply), usage }),
    writeEvent("terminator", { type: "message_stop" }),
  );
  return frames;
}

function writeEvent(step: Frame["step"], event: JsonObject & { readonly type: string }): Frame {
  return { step, text: formatSse(JSON.stringify(event), event.type) };
}

function writeHead(conversation: Conversation, reply: Reply): JsonObject {
  return {
    id: `msg_${reply.serial}`,
    type: "message",
    role: "assistant",
    model: conversation.model,
    ...(conversation.house === "openrouter" && { provider: "Demo" }),
  };
}

function writeStop(reply: Reply): JsonObject {
  const isRefusal = reply.finish === "refusal" || reply.finish === "filter";
  return {
    stop_reason: STOP_REASONS[reply.finish],
    stop_sequence: reply.stopSequence ?? null,
    ...(isRefusal && {
      stop_details: {
        type: "refusal",
        category: "general_harms",
        explanation: "The demo declines on request.",
      },
    }),
  };
}

function writeBlock(part: ReplyPart, showsThoughts: boolean): JsonObject {
  switch (part.kind) {
    case "text":
    case "refusal":
      return { type: "text", text: part.text, citations: null };
    case "reasoning":
      return { type: "thinking", thinking: showsThoughts ? part.text : "", signature: part.blob };
    case "call":
      return { type: "tool_use", id: part.id, name: part.name, input: parseJson(part.input) ?? {} };
  }
}

function writeEmptyBlock(part: ReplyPart): JsonObject {
  switch (part.kind) {
    case "text":
    case "refusal":
      return { type: "text", text: "" };
    case "reasoning":
      return { type: "thinking", thinking: "", signature: "" };
    case "call":
      return { type: "tool_use", id: part.id, name: part.name, input: {} };
  }
}

function writeDeltas(part: ReplyPart, showsThoughts: boolean): readonly JsonObject[] {
  switch (part.kind) {
    case "text":
    case "refusal":
      return splitTokens(part.text).map((text) => ({ type: "text_delta", text }));
    case "reasoning":
      return [
        ...splitTokens(showsThoughts ? part.text : "").map((thinking) => ({
          type: "thinking_delta",
          thinking,
        })),
        { type: "signature_delta", signature: part.blob },
      ];
    case "call":
      // A call without arguments has no delta at all.
      return part.input === "{}"
        ? []
        : ["", ...splitTokens(part.input)].map((partialJson) => ({
            type: "input_json_delta",
            partial_json: partialJson,
          }));
  }
}

/** Anthropic's input is what neither came from the cache nor went into it. */
function writeAnthropicUsage(conversation: Conversation, tokens: TokenCounts): JsonObject {
  return {
    input_tokens: tokens.input - tokens.cacheRead - tokens.cacheWrite,
    cache_creation_input_tokens: tokens.cacheWrite,
    cache_read_input_tokens: tokens.cacheRead,
    cache_creation: {
      ephemeral_5m_input_tokens: tokens.isHourCache ? 0 : tokens.cacheWrite,
      ephemeral_1h_input_tokens: tokens.isHourCache ? tokens.cacheWrite : 0,
    },
    output_tokens: tokens.output,
    service_tier: "standard",
    ...(conversation.house === "openrouter" && writeCost(tokens)),
  };
}
