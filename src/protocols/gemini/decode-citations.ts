/**
 * Grounding and citation metadata as citations. Google counts UTF-8 bytes in the part (in streams: in all the text so
 * far), we count UTF-16 units in the part that carries the citation; a range is kept only where it holds the very text
 * it names, so a citation never points at the wrong words.
 */
import { asArray, asNumber, asObject, asString, type Json, type JsonObject } from "#lib/json.ts";
import type { Citation } from "#model/chat.ts";

/** A citation whose place is not known yet: the text it stands in may still be arriving. */
export interface PendingCitation {
  readonly citation: Citation;
  readonly startByte: number;
  readonly endByte: number | undefined;
  /** The words cited, where Google says them. */
  readonly words: string | undefined;
}

const NONE: readonly PendingCitation[] = [];

export function readCitations(candidate: JsonObject): readonly PendingCitation[] {
  const grounding = asObject(candidate["groundingMetadata"]);
  const cited = candidate["citationMetadata"];
  // Nearly every chunk has neither.
  if (!grounding && cited === undefined) return NONE;
  return [...readGrounding(grounding), ...readCited(cited)];
}

/** The citation with its range in `text`, or undefined where the range is not in there. */
export function placeCitation(pending: PendingCitation, text: string): Citation | undefined {
  const range = findRange(pending, text);
  if (!range) return undefined;
  return { ...pending.citation, citedText: text.slice(range.start, range.end), ...range };
}

function readGrounding(metadata: JsonObject | undefined): readonly PendingCitation[] {
  if (!metadata) return [];
  const chunks = asArray(metadata["groundingChunks"]);
  return asArray(metadata["groundingSupports"]).flatMap((value) => {
    const support = asObject(value);
    const segment = asObject(support?.["segment"]);
    if (!support || !segment) return [];
    return asArray(support["groundingChunkIndices"]).flatMap((index) => {
      const chunk = asObject(chunks[asNumber(index) ?? -1]);
      return chunk
        ? [pendingOf(segment, sourceOf(chunk), { groundingSupport: support, groundingChunk: chunk })]
        : [];
    });
  });
}

function readCited(value: Json | undefined): readonly PendingCitation[] {
  const metadata = asObject(value);
  return asArray(metadata?.["citations"] ?? metadata?.["citationSources"]).flatMap((item) => {
    const cited = asObject(item);
    return cited ? [pendingOf(cited, cited, { citation: cited })] : [];
  });
}

function pendingOf(segment: JsonObject, source: JsonObject, raw: JsonObject): PendingCitation {
  const url = asString(source["uri"]);
  const title = asString(source["title"]);
  const words = asString(segment["text"]);
  return {
    citation: {
      kind: url === undefined ? "document" : "url",
      ...(url !== undefined && { url }),
      ...(title !== undefined && { title }),
      ...(words !== undefined && { citedText: words }),
      raw: { protocol: "gemini", value: raw },
    },
    startByte: asNumber(segment["startIndex"]) ?? 0,
    endByte: asNumber(segment["endIndex"]),
    words,
  };
}

/** A chunk is `{web}`, `{retrievedContext}`, `{maps}` or `{image}`: each has uri and title. */
function sourceOf(chunk: JsonObject): JsonObject {
  return (
    Object.values(chunk)
      .map(asObject)
      .find((source) => source !== undefined) ?? {}
  );
}

function findRange(
  { startByte, endByte, words }: PendingCitation,
  text: string,
): { readonly start: number; readonly end: number } | undefined {
  if (endByte !== undefined) {
    const bytes = Buffer.from(text, "utf8");
    if (endByte <= bytes.length && startByte <= endByte) {
      const start = bytes.toString("utf8", 0, startByte).length;
      const end = start + bytes.toString("utf8", startByte, endByte).length;
      if (words === undefined || text.slice(start, end) === words) return { start, end };
    }
  }
  if (words === undefined || words === "") return undefined;
  const start = text.indexOf(words);
  return start < 0 ? undefined : { start, end: start + words.length };
}
