/**
 * Long answers (Gemini 4): a request that has had its share ends in `CONTINUATION` with a token, and the same request
 * with that token gives the next part. Each part reports its own counts, its prompt being everything before it.
 */
import { asArray, asObject, isObject, parseJson, type Json, type JsonObject } from "#lib/json.ts";
import { formatSse, SseReader, type SseFrame } from "#lib/sse.ts";
import type { Continuing, PartPlace } from "#protocols/protocol.ts";
import { decodeUsage } from "./decode-usage.ts";
import { usageField } from "./encode-usage.ts";
import { CONTINUATION } from "./finish-reason.ts";

export const continuing: Continuing = {
  isCallers: (raw) => raw["continuationToken"] !== undefined || raw["continuation_token"] !== undefined,
  askOn(bodyText, token) {
    // The rest of the body stays as it was written, to the byte: the token belongs to that request.
    const end = bodyText.lastIndexOf("}");
    return `${bodyText.slice(0, end)},"continuationToken":${JSON.stringify(token)}${bodyText.slice(end)}`;
  },
  joinEvents: (text, place) =>
    SseReader.readText(text)
      .map((frame) => joinFrame(frame, place))
      .join(""),
};

function joinFrame(frame: SseFrame, place: PartPlace): string {
  // As the decoder reads it: a chunk, several in an array, or bare JSON from a server that did not stream this part.
  const value = parseJson(frame.data === "" ? frame.raw : frame.data);
  const chunks = (Array.isArray(value) ? value : [value]).filter(isObject);
  if (chunks.length === 0) return frame.raw;
  // A server's last event may lack its blank line, but here another part follows it.
  return chunks.map((chunk) => formatSse(JSON.stringify(joinChunk(chunk, place)))).join("");
}

function joinChunk(chunk: JsonObject, place: PartPlace): JsonObject {
  const { usageMetadata, candidates } = chunk;
  return {
    ...chunk,
    ...(candidates !== undefined && place.goesOn && { candidates: asArray(candidates).map(withoutEnd) }),
    ...(isObject(usageMetadata) && joinUsage(usageMetadata, place)),
    ...(place.id !== undefined && chunk["responseId"] !== undefined && { responseId: place.id }),
  };
}

function withoutEnd(candidate: Json): Json {
  if (!isObject(candidate) || candidate["finishReason"] !== CONTINUATION) return candidate;
  const { finishReason: _, finishMessage: __, continuationToken: ___, ...rest } = candidate;
  return rest;
}

/** A breakdown by modality is one part's: it goes where the sums do not tell it. */
function joinUsage(metadata: JsonObject, place: PartPlace): JsonObject {
  const usage = decodeUsage(metadata, false);
  if (!usage) return {};
  const rest = Object.entries(metadata).filter(([name]) => !name.endsWith("Details"));
  const summed = asObject(usageField(place.total(usage))["usageMetadata"]);
  return { usageMetadata: { ...Object.fromEntries(rest), ...summed } };
}
