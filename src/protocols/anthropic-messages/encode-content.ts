/**
 * A user-side part as content blocks. What the model is asked to read is never left out: a part this API cannot say
 * is refused by its path, so that another target may take it.
 */
import { isObject, type JsonObject } from "#lib/json.ts";
import type { CacheMark, Media, UserPart } from "#model/chat.ts";
import { Failure } from "#model/failure.ts";
import type { Dialect } from "#protocols/protocol.ts";

export interface PartPlace {
  readonly dialect: Dialect;
  /** Canonical path of the part, as `messages[2].content[0]`. */
  readonly path: string;
  readonly dropped: Set<string>;
}

/** Nothing for empty text, which this API refuses. */
export function encodeUserPart(part: UserPart, place: PartPlace): readonly JsonObject[] {
  switch (part.type) {
    case "text": {
      if (part.text.trim() === "") return [];
      const text = part.name === undefined ? part.text : `${part.name}: ${part.text}`;
      return [{ type: "text", text, ...cacheField(part.cache) }];
    }
    case "image":
      if (part.detail !== undefined && part.detail !== "auto") place.dropped.add(`${place.path}.detail`);
      return [{ type: "image", source: imageSource(part.media, place), ...cacheField(part.cache) }];
    case "document":
      return [encodeDocument(part, place)];
    case "search_result":
      return [
        {
          type: "search_result",
          source: part.source,
          title: part.title,
          content: part.texts.map((text) => ({ type: "text", text })),
          ...citationsField(part.citations),
          ...cacheField(part.cache),
        },
      ];
    case "audio":
    case "video":
      throw unsupported(place.path, `${part.type} cannot be sent to this model`);
    case "unknown": {
      const isOwn = part.protocol === "anthropic-messages" && isObject(part.value);
      if (isOwn) return [part.value];
      throw unsupported(part.path, "this kind of content cannot be sent to this model");
    }
  }
}

/** A mark in this API's two lifetimes; longer ones round up to the hour. */
export function cacheField(mark: CacheMark | undefined): JsonObject {
  if (mark === undefined) return {};
  const { lifetime } = mark;
  if (lifetime === undefined) return { cache_control: { type: "ephemeral" } };
  return { cache_control: { type: "ephemeral", ttl: lifetime === "5m" ? "5m" : "1h" } };
}

export function unsupported(param: string, reason: string): Failure {
  return new Failure("unsupported", `${param}: ${reason}.`, { param });
}

const imageMimes: ReadonlySet<string> = new Set(["image/jpeg", "image/png", "image/gif", "image/webp"]);

function imageSource(media: Media, place: PartPlace): JsonObject {
  switch (media.from) {
    case "base64": {
      const mime = bareMime(media.mime, media.data);
      if (!imageMimes.has(mime))
        throw unsupported(place.path, `images of type ${mime} cannot be sent to this model`);
      return { type: "base64", media_type: mime, data: media.data };
    }
    case "url":
    case "file":
      return remoteSource(media, place);
    case "text":
      throw unsupported(place.path, "an image cannot be made of text");
  }
}

function remoteSource(media: Extract<Media, { from: "url" | "file" }>, place: PartPlace): JsonObject {
  if (place.dialect.host === "vertex") {
    throw unsupported(place.path, "this upstream takes media inline only, not by URL or file id");
  }
  if (media.from === "url") return { type: "url", url: media.url };
  if (media.vendor === "anthropic") return { type: "file", file_id: media.id };
  throw unsupported(place.path, "the file is stored with another provider");
}

/** Types by the first characters of their base64, for callers that do not tell. */
const magic: readonly (readonly [string, string])[] = [
  ["iVBORw0KGgo", "image/png"],
  ["/9j/", "image/jpeg"],
  ["R0lGOD", "image/gif"],
  ["UklGR", "image/webp"],
  ["JVBERi", "application/pdf"],
];

function bareMime(declared: string, data: string): string {
  const mime = (declared.split(";")[0] ?? "").trim().toLowerCase();
  if (mime === "image/jpg") return "image/jpeg";
  if (mime !== "" && mime !== "application/octet-stream") return mime;
  return magic.find(([start]) => data.startsWith(start))?.[1] ?? "application/octet-stream";
}

type DocumentPart = Extract<UserPart, { type: "document" }>;

function encodeDocument(part: DocumentPart, place: PartPlace): JsonObject {
  const title = part.title ?? part.filename;
  return {
    type: "document",
    source: documentSource(part, place),
    ...(title !== undefined && { title }),
    ...(part.context !== undefined && { context: part.context }),
    ...citationsField(part.citations),
    ...cacheField(part.cache),
  };
}

function documentSource(part: DocumentPart, place: PartPlace): JsonObject {
  const media = part.media;
  if (media === undefined) {
    const blocks = part.blocks ?? [];
    const content = blocks.flatMap((block, index) =>
      encodeUserPart(block, { ...place, path: `${place.path}.blocks[${index}]` }),
    );
    return { type: "content", content };
  }
  switch (media.from) {
    case "base64": {
      const mime = bareMime(media.mime, media.data);
      if (mime === "application/pdf") return { type: "base64", media_type: mime, data: media.data };
      if (isText(mime)) return textSource(Buffer.from(media.data, "base64").toString("utf8"));
      throw unsupported(place.path, `documents of type ${mime} cannot be sent to this model`);
    }
    case "text":
      return textSource(media.text);
    case "url":
    case "file":
      return remoteSource(media, place);
  }
}

function isText(mime: string): boolean {
  return mime.startsWith("text/") || mime === "application/json" || mime === "application/xml";
}

function textSource(data: string): JsonObject {
  return { type: "text", media_type: "text/plain", data };
}

function citationsField(enabled: boolean | undefined): JsonObject {
  return enabled === undefined ? {} : { citations: { enabled } };
}
