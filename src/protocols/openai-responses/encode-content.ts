/** User content in this API's parts. What an upstream of this API cannot read is refused by its path, never dropped. */
import { asObject, type Json, type JsonObject } from "#lib/json.ts";
import type { CacheMark, Media, UserPart } from "#model/chat.ts";
import { Failure } from "#model/failure.ts";
import { toDataUrl } from "./data-url.ts";

/** A lone text is written as a string: some compatible servers refuse lists of parts. */
export function encodeContent(parts: readonly JsonObject[]): Json {
  const [only, ...others] = parts;
  if (only === undefined) return "";
  const isPlain = only["type"] === "input_text" && only["prompt_cache_breakpoint"] === undefined;
  return others.length === 0 && isPlain ? (only["text"] ?? "") : parts;
}

/** `keepsMarks`: cache marks help only callers who manage the cache by this API's own options. */
export function encodeUserPart(part: UserPart, path: string, keepsMarks: boolean): readonly JsonObject[] {
  const mark = keepsMarks && part.cache ? { prompt_cache_breakpoint: breakpoint(part.cache) } : undefined;
  switch (part.type) {
    case "text":
      return [text(part.name === undefined ? part.text : `${part.name}: ${part.text}`, mark)];
    case "image":
      return [{ ...image(part.media, path), ...(part.detail && { detail: part.detail }), ...mark }];
    case "audio":
      return [{ ...audio(part.media, path), ...mark }];
    case "document":
      return encodeDocument(part, path, keepsMarks).map((entry) => ({ ...entry, ...mark }));
    case "search_result":
      return [text([part.title, part.source, ...part.texts].join("\n"), mark)];
    case "video":
      throw unsupported(path, "Video");
    case "unknown":
      if (part.protocol !== "openai-responses") throw unsupported(part.path, "This part");
      return [asObject(part.value) ?? {}];
  }
}

function breakpoint(cache: CacheMark): JsonObject {
  const lifetime = cache.lifetime === "30m" || cache.lifetime === "12h" ? { ttl: cache.lifetime } : {};
  return { mode: "explicit", ...lifetime };
}

function text(value: string, mark: JsonObject | undefined): JsonObject {
  return { type: "input_text", text: value, ...mark };
}

function image(media: Media, path: string): JsonObject {
  switch (media.from) {
    case "base64":
      return { type: "input_image", image_url: toDataUrl(media) };
    case "url":
      return { type: "input_image", image_url: media.url };
    case "file":
      return { type: "input_image", file_id: ownFile(media, path) };
    case "text":
      throw unsupported(path, "An image given as text");
  }
}

function audio(media: Media, path: string): JsonObject {
  if (media.from !== "base64") throw unsupported(path, "Audio that is not inline");
  const subtype = media.mime.replace(/^audio\/(?:x-)?/, "");
  const format = subtype === "mpeg" ? "mp3" : subtype;
  if (format !== "wav" && format !== "mp3") throw unsupported(path, `Audio of type ${media.mime}`);
  return { type: "input_audio", input_audio: { data: media.data, format } };
}

type Document = Extract<UserPart, { type: "document" }>;

function encodeDocument(part: Document, path: string, keepsMarks: boolean): readonly JsonObject[] {
  const heading = [part.title, part.context].filter((line) => line !== undefined).join("\n");
  const intro = heading === "" ? [] : [text(heading, undefined)];
  if (part.blocks) {
    const blocks = part.blocks.flatMap((block, index) =>
      encodeUserPart(block, `${path}.blocks[${index}]`, keepsMarks),
    );
    return [...intro, ...blocks];
  }
  if (!part.media) throw unsupported(path, "An empty document");
  const isOwnTitle = part.title !== undefined && part.context === undefined;
  const filename = part.filename ?? (isOwnTitle ? part.title : undefined);
  switch (part.media.from) {
    case "text":
      return [...intro, text(part.media.text, undefined)];
    case "base64": {
      // OpenAI wants a name with every inline file.
      const name = { filename: filename ?? defaultName(part.media.mime) };
      return [
        ...(isOwnTitle ? [] : intro),
        { type: "input_file", file_data: toDataUrl(part.media), ...name },
      ];
    }
    case "url":
      return [
        ...intro,
        { type: "input_file", file_url: part.media.url, ...(part.filename && { filename: part.filename }) },
      ];
    case "file":
      return [...intro, { type: "input_file", file_id: ownFile(part.media, path) }];
  }
}

function defaultName(mime: string): string {
  return mime === "application/pdf" ? "document.pdf" : "document";
}

/** A file id is a key into one vendor's store. */
function ownFile(media: Extract<Media, { from: "file" }>, path: string): string {
  if (media.vendor === "openai") return media.id;
  throw unsupported(path, "A file stored with another provider");
}

export function unsupported(param: string, what: string): Failure {
  return new Failure("unsupported", `${what} cannot be sent to this target (${param}).`, { param });
}
