/** What tests of the Responses room share: an envelope with a transparent seal, and the content of both forms. */
import OpenAI from "openai";
import type { Response as SdkResponse } from "openai/resources/responses/responses";
import { type JsonObject, asObject, parseJson } from "#lib/json.ts";
import { SseReader } from "#lib/sse.ts";
import type { AssistantPart, Chat, Citation, Opaque } from "#model/chat.ts";
import type { ChatEvent, PartStart } from "#model/chat-event.ts";
import type { Reply } from "#model/reply.ts";
import { openaiResponses } from "#protocols/openai-responses/openai-responses.ts";
import type { Dialect, Envelope, RequestLine } from "#protocols/protocol.ts";
import { checkOpenaiResponsesStream } from "./grammar/openai-responses.ts";

const SEAL = "seal.";

/** Reversible and plain, so that a test can see through it. */
function seal(opaque: Opaque): string {
  return `${SEAL}${Buffer.from(JSON.stringify(opaque)).toString("base64url")}`;
}

function unseal(text: string): Opaque | undefined {
  if (!text.startsWith(SEAL)) return undefined;
  const value = asObject(parseJson(Buffer.from(text.slice(SEAL.length), "base64url").toString()));
  const { kind, vendor, data } = value ?? {};
  if (typeof data !== "string") return undefined;
  const kinds = [
    "anthropic_signature",
    "anthropic_redacted",
    "openai_encrypted",
    "google_thought_signature",
  ] as const;
  const vendors = ["openai", "anthropic", "google", "xai", "unknown"] as const;
  const knownKind = kinds.find((name) => name === kind) ?? "unsigned";
  return { kind: knownKind, vendor: vendors.find((name) => name === vendor) ?? "unknown", data };
}

const line: RequestLine = { headers: new Headers(), unseal };

export function decode(body: JsonObject): Chat {
  return openaiResponses.client.decodeRequest(body, line);
}

export function envelope(chat: Chat = decode({ model: "m", input: "x" })): Envelope {
  return { id: "Ab12", createdAtSeconds: 1_790_000_000, model: "served-model", chat, seal };
}

export const openai: Dialect = { model: "gpt-5.2", vendor: "openai", route: "openai", host: "openai" };

/** Events of a stream given in chunks. */
export function readStream(chunks: Iterable<Uint8Array>, dialect: Dialect = openai): readonly ChatEvent[] {
  const reader = new SseReader();
  const decoder = openaiResponses.upstream.createStreamDecoder(dialect);
  const events: ChatEvent[] = [];
  for (const chunk of chunks) {
    for (const frame of reader.push(chunk)) events.push(...decoder.push(frame));
  }
  for (const frame of reader.end()) events.push(...decoder.push(frame));
  events.push(...decoder.end());
  return events;
}

export function readText(text: string, dialect: Dialect = openai): readonly ChatEvent[] {
  return readStream([new TextEncoder().encode(text)], dialect);
}

export function writeStream(events: Iterable<ChatEvent>, chat?: Chat): string {
  const encoder = openaiResponses.client.createStreamEncoder(envelope(chat));
  return [...events].map((event) => encoder.push(event)).join("");
}

/** The official SDK before a server that always gives this answer. */
export function sdk(body: string, init: { readonly status?: number; readonly type?: string } = {}): OpenAI {
  const headers = { "content-type": init.type ?? "text/event-stream" };
  const fetch = () => Promise.resolve(new Response(body, { status: init.status ?? 200, headers }));
  return new OpenAI({ apiKey: "test", baseURL: "http://upstream.test/v1", maxRetries: 0, fetch });
}

export function sdkWhole(body: JsonObject): Promise<SdkResponse> {
  return sdk(JSON.stringify(body), { type: "application/json" }).responses.create({ model: "m", input: "x" });
}

export function sdkStreamed(text: string): Promise<SdkResponse> {
  return sdk(text).responses.stream({ model: "m", input: "x" }).finalResponse();
}

/** What an answer says, whichever form it is in. */
export interface Content {
  text: string;
  refusal: string;
  citations: unknown[];
  calls: unknown[];
  reasoning: { texts: string[]; state: string | undefined }[];
  hosted: unknown[];
}

export function contentOfResponse(response: SdkResponse): Content {
  const content: Content = { text: "", refusal: "", citations: [], calls: [], reasoning: [], hosted: [] };
  for (const item of response.output) {
    if (item.type === "message") {
      for (const part of item.content) {
        if (part.type === "refusal") content.refusal += part.refusal;
        else content.text += part.text;
        if (part.type === "output_text") content.citations.push(...(part.annotations ?? []));
      }
    } else if (item.type === "function_call") {
      const namespace = item.namespace === undefined ? "" : `${item.namespace}__`;
      content.calls.push([item.call_id, namespace + item.name, item.arguments]);
    } else if (item.type === "custom_tool_call") {
      content.calls.push([item.call_id, item.name, item.input]);
    } else if (item.type === "reasoning") {
      const texts = [...item.summary, ...(item.content ?? [])].map((part) => part.text);
      const state = item.encrypted_content || undefined;
      const opened = state === undefined ? undefined : (unseal(state)?.data ?? state);
      if (texts.length > 0 || state !== undefined) content.reasoning.push({ texts, state: opened });
    } else content.hosted.push(item);
  }
  return content;
}

export function contentOfReply(reply: Reply): Content {
  const content: Content = { text: "", refusal: "", citations: [], calls: [], reasoning: [], hosted: [] };
  let lastId: string | undefined;
  for (const part of reply.choices[0]?.parts ?? []) {
    const id = part.type === "reasoning" ? part.id : undefined;
    addPart(content, part, id !== undefined && id === lastId);
    lastId = id;
  }
  return content;
}

function addPart(content: Content, part: AssistantPart, continues: boolean): void {
  switch (part.type) {
    case "text":
      content.text += part.text;
      content.citations.push(...(part.citations ?? []).map((citation) => citation.raw?.value));
      return;
    case "refusal":
      content.refusal += part.text;
      return;
    case "tool_call":
      content.calls.push([part.id, part.name, part.argumentsText]);
      return;
    case "reasoning": {
      const last = continues ? content.reasoning.at(-1) : undefined;
      const entry = last ?? { texts: [], state: undefined };
      if (part.text !== undefined) entry.texts.push(part.text);
      entry.state = part.signature?.data ?? entry.state;
      if (!last) content.reasoning.push(entry);
      return;
    }
    case "hosted":
      content.hosted.push(part.value);
      return;
    case "image":
    case "audio":
    case "code":
    case "code_result":
      throw new Error(`this API gives no ${part.type} part`);
  }
}

export const start: ChatEvent = { type: "start", model: "served" };
export const end: ChatEvent = { type: "end" };
export const finish = (reason: Extract<ChatEvent, { type: "finish" }>["reason"]): ChatEvent => ({
  type: "finish",
  choice: 0,
  reason,
});
export const google: Opaque = { kind: "google_thought_signature", vendor: "google", data: "G==" };
export const claude: Opaque = { kind: "anthropic_signature", vendor: "anthropic", data: "C==" };

/** One part's events; a signature stands where `late` says. */
export function part(
  begin: PartStart,
  texts: readonly string[],
  more: { opaque?: Opaque; late?: boolean; citations?: readonly Citation[] } = {},
): readonly ChatEvent[] {
  const sign: ChatEvent[] = more.opaque ? [{ type: "signature", choice: 0, opaque: more.opaque }] : [];
  return [
    { type: "part_start", choice: 0, part: begin },
    ...(more.late ? [] : sign),
    ...texts.map((text): ChatEvent => ({ type: "delta", choice: 0, text })),
    ...(more.citations ?? []).map((citation): ChatEvent => ({ type: "citation", choice: 0, citation })),
    ...(more.late ? sign : []),
    { type: "part_end", choice: 0 },
  ];
}

/** The closing response of a stream that obeys the grammar. */
export function closing(stream: string): JsonObject {
  return asObject(checkOpenaiResponsesStream(stream).at(-1)?.fields["response"]) ?? {};
}
