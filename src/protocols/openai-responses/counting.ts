/** `POST /responses/input_tokens`: the same input fields, none that concern the answer. */
import { asObject, type JsonObject } from "#lib/json.ts";
import type { Chat } from "#model/chat.ts";
import { toCount } from "#model/usage.ts";
import type { Dialect, Protocol } from "#protocols/protocol.ts";
import { decodeRequest } from "./decode-request.ts";
import { encodeRequest } from "./encode-request.ts";

export const upstreamCounting: NonNullable<Protocol["upstream"]["counting"]> = {
  encodeRequest: (chat: Chat, dialect: Dialect) => inputOnly(encodeRequest(chat, dialect).body),
  patchRequest: (raw, dialect) => ({ ...raw, model: dialect.model }),
  decodeReply: (body) => toCount(asObject(body)?.["input_tokens"]),
};

export const clientCounting: NonNullable<Protocol["client"]["counting"]> = {
  decodeRequest,
  encodeReply: (tokens) => ({ object: "response.input_tokens", input_tokens: tokens }),
};

function inputOnly(body: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(body).filter(([name]) => INPUT_FIELDS.has(name)));
}

const INPUT_FIELDS: ReadonlySet<string> = new Set([
  "model",
  "input",
  "instructions",
  "tools",
  "tool_choice",
  "parallel_tool_calls",
  "text",
  "reasoning",
  "truncation",
  "previous_response_id",
  "conversation",
]);
