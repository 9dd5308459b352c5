/** A Google upstream's vectors, from whichever of its three shapes. Few models report tokens; then nobody counted. */
import { asArray, asObject, type Json, type JsonObject } from "#lib/json.ts";
import type { Embedding, EmbeddingAnswer } from "#model/embedding.ts";
import { Failure } from "#model/failure.ts";
import { sumCounts, toCount } from "#model/usage.ts";
import type { EmbeddingCall } from "#protocols/embeddings.ts";

export function decodeEmbeddingReply(
  body: unknown,
  call: EmbeddingCall,
  { shape }: Embedding,
): EmbeddingAnswer {
  const answer = asObject(body) ?? {};
  const predictions = asArray(answer["predictions"]).map((item) => asObject(asObject(item)?.["embeddings"]));
  const entries = predictions.length > 0 ? predictions : contentEntries(answer);
  if (entries.length !== call.inputCount) {
    throw new Failure("upstream_broken", "The upstream gave not one vector for each input.");
  }
  const input = tokensOf(answer, predictions);
  return {
    vectors: entries.map((entry) => readValues(entry?.["values"])),
    ...(input !== undefined && { usage: { input, output: 0 } }),
    isAsAsked: shape === shapeOf(answer, predictions.length > 0),
  };
}

function shapeOf(answer: JsonObject, isPrediction: boolean): Embedding["shape"] {
  if (isPrediction) return "predict";
  return answer["embedding"] === undefined ? "batch" : "one";
}

function contentEntries(answer: JsonObject): readonly (JsonObject | undefined)[] {
  const one = asObject(answer["embedding"]);
  return one ? [one] : asArray(answer["embeddings"]).map(asObject);
}

function readValues(values: Json | undefined): readonly number[] {
  const list = asArray(values);
  const numbers = list.filter((value) => typeof value === "number");
  if (numbers.length > 0 && numbers.length === list.length) return numbers;
  throw new Failure("upstream_broken", "The upstream gave a vector that is none.");
}

function tokensOf(answer: JsonObject, predictions: readonly (JsonObject | undefined)[]): number | undefined {
  const counted = toCount(asObject(answer["usageMetadata"])?.["promptTokenCount"]);
  if (counted !== undefined || predictions.length === 0) return counted;
  const counts = predictions.map((entry) => toCount(asObject(entry?.["statistics"])?.["token_count"]));
  const known = counts.filter((count) => count !== undefined);
  return known.length === counts.length ? known.reduce((sum, count) => sumCounts(sum, count), 0) : undefined;
}
