/**
 * Where each API's operations are, below a base URL written as the vendor's own SDK takes it. A model's name may
 * come from a request, so it is only ever one percent-encoded path segment: it cannot climb to another path, add
 * a query or name another host.
 */
import type { ProtocolName } from "#model/chat.ts";
import { Failure } from "#model/failure.ts";
import type { Operation } from "./connector.ts";

export interface OperationPlace {
  readonly baseUrl: string;
  readonly protocol: ProtocolName;
  readonly operation: Operation;
  readonly model: string;
}

/** Throws `unsupported` where the API has no such operation. */
export function operationUrl(place: OperationPlace): string {
  const { baseUrl, operation } = place;
  switch (place.protocol) {
    case "openai-chat":
      if (operation === "count") throw countingUnsupported();
      return isEmbedding(operation) ? `${baseUrl}/embeddings` : `${baseUrl}/chat/completions`;
    case "openai-responses":
      if (isEmbedding(operation)) return `${baseUrl}/embeddings`;
      return operation === "count" ? `${baseUrl}/responses/input_tokens` : `${baseUrl}/responses`;
    case "anthropic-messages": {
      if (isEmbedding(operation)) throw embeddingUnsupported();
      const messages = `${withVersion(baseUrl, "v1")}/messages`;
      return operation === "count" ? `${messages}/count_tokens` : messages;
    }
    case "gemini":
      return `${withVersion(baseUrl, "v1beta")}/${geminiPath(place.model)}:${geminiMethod(operation)}`;
  }
}

export function geminiMethod(operation: Operation): string {
  switch (operation) {
    case "whole":
      return "generateContent";
    case "stream":
      return "streamGenerateContent?alt=sse";
    case "count":
      return "countTokens";
    case "embed":
      return "embedContent";
    case "embed_batch":
      return "batchEmbedContents";
  }
}

/** One path segment. `@` stays, because Vertex writes Claude's versions with it and it means nothing in a path. */
export function encodeSegment(text: string): string {
  const encoded = encodeURIComponent(text.toWellFormed()).replaceAll("%40", "@");
  // A dot segment is the one thing that percent-encoding leaves alive: URL parsers drop or climb by it.
  return /^\.+$/.test(encoded) ? encoded.replaceAll(".", "%252E") : encoded;
}

export function countingUnsupported(): Failure {
  return new Failure("unsupported", "This upstream does not count tokens.");
}

export function isEmbedding(operation: Operation): boolean {
  return operation === "embed" || operation === "embed_batch";
}

export function embeddingUnsupported(): Failure {
  return new Failure("unsupported", "This model's provider has no embeddings.", { param: "model" });
}

/** People also write the version into the base URL; twice would be a 404. */
function withVersion(baseUrl: string, version: string): string {
  return /\/v\d+(?:alpha|beta)?\d*$/.test(baseUrl) ? baseUrl : `${baseUrl}/${version}`;
}

function geminiPath(model: string): string {
  const [, collection = "models", id = model] = /^(models|tunedModels)\/([^/]+)$/.exec(model) ?? [];
  return `${collection}/${encodeSegment(id)}`;
}
