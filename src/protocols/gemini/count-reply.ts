/** `:countTokens` of a caller: `{contents}`, a wrapped `generateContentRequest`, or Vertex's flat form. */
import type { JsonObject } from "#lib/json.ts";
import type { Chat } from "#model/chat.ts";
import type { RequestLine } from "#protocols/protocol.ts";
import { flatten } from "./counting.ts";
import { decodeRequest } from "./decode-request.ts";
import { Fields } from "./fields.ts";

export function decodeCountRequest(body: JsonObject, line: RequestLine): Chat {
  const wrapped = new Fields(body).object("generateContentRequest");
  const model = line.model ?? wrapped?.string("model");
  return decodeRequest(flatten(body), { ...line, stream: false, ...(model !== undefined && { model }) });
}

export function encodeCountReply(tokens: number): JsonObject {
  return { totalTokens: tokens };
}
