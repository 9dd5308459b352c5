/** What the tests of this room's request encoder share: a plain chat of another API, and hosts to send it to. */
import type { Json } from "#lib/json.ts";
import type { Chat } from "#model/chat.ts";
import { Failure } from "#model/failure.ts";
import type { Dialect, EncodedRequest, Host } from "#protocols/protocol.ts";
import { encodeRequest } from "./encode-request.ts";

const base: Chat = {
  protocol: "anthropic-messages",
  model: "logical",
  stream: false,
  includeUsage: true,
  system: [],
  turns: [{ side: "user", parts: [{ type: "text", text: "hi" }] }],
  tools: [],
  extensions: {},
  betas: [],
};

export function to(host: Host, model = "m", vendor: Dialect["vendor"] = "unknown"): Dialect {
  return { model, vendor, route: host, host };
}

export function encode(chat: Partial<Chat>, dialect: Dialect): EncodedRequest {
  return encodeRequest({ ...base, ...chat }, dialect);
}

export function messages(chat: Partial<Chat>, dialect: Dialect): Json | undefined {
  return encode(chat, dialect).body["messages"];
}

/** The path a refusal names, or undefined where the request is encoded. */
export function refused(chat: Partial<Chat>, dialect: Dialect): string | undefined {
  try {
    encode(chat, dialect);
  } catch (error) {
    if (error instanceof Failure && error.kind === "unsupported") return error.detail.param;
    throw error;
  }
  return undefined;
}
