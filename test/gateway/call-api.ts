/** One plain question through any of the four client APIs, without an SDK between the test and the bytes. */
import type { JsonObject } from "#lib/json.ts";
import type { TestGateway } from "./start-gateway.ts";

export const allClientApis = ["openai-chat", "openai-responses", "anthropic-messages", "gemini"] as const;
export type AnyClientApi = (typeof allClientApis)[number];

export interface ApiCall {
  readonly api: AnyClientApi;
  readonly model: string;
  readonly stream: boolean;
  readonly text?: string;
  readonly key?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** Further fields of the body. */
  readonly fields?: JsonObject;
}

export function callApi(gateway: Pick<TestGateway, "url" | "key">, call: ApiCall): Promise<Response> {
  return fetch(`${gateway.url}${pathOf(call)}`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${call.key ?? gateway.key}`,
      "content-type": "application/json",
      ...call.headers,
    },
    body: JSON.stringify({ ...bodyOf(call), ...call.fields }),
    ...(call.signal && { signal: call.signal }),
  });
}

export function pathOf({ api, model, stream }: Pick<ApiCall, "api" | "model" | "stream">): string {
  switch (api) {
    case "openai-chat":
      return "/v1/chat/completions";
    case "openai-responses":
      return "/v1/responses";
    case "anthropic-messages":
      return "/v1/messages";
    case "gemini":
      return `/v1beta/models/${model}:${stream ? "streamGenerateContent?alt=sse" : "generateContent"}`;
  }
}

export function bodyOf({ api, model, stream, text = "Say something." }: ApiCall): JsonObject {
  switch (api) {
    case "openai-chat":
      return { model, stream, messages: [{ role: "user", content: text }] };
    case "openai-responses":
      return { model, stream, input: text };
    case "anthropic-messages":
      return { model, stream, max_tokens: 1000, messages: [{ role: "user", content: text }] };
    case "gemini":
      return { contents: [{ role: "user", parts: [{ text }] }] };
  }
}
