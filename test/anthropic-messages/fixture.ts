/** Small makers for tests of the Messages API. */
import { asString, isObject, parseJson, type JsonObject } from "#lib/json.ts";
import { SseReader } from "#lib/sse.ts";
import type { Chat, Opaque } from "#model/chat.ts";
import type { ChatEvent } from "#model/chat-event.ts";
import { anthropicMessages } from "#protocols/anthropic-messages/anthropic-messages.ts";
import type { Dialect, Envelope, RequestLine, StreamDecoder } from "#protocols/protocol.ts";

/** A request from another API. */
export function chatOf(fields: Partial<Chat> = {}): Chat {
  return {
    protocol: "openai-chat",
    model: "m",
    stream: false,
    includeUsage: false,
    system: [],
    turns: [{ side: "user", parts: [{ type: "text", text: "hello" }] }],
    tools: [],
    extensions: {},
    betas: [],
    ...fields,
  };
}

export function dialectOf(fields: Partial<Dialect> = {}): Dialect {
  return {
    model: "claude-sonnet-4-5",
    vendor: "anthropic",
    route: "anthropic",
    host: "anthropic",
    ...fields,
  };
}

export function seal(opaque: Opaque): string {
  return `xjp1.${Buffer.from(JSON.stringify(opaque)).toString("base64url")}`;
}

function unseal(text: string): Opaque | undefined {
  if (!text.startsWith("xjp1.")) return undefined;
  const value = parseJson(Buffer.from(text.slice("xjp1.".length), "base64url").toString());
  return isOpaque(value) ? value : undefined;
}

function isOpaque(value: unknown): value is Opaque {
  return isObject(value) && typeof value["kind"] === "string" && typeof value["data"] === "string";
}

export function envelopeOf(chat: Chat = chatOf()): Envelope {
  return { id: "abc", createdAtSeconds: 1, model: "served", chat, seal };
}

export function lineOf(headers: Readonly<Record<string, string>> = {}): RequestLine {
  return { headers: { get: (name) => headers[name] ?? null }, unseal };
}

export function encodeStream(events: readonly ChatEvent[], envelope: Envelope = envelopeOf()): string {
  const encoder = anthropicMessages.client.createStreamEncoder(envelope);
  return events.map((event) => encoder.push(event)).join("");
}

/** Bytes in any pieces, through the reader and the decoder. */
export function decodeChunks(
  chunks: readonly Uint8Array[],
  decoder: StreamDecoder = anthropicMessages.upstream.createStreamDecoder(dialectOf()),
): readonly ChatEvent[] {
  const reader = new SseReader();
  const events = chunks.flatMap((chunk) => reader.push(chunk).flatMap((frame) => decoder.push(frame)));
  return [...events, ...reader.end().flatMap((frame) => decoder.push(frame)), ...decoder.end()];
}

export function decodeText(text: string, decoder?: StreamDecoder): readonly ChatEvent[] {
  return decodeChunks([new TextEncoder().encode(text)], decoder);
}

/** Upstream events by their data, named or not. */
export function streamOf(events: readonly JsonObject[], isNamed = true): string {
  return events
    .map(
      (data) =>
        `${isNamed ? `event: ${asString(data["type"]) ?? ""}\n` : ""}data: ${JSON.stringify(data)}\n\n`,
    )
    .join("");
}

/** The data of the events in our own stream text. */
export function eventsOf(text: string): readonly JsonObject[] {
  return text
    .split("\n")
    .filter((line) => line.startsWith("data: "))
    .map((line) => parseJson(line.slice("data: ".length)))
    .filter((data) => isObject(data));
}
