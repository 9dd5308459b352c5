/** The four rooms, and what every test of their pairs needs: a dialect, an envelope, a request line, a seal. */
import { isObject, parseJson } from "#lib/json.ts";
import { SseReader } from "#lib/sse.ts";
import type { Chat, Opaque, ProtocolName, Vendor } from "#model/chat.ts";
import type { ChatEvent } from "#model/chat-event.ts";
import { SEAL_PREFIX } from "#model/seal-prefix.ts";
import { anthropicMessages } from "#protocols/anthropic-messages/anthropic-messages.ts";
import { gemini } from "#protocols/gemini/gemini.ts";
import { openaiChat } from "#protocols/openai-chat/openai-chat.ts";
import { openaiResponses } from "#protocols/openai-responses/openai-responses.ts";
import type { Dialect, Envelope, Host, Protocol, RequestLine } from "#protocols/protocol.ts";

export const rooms = {
  "openai-chat": openaiChat,
  "openai-responses": openaiResponses,
  "anthropic-messages": anthropicMessages,
  gemini,
} as const satisfies Record<ProtocolName, Protocol>;

export const apis = ["openai-chat", "openai-responses", "anthropic-messages", "gemini"] as const;

/** A current model of the API's own maker. */
const makers: Readonly<
  Record<ProtocolName, { readonly model: string; readonly vendor: Vendor; readonly host: Host }>
> = {
  "openai-chat": { model: "gpt-5.2", vendor: "openai", host: "openai" },
  "openai-responses": { model: "gpt-5.2", vendor: "openai", host: "openai" },
  "anthropic-messages": { model: "claude-sonnet-4-5", vendor: "anthropic", host: "anthropic" },
  gemini: { model: "gemini-3-pro-preview", vendor: "google", host: "aistudio" },
};

export function dialectOf(api: ProtocolName, fields: Partial<Dialect> = {}): Dialect {
  return { ...makers[api], route: api, ...fields };
}

/** Reversible, so that what comes back can be opened, and seen through in a snapshot. */
function seal(opaque: Opaque): string {
  return `${SEAL_PREFIX}${Buffer.from(JSON.stringify(opaque)).toString("base64url")}`;
}

export function unseal(text: string): Opaque | undefined {
  if (!text.startsWith(SEAL_PREFIX)) return undefined;
  const value = parseJson(Buffer.from(text.slice(SEAL_PREFIX.length), "base64url").toString());
  return isOpaque(value) ? value : undefined;
}

function isOpaque(value: unknown): value is Opaque {
  return isObject(value) && typeof value["kind"] === "string" && typeof value["data"] === "string";
}

export function lineOf(api: ProtocolName, stream = false): RequestLine {
  return { headers: new Headers(), unseal, ...(api === "gemini" && { model: "model", stream }) };
}

/** A request that asks for everything an answer may hold: thoughts, and usage at the end of a stream. */
export function askingChat(api: ProtocolName): Chat {
  return {
    protocol: api,
    model: "model",
    stream: true,
    includeUsage: true,
    system: [],
    turns: [{ side: "user", parts: [{ type: "text", text: "?" }] }],
    tools: [],
    reasoning: { visibility: "full" },
    extensions: {},
    betas: [],
  };
}

export function envelopeOf(chat: Chat): Envelope {
  return { id: "Ab12", createdAtSeconds: 1_790_000_000, model: "served", chat, seal };
}

/** A stream's events as a client of `api` gets them. */
export function encodeStream(
  api: ProtocolName,
  events: readonly ChatEvent[],
  chat = askingChat(api),
): string {
  const { client } = rooms[api];
  const encoder = client.createStreamEncoder(envelopeOf(chat));
  const pieces = events.map((event) => {
    const text = encoder.push(event);
    // As the gateway does where an encoder has nothing of its own to say about an error.
    return event.type === "error" && text === "" ? client.encodeStreamFailure(event.failure, "Ab12") : text;
  });
  return pieces.join("");
}

/** Bytes in any pieces, through the reader and the decoder of `dialect`'s API. */
export function decodeChunks(
  api: ProtocolName,
  chunks: Iterable<Uint8Array>,
  dialect: Dialect = dialectOf(api),
): readonly ChatEvent[] {
  const reader = new SseReader();
  const decoder = rooms[api].upstream.createStreamDecoder(dialect);
  const events: ChatEvent[] = [];
  for (const chunk of chunks) for (const frame of reader.push(chunk)) events.push(...decoder.push(frame));
  for (const frame of reader.end()) events.push(...decoder.push(frame));
  // A frame that was terminal by itself has said the last word.
  const last = events.at(-1)?.type;
  return last === "end" || last === "error" ? events : [...events, ...decoder.end()];
}
