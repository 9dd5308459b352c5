/**
 * Citations both ways. Anthropic's own travel with their record and return as they were. A foreign citation with a URL
 * is shown to clients as a web search result without an `encrypted_index`: good to display, refused by the API when it
 * comes back, so it is left out there.
 */
import { asString, type JsonObject } from "#lib/json.ts";
import type { Citation } from "#model/chat.ts";

export function decodeCitation(value: JsonObject): Citation {
  const url = asString(value["url"]);
  const title = asString(value["title"]) ?? asString(value["document_title"]);
  const citedText = asString(value["cited_text"]);
  return {
    kind: kindOf(asString(value["type"])),
    ...(url !== undefined && { url }),
    ...(title !== undefined && { title }),
    ...(citedText !== undefined && { citedText }),
    ...(!isDisplayOnly(value) && { raw: { protocol: "anthropic-messages", value } }),
  };
}

function kindOf(type: string | undefined): Citation["kind"] {
  if (type === "web_search_result_location") return "url";
  return type === "search_result_location" ? "search_result" : "document";
}

/** One this gateway made up for display, see above. */
export function isDisplayOnly(value: JsonObject): boolean {
  return value["type"] === "web_search_result_location" && value["encrypted_index"] === "";
}

/** For a client; undefined where this API has no form for it. */
export function encodeCitation(citation: Citation): JsonObject | undefined {
  const own = ownCitation(citation);
  if (own !== undefined) return own;
  if (citation.url === undefined) return undefined;
  return {
    type: "web_search_result_location",
    cited_text: citation.citedText ?? "",
    url: citation.url,
    title: citation.title ?? null,
    encrypted_index: "",
  };
}

export function isOwnCitation(citation: Citation): boolean {
  return ownCitation(citation) !== undefined;
}

/** For an upstream: only what came from this API. */
export function ownCitation(citation: Citation): JsonObject | undefined {
  return citation.raw?.protocol === "anthropic-messages" ? citation.raw.value : undefined;
}
