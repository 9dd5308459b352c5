/** Requests for the encoder, from the smallest chat there is. */
import { asArray, type JsonObject } from "#lib/json.ts";
import type { AssistantPart, Chat, Opaque, ToolCallPart, ToolResultPart, UserPart } from "#model/chat.ts";
import type { Dialect, Host } from "#protocols/protocol.ts";
import { encodeRequest } from "#protocols/gemini/encode-request.ts";

export const base: Chat = {
  protocol: "openai-chat",
  model: "m",
  stream: false,
  includeUsage: false,
  system: [],
  turns: [{ side: "user", parts: [{ type: "text", text: "hi" }] }],
  tools: [],
  extensions: {},
  betas: [],
};

export function dialect(model = "gemini-3-pro-preview", host: Host = "aistudio"): Dialect {
  return { model, vendor: "google", route: "google", host };
}

export function encode(
  chat: Partial<Chat>,
  to = dialect(),
): { body: JsonObject; dropped: readonly string[] } {
  return encodeRequest({ ...base, ...chat }, to);
}

export function contentsOf(chat: Partial<Chat>, to?: Dialect): readonly unknown[] {
  return asArray(encode(chat, to).body["contents"]);
}

export const google = (data: string, route?: string): Opaque => ({
  kind: "google_thought_signature",
  vendor: "google",
  data,
  ...(route !== undefined && { route }),
});
export const anthropic: Opaque = { kind: "anthropic_signature", vendor: "anthropic", data: "sig" };
export const call = (id: string, name: string, argumentsText = "{}"): ToolCallPart => ({
  type: "tool_call",
  id,
  name,
  argumentsText,
});
export const result = (callId: string, more: Partial<ToolResultPart> = {}): ToolResultPart => ({
  type: "tool_result",
  callId,
  content: [{ type: "text", text: "ok" }],
  ...more,
});

export function loop(
  assistant: readonly AssistantPart[],
  results: readonly (ToolResultPart | UserPart)[],
): Partial<Chat> {
  return {
    turns: [...base.turns, { side: "assistant", parts: assistant }, { side: "user", parts: results }],
  };
}
