/** Fields of an answer that whole and streamed replies write alike. */
import { isObject, type JsonObject } from "#lib/json.ts";
import type { Citation, Media } from "#model/chat.ts";
import type { StopReason } from "#model/chat-event.ts";
import { toDataUrl } from "./data-url.ts";

/** The API's word for why an answer ended. A refusal that was written out is an ordinary stop here. */
export function toFinishReason(reason: StopReason, hasRefusal: boolean): string {
  switch (reason) {
    case "stop":
    case "stop_sequence":
    case "pause":
      return "stop";
    case "length":
    case "context_full":
      return "length";
    case "tool_calls":
      return "tool_calls";
    case "content_filter":
      return "content_filter";
    case "refusal":
      return hasRefusal ? "stop" : "content_filter";
  }
}

/** A citation as an annotation; undefined where it has no URL, which is all this API can cite. */
export function toAnnotation(citation: Citation, textOffset: number): JsonObject | undefined {
  const raw = citation.raw?.protocol === "openai-chat" ? citation.raw.value : undefined;
  if (raw && (textOffset === 0 || !isObject(raw["url_citation"]))) return raw;
  if (citation.url === undefined) return undefined;
  return {
    type: "url_citation",
    url_citation: {
      start_index: (citation.start ?? 0) + textOffset,
      end_index: (citation.end ?? citation.start ?? 0) + textOffset,
      title: citation.title ?? "",
      url: citation.url,
    },
  };
}

/** A generated image, as OpenRouter returns them; the API itself has no place for one. */
export function toImageField(media: Media): JsonObject | undefined {
  if (media.from === "base64") return { type: "image_url", image_url: { url: toDataUrl(media) } };
  return media.from === "url" ? { type: "image_url", image_url: { url: media.url } } : undefined;
}

/** Code a provider ran, as text people can read: the API has no part for it. */
export function fenceOpen(language: string): string {
  return `\n\`\`\`${language.toLowerCase()}\n`;
}
export const FENCE_CLOSE = "\n```\n";
