/** The Response object around the output: what the answer is, and the echo of the request strict clients demand. */
import { isObject, type Json, type JsonObject } from "#lib/json.ts";
import type { Chat } from "#model/chat.ts";
import type { Usage } from "#model/usage.ts";
import type { Envelope } from "#protocols/protocol.ts";
import { encodeFormat } from "./encode-request.ts";
import { encodeToolChoice, encodeTools } from "./encode-tools.ts";
import { encodeUsage } from "./usage.ts";

export interface ResponseState {
  readonly status: "in_progress" | "completed" | "incomplete" | "failed";
  readonly model: string;
  readonly output: readonly JsonObject[];
  readonly incompleteReason?: "max_output_tokens" | "content_filter";
  readonly usage?: Usage;
}

export function responseObject(envelope: Envelope, state: ResponseState): JsonObject {
  return {
    id: `resp_${envelope.id}`,
    object: "response",
    created_at: envelope.createdAtSeconds,
    status: state.status,
    error: null,
    incomplete_details: state.incompleteReason ? { reason: state.incompleteReason } : null,
    model: state.model,
    output: state.output,
    ...echo(envelope),
    service_tier: state.usage?.serviceTier ?? envelope.chat.serviceTier ?? "default",
    usage: state.status === "in_progress" ? null : encodeUsage(state.usage),
  };
}

function echo({ chat, isKept = false, previousId }: Envelope): JsonObject {
  const [first] = chat.system;
  return {
    instructions: first?.role === "system" ? first.text : null,
    max_output_tokens: chat.outputTokensMax ?? null,
    max_tool_calls: carried(chat, "max_tool_calls"),
    metadata: chat.metadata ?? {},
    parallel_tool_calls: chat.parallelToolCalls ?? true,
    previous_response_id: previousId ?? carried(chat, "previous_response_id"),
    prompt_cache_key: chat.cache?.key ?? null,
    reasoning: { effort: chat.reasoning?.effort ?? null, summary: summaryOf(chat) },
    safety_identifier: chat.userId ?? null,
    store: isKept,
    background: false,
    temperature: chat.temperature ?? null,
    text: {
      format: chat.output ? encodeFormat(chat.output, chat) : { type: "text" },
      ...(chat.verbosity && { verbosity: chat.verbosity }),
    },
    tool_choice: toolChoice(chat),
    tools: ownTools(chat),
    top_logprobs: chat.logprobs?.top ?? 0,
    top_p: chat.topP ?? null,
    truncation: carried(chat, "truncation") ?? "disabled",
    user: null,
  };
}

function carried(chat: Chat, name: string): Json {
  return chat.extensions[name] ?? null;
}

function summaryOf(chat: Chat): Json {
  if (chat.reasoning?.visibility !== "summary") return null;
  return chat.extensions["reasoning.summary"] ?? "auto";
}

function toolChoice(chat: Chat): Json {
  const verbatim = chat.extensions["tool_choice"];
  if (isObject(verbatim)) return verbatim;
  return chat.toolChoice ? encodeToolChoice(chat.toolChoice, chat.tools) : "auto";
}

/** A hosted tool of another API has no spelling here: an echo leaves it out. */
function ownTools(chat: Chat): readonly JsonObject[] {
  const tools = chat.tools.filter((tool) => tool.type !== "hosted" || tool.protocol === "openai-responses");
  return encodeTools({ ...chat, tools }, () => undefined);
}
