/**
 * Content parts towards a host. What the host cannot read is refused by its path: what a user sent is never left out
 * in silence. Parts without a counterpart that are text at heart (text documents, search results) become text.
 */
import type { Json, JsonObject } from "#lib/json.ts";
import type { CacheMark, Media, UserPart } from "#model/chat.ts";
import type { Dialect } from "#protocols/protocol.ts";
import { mimeToAudioFormat, toDataUrl } from "./data-url.ts";
import { quirksOf, type Optional } from "./dialects.ts";
import { unsupported } from "./unsupported.ts";

/** One canonical part as wire parts: a document made of blocks becomes several. */
export function encodePart(part: UserPart, path: string, dialect: Dialect): readonly JsonObject[] {
  const encoded = encodeByType(part, path, dialect);
  const last = encoded.at(-1);
  if (!part.cache || !last || !isTaken("cache_control", dialect)) return encoded;
  return [...encoded.slice(0, -1), { ...last, ...encodeCacheMark(part.cache) }];
}

/** OpenRouter's spelling; lifetimes it does not know are rounded to the hour. */
export function encodeCacheMark(mark: CacheMark): JsonObject {
  const isShort = mark.lifetime === undefined || mark.lifetime === "5m";
  return { cache_control: { type: "ephemeral", ...(!isShort && { ttl: "1h" }) } };
}

function encodeByType(part: UserPart, path: string, dialect: Dialect): readonly JsonObject[] {
  switch (part.type) {
    case "text":
      return [text(part.text)];
    case "image":
      return [encodeImage(part, path, dialect)];
    case "audio":
      return [encodeAudio(part.media, path, dialect)];
    case "video":
      return [encodeVideo(part, path, dialect)];
    case "document":
      return encodeDocument(part, path, dialect);
    case "search_result":
      return [text([part.title, part.source, ...part.texts].filter((line) => line !== "").join("\n"))];
    case "unknown":
      if (part.protocol === "openai-chat" && isPart(part.value)) return [part.value];
      throw unsupported(part.path, dialect, "cannot read");
  }
}

function encodeImage(part: Extract<UserPart, { type: "image" }>, path: string, dialect: Dialect): JsonObject {
  if (!isTaken("image", dialect)) throw unsupported(path, dialect, "cannot read images:");
  const url = urlOf(part.media, path, dialect);
  return { type: "image_url", image_url: { url, ...(part.detail && { detail: part.detail }) } };
}

function encodeAudio(media: Media, path: string, dialect: Dialect): JsonObject {
  if (media.from === "base64" && isTaken("audio", dialect)) {
    return {
      type: "input_audio",
      input_audio: { data: media.data, format: audioFormat(media.mime, path, dialect) },
    };
  }
  if (media.from === "url" && isTaken("audio_url", dialect))
    return { type: "audio_url", audio_url: { url: media.url } };
  throw unsupported(path, dialect, "cannot read this audio:");
}

function audioFormat(mime: string, path: string, dialect: Dialect): string {
  const format = mimeToAudioFormat(mime);
  if (dialect.host === "openai" && format !== "wav" && format !== "mp3") {
    throw unsupported(path, dialect, `reads only wav and mp3, not ${format}:`);
  }
  return format;
}

function encodeVideo(part: Extract<UserPart, { type: "video" }>, path: string, dialect: Dialect): JsonObject {
  if (!isTaken("video_url", dialect)) throw unsupported(path, dialect, "cannot read video:");
  const processing = part.metadata?.["processing"];
  const url = urlOf(part.media, path, dialect);
  return { type: "video_url", video_url: { url, ...(typeof processing === "string" && { processing }) } };
}

function encodeDocument(
  part: Extract<UserPart, { type: "document" }>,
  path: string,
  dialect: Dialect,
): readonly JsonObject[] {
  const title = part.title ?? part.filename;
  const head = [title, part.context].filter((line) => line !== undefined && line !== "").join("\n");
  if (part.blocks) {
    const blocks = part.blocks.flatMap((block, index) =>
      encodeByType(block, `${path}.blocks[${index}]`, dialect),
    );
    return head === "" ? blocks : [text(head), ...blocks];
  }
  const { media } = part;
  if (!media) return head === "" ? [] : [text(head)];
  if (media.from === "text") return [text(head === "" ? media.text : `${head}\n${media.text}`)];
  if (media.from === "base64" && media.mime.startsWith("text/") && !isTaken("file", dialect)) {
    const decoded = Buffer.from(media.data, "base64").toString("utf8");
    return [text(head === "" ? decoded : `${head}\n${decoded}`)];
  }
  const file = encodeFile(media, title, { path, dialect });
  return part.context === undefined ? [file] : [text(part.context), file];
}

function encodeFile(
  media: Media,
  title: string | undefined,
  { path, dialect }: { path: string; dialect: Dialect },
): JsonObject {
  if (media.from === "file") {
    const isOurs = media.vendor === "openai" && dialect.vendor === "openai" && isTaken("file_id", dialect);
    if (!isOurs) throw unsupported(path, dialect, "does not have the file of");
    return { type: "file", file: { file_id: media.id } };
  }
  const isUrl = media.from === "url";
  if (!isTaken(isUrl ? "file_url" : "file", dialect) && dialect.host !== "mistral") {
    throw unsupported(path, dialect, isUrl ? "cannot fetch documents:" : "cannot read documents:");
  }
  const data = urlOf(media, path, dialect);
  if (dialect.host === "mistral") {
    return { type: "document_url", document_url: data, ...(title !== undefined && { document_name: title }) };
  }
  const filename =
    title ?? (media.from !== "text" && media.mime === "application/pdf" ? "document.pdf" : "document");
  return { type: "file", file: { filename, file_data: data } };
}

function urlOf(media: Media, path: string, dialect: Dialect): string {
  switch (media.from) {
    case "base64":
      return toDataUrl(media);
    case "url":
      return media.url;
    case "file":
      throw unsupported(path, dialect, "does not have the file of");
    case "text":
      return toDataUrl({ mime: media.mime, data: Buffer.from(media.text, "utf8").toString("base64") });
  }
}

function isTaken(name: Optional, dialect: Dialect): boolean {
  return quirksOf(dialect).takes.has(name);
}

function text(value: string): JsonObject {
  return { type: "text", text: value };
}

function isPart(value: Json): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
