/** Reads a streamed answer of either client API as plainly as can be: what a client without any SDK would see. */
import { asArray, asObject, asString, parseJson, type JsonObject } from "#lib/json.ts";
import { SseReader } from "#lib/sse.ts";
import type { TestGateway } from "./start-gateway.ts";

export type ClientApi = "openai-chat" | "anthropic-messages";
export const clientApis: readonly ClientApi[] = ["openai-chat", "anthropic-messages"];

export interface Asked {
  readonly api: ClientApi;
  readonly model: string;
  readonly stream: boolean;
  readonly text?: string;
  readonly key?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

export interface Seen {
  readonly status: number;
  readonly headers: Headers;
  /** All text of the answer. */
  readonly text: string;
  /** The error body, or the stream's error event. */
  readonly error: JsonObject | undefined;
  /** Whether the answer ended as its API's good answers end. */
  readonly endedWell: boolean;
  readonly raw: string;
}

export function ask(gateway: Pick<TestGateway, "url" | "key">, asked: Asked): Promise<Response> {
  const path = asked.api === "openai-chat" ? "/v1/chat/completions" : "/v1/messages";
  return fetch(`${gateway.url}${path}`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${asked.key ?? gateway.key}`,
      "content-type": "application/json",
      ...asked.headers,
    },
    body: JSON.stringify({
      model: asked.model,
      stream: asked.stream,
      ...(asked.api === "anthropic-messages" && { max_tokens: 1000 }),
      messages: [{ role: "user", content: asked.text ?? "Say something." }],
    }),
    ...(asked.signal && { signal: asked.signal }),
  });
}

export async function askAndRead(gateway: Pick<TestGateway, "url" | "key">, asked: Asked): Promise<Seen> {
  const response = await ask(gateway, asked);
  const raw = await response.text();
  const isStream = response.headers.get("content-type")?.startsWith("text/event-stream") === true;
  const read = isStream ? readStream(raw) : readWhole(asObject(parseJson(raw)) ?? {});
  return { status: response.status, headers: response.headers, raw, ...read };
}

type Content = Pick<Seen, "text" | "error" | "endedWell">;

function readStream(raw: string): Content {
  const reader = new SseReader();
  const frames = [...reader.push(new TextEncoder().encode(raw)), ...reader.end()];
  let text = "";
  let error: JsonObject | undefined;
  let endedWell = false;
  for (const { data } of frames) {
    if (data === "[DONE]") endedWell = true;
    const event = asObject(parseJson(data));
    if (!event) continue;
    if (event["type"] === "message_stop") endedWell = true;
    error ??= asObject(event["error"]);
    text += deltaText(event);
  }
  return { text, error, endedWell };
}

function deltaText(event: JsonObject): string {
  const anthropic = asString(asObject(event["delta"])?.["text"]) ?? "";
  const chat = asObject(asObject(asArray(event["choices"])[0])?.["delta"])?.["content"];
  return anthropic + (asString(chat) ?? "");
}

function readWhole(body: JsonObject): Content {
  const message = asObject(asObject(asArray(body["choices"])[0])?.["message"]);
  const blocks = asArray(body["content"]).map((block) => asString(asObject(block)?.["text"]) ?? "");
  const text = (asString(message?.["content"]) ?? "") + blocks.join("");
  const error = asObject(body["error"]);
  return { text, error, endedWell: error === undefined };
}
