/** `:countTokens`. AI Studio wants a whole request wrapped, with the model named inside; Vertex takes it flat. */
import { asObject, type JsonObject } from "#lib/json.ts";
import type { Chat } from "#model/chat.ts";
import { toCount } from "#model/usage.ts";
import type { Dialect } from "#protocols/protocol.ts";
import { encodeCountable } from "./encode-request.ts";
import { fitBackEnd } from "./fit-back-end.ts";

export function encodeCounting(chat: Chat, dialect: Dialect): JsonObject {
  return fitCounting(encodeCountable(chat, dialect), dialect);
}

/** The caller may have written either form; each back end gets its own. */
export function patchCounting(raw: JsonObject, dialect: Dialect): JsonObject {
  return fitCounting(fitBackEnd(flatten(raw), dialect, []), dialect);
}

/** Fields of the request that is counted, from either form. */
export function flatten(raw: JsonObject): JsonObject {
  const wrapped = asObject(raw["generateContentRequest"] ?? raw["generate_content_request"]);
  const { generateContentRequest: _, generate_content_request: __, model: ___, ...rest } = raw;
  if (!wrapped) return rest;
  const { model: ____, ...inner } = wrapped;
  return { ...rest, ...inner };
}

export function decodeCounting(body: unknown): number | undefined {
  return toCount(asObject(body)?.["totalTokens"]);
}

function fitCounting(request: JsonObject, dialect: Dialect): JsonObject {
  if (dialect.host === "vertex") return request;
  const isBare = Object.keys(request).every((name) => name === "contents");
  if (isBare) return request;
  return { generateContentRequest: { model: modelName(dialect.model), ...request } };
}

function modelName(model: string): string {
  return model.includes("/") ? model : `models/${model}`;
}
