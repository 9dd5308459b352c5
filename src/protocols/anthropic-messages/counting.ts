/** The token counting call. It takes fewer fields than a message does and refuses any other. */
import { asObject, type JsonObject } from "#lib/json.ts";
import type { Chat } from "#model/chat.ts";
import { toCount } from "#model/usage.ts";
import type { Dialect } from "#protocols/protocol.ts";
import { encodeRequest } from "./encode-request.ts";
import { patchBody } from "./patch-request.ts";

export function encodeCountRequest(chat: Chat, dialect: Dialect): JsonObject {
  return countFields(encodeRequest({ ...chat, stream: false }, dialect).body);
}

export function patchCountRequest(raw: JsonObject, dialect: Dialect): JsonObject {
  return countFields(patchBody(raw, dialect, new Set()));
}

/** Tokens, or undefined where the body is not understood. */
export function decodeCount(body: unknown): number | undefined {
  return toCount(asObject(body)?.["input_tokens"]);
}

export function encodeCount(tokens: number): JsonObject {
  return { input_tokens: tokens };
}

const FIELDS: ReadonlySet<string> = new Set([
  "messages",
  "model",
  "system",
  "tools",
  "tool_choice",
  "thinking",
  "output_config",
  "cache_control",
  "speed",
]);

function countFields(body: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(body).filter(([name]) => FIELDS.has(name)));
}
