/** Annotations of output text, both ways. The source's own record travels along for a hop back to this API. */
import { asNumber, asString, type JsonObject } from "#lib/json.ts";
import type { Citation } from "#model/chat.ts";

export function toCitation(annotation: JsonObject): Citation {
  const url = asString(annotation["url"]);
  const title = asString(annotation["title"]) ?? asString(annotation["filename"]);
  const start = asNumber(annotation["start_index"]);
  const end = asNumber(annotation["end_index"]);
  return {
    kind: url === undefined ? "file" : "url",
    ...(url !== undefined && { url }),
    ...(title !== undefined && { title }),
    ...(start !== undefined && { start }),
    ...(end !== undefined && { end }),
    raw: { protocol: "openai-responses", value: annotation },
  };
}

/**
 * Undefined where this API has no such annotation: a citation without a URL points into a document the provider
 * numbered, which no reader of this API could resolve.
 */
export function fromCitation(citation: Citation, textLength: number): JsonObject | undefined {
  if (citation.raw?.protocol === "openai-responses") return citation.raw.value;
  if (citation.url === undefined) return undefined;
  return {
    type: "url_citation",
    start_index: citation.start ?? 0,
    end_index: citation.end ?? textLength,
    title: citation.title ?? citation.url,
    url: citation.url,
  };
}
