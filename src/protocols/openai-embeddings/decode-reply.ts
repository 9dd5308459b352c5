/** An upstream's list of embeddings. Some servers ignore `encoding_format`, some leave `index` or the usage out. */
import { asArray, asNumber, asObject, asString, type Json, type JsonObject } from "#lib/json.ts";
import type { Embedding, EmbeddingAnswer, Vector } from "#model/embedding.ts";
import { Failure } from "#model/failure.ts";
import { toCostNanoUsd, toCount, type Usage } from "#model/usage.ts";
import type { EmbeddingCall } from "#protocols/embeddings.ts";

interface Entry {
  readonly vector: Vector;
  readonly index: number;
}

export function decodeEmbeddingReply(
  body: unknown,
  call: EmbeddingCall,
  embedding: Embedding,
): EmbeddingAnswer {
  const answer = asObject(body);
  const entries = asArray(answer?.["data"]).map(readEntry);
  const isInOrder = entries.every((entry, position) => entry.index === position);
  const ordered = isInOrder ? entries : entries.toSorted((first, second) => first.index - second.index);
  const isComplete =
    ordered.length === call.inputCount && ordered.every((entry, position) => entry.index === position);
  if (!isComplete) throw new Failure("upstream_broken", "The upstream gave not one vector for each input.");
  const usage = readUsage(asObject(answer?.["usage"]));
  const model = asString(answer?.["model"]);
  const wanted = embedding.encoding === "base64" ? "string" : "object";
  return {
    ...(model !== undefined && { model }),
    vectors: ordered.map((entry) => entry.vector),
    ...(usage && { usage }),
    isAsAsked: isInOrder && usage !== undefined && entries.every((entry) => typeof entry.vector === wanted),
  };
}

function readEntry(value: Json, position: number): Entry {
  const entry = asObject(value);
  const vector = entry?.["embedding"];
  const index = asNumber(entry?.["index"]) ?? position;
  if (typeof vector === "string") return { vector, index };
  if (isNumbers(vector)) return { vector, index };
  throw new Failure("upstream_broken", "The upstream gave a vector that is none.");
}

function isNumbers(value: Json | undefined): value is readonly number[] {
  return Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === "number");
}

function readUsage(usage: JsonObject | undefined): Usage | undefined {
  const input = toCount(usage?.["prompt_tokens"]) ?? toCount(usage?.["total_tokens"]);
  if (input === undefined) return undefined;
  const cost = toCostNanoUsd(usage?.["cost"]);
  return {
    input,
    output: 0,
    ...(cost !== undefined && { costReportedNanoUsd: cost }),
  };
}
