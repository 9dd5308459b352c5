/**
 * Gemini's URLs: the model and the method stand in the path, in AI Studio's shape and in Vertex AI's. A model id may
 * hold slashes and colons itself (`vendor/model:free`), so the last colon is the one that counts.
 */
import {
  queryOf,
  type BodySink,
  type IncomingRequest,
  type OutgoingReply,
  type PouredBody,
} from "#lib/http-server.ts";
import { SseReader, type SseFrame } from "#lib/sse.ts";
import { JsonArrayFraming } from "#protocols/gemini/json-array-framing.ts";
import { embed } from "#gateway/embed.ts";
import { geminiEmbeddings } from "#protocols/gemini/embeddings.ts";
import type { EmbeddingClient } from "#protocols/embeddings.ts";
import { countTokens } from "#gateway/count-tokens.ts";
import { handle } from "#gateway/handle.ts";
import { listModels } from "#gateway/list-models.ts";
import type { World } from "#gateway/world.ts";
import type { Protocol } from "#protocols/protocol.ts";

export interface GeminiRoute {
  readonly method: "GET" | "POST";
  readonly handler: (
    world: World,
    request: IncomingRequest,
    protocol: Protocol,
  ) => OutgoingReply | Promise<OutgoingReply>;
}

/** `/v1beta/models/...` and `/v1alpha`; `/v1/models` belongs to OpenAI's clients unless a method follows. */
const AI_STUDIO = /^\/v1(?:beta|alpha)?\/(?:models|tunedModels)(?:\/(.+))?$/;
const VERTEX =
  /^\/v1(?:beta1)?\/(?:projects\/[^/]+\/locations\/[^/]+\/)?publishers\/google\/models(?:\/(.+))?$/;

/** The route of a Gemini URL, or undefined where it is none. */
export function findGeminiRoute(path: string): GeminiRoute | undefined {
  const match = AI_STUDIO.exec(path) ?? VERTEX.exec(path);
  if (!match) return undefined;
  const rest = decoded(match[1] ?? "");
  const colon = rest.lastIndexOf(":");
  const method = colon < 0 ? "" : rest.slice(colon + 1);
  const model = colon < 0 ? rest : rest.slice(0, colon);
  switch (method) {
    case "generateContent":
      return post((world, request, protocol) => handle(world, { request, protocol, model, stream: false }));
    case "streamGenerateContent":
      return post((world, request, protocol) => streamContent(world, request, protocol, model));
    case "countTokens":
      return post((world, request, protocol) => countTokens(world, { request, protocol, model }));
    case "embedContent":
      return embedding(model, geminiEmbeddings.one);
    case "batchEmbedContents":
      return embedding(model, geminiEmbeddings.batch);
    case "predict":
      return embedding(model, geminiEmbeddings.predict);
    default:
      return path.startsWith("/v1/models") ? undefined : listing(rest);
  }
}

function post(handler: GeminiRoute["handler"]): GeminiRoute {
  return { method: "POST", handler };
}

function embedding(model: string, client: EmbeddingClient): GeminiRoute {
  return post((world, request, protocol) => embed(world, { request, protocol, model }, client));
}

function listing(rest: string): GeminiRoute {
  const id = rest === "" ? undefined : rest;
  return { method: "GET", handler: (world, request, protocol) => listModels(world, request, protocol, id) };
}

/** Without `alt=sse` the same stream is one JSON array, sent in pieces. */
async function streamContent(
  world: World,
  request: IncomingRequest,
  protocol: Protocol,
  model: string,
): Promise<OutgoingReply> {
  const reply = await handle(world, { request, protocol, model, stream: true });
  const isSse = queryOf(request).get("alt") === "sse";
  if (isSse || typeof reply.body === "string") return reply;
  const headers = { ...reply.headers, "content-type": "application/json; charset=utf-8" };
  return { status: reply.status, headers, body: asJsonArray(reply.body) };
}

function asJsonArray(events: PouredBody): PouredBody {
  return {
    begin: (sink) => events.begin(new JsonArraySink(sink)),
    onRoom: () => events.onRoom(),
  };
}

class JsonArraySink implements BodySink {
  readonly #sink: BodySink;
  /** What comes is our own, and was bounded where it came in. */
  readonly #reader = new SseReader(Number.POSITIVE_INFINITY);
  readonly #framing = new JsonArrayFraming();

  constructor(sink: BodySink) {
    this.#sink = sink;
  }

  write(text: string): boolean {
    return this.#sink.write(this.#frame(this.#reader.pushText(text)));
  }

  end(text: string): void {
    const last = this.#frame(this.#reader.pushText(text)) + this.#frame(this.#reader.end());
    this.#sink.end(last + this.#framing.end());
  }

  #frame(frames: readonly SseFrame[]): string {
    return frames.map((frame) => this.#framing.push(frame)).join("");
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
