/**
 * One user-side content block to a canonical part. A block type, or a source type, that is new to us becomes an
 * `unknown` part: it reaches Anthropic verbatim and is refused by its path anywhere else.
 */
import { isObject, type Json, type JsonObject } from "#lib/json.ts";
import type { CacheLifetime, CacheMark, Media, PartBase, UserPart } from "#model/chat.ts";
import {
  badField,
  fieldOf,
  optionalArray,
  optionalBoolean,
  optionalObject,
  optionalString,
  requiredObject,
  requiredString,
} from "./field.ts";

export function decodeUserBlock(entry: Json, path: string): UserPart {
  const block = requiredObject(entry, path);
  const type = requiredString(fieldOf(block, "type"), `${path}.type`);
  switch (type) {
    case "text":
      return { type: "text", ...decodeTextBlock(block, path) };
    case "image":
      return decodeImage(block, path);
    case "document":
      return decodeDocument(block, path);
    case "search_result":
      return decodeSearchResult(block, path);
    default:
      return unknownPart(block, path);
  }
}

/** String content is one text part; blocks are decoded each. */
export function decodeUserContent(value: Json | undefined, path: string): readonly UserPart[] {
  if (typeof value === "string") return value === "" ? [] : [{ type: "text", text: value }];
  const blocks = optionalArray(value, path) ?? [];
  return blocks.map((block, index) => decodeUserBlock(block, `${path}[${index}]`));
}

export function decodeTextBlock(block: JsonObject, path: string): { readonly text: string } & PartBase {
  return { text: requiredString(fieldOf(block, "text"), `${path}.text`), ...cacheOf(block, path) };
}

const lifetimes: readonly CacheLifetime[] = ["5m", "1h"];

export function decodeCacheMark(value: Json | undefined, path: string): CacheMark | undefined {
  if (value === undefined) return undefined;
  const mark = requiredObject(value, path);
  if (mark["type"] !== "ephemeral") throw badField(`${path}.type`, "must be `ephemeral`");
  const ttl = optionalString(fieldOf(mark, "ttl"), `${path}.ttl`);
  if (ttl === undefined) return {};
  const lifetime = lifetimes.find((name) => name === ttl);
  if (lifetime === undefined) throw badField(`${path}.ttl`, "must be `5m` or `1h`");
  return { lifetime };
}

export function cacheOf(block: JsonObject, path: string): { readonly cache?: CacheMark } {
  const cache = decodeCacheMark(fieldOf(block, "cache_control"), `${path}.cache_control`);
  return cache === undefined ? {} : { cache };
}

function unknownPart(block: JsonObject, path: string): UserPart {
  return { type: "unknown", protocol: "anthropic-messages", value: block, path };
}

function decodeImage(block: JsonObject, path: string): UserPart {
  const media = decodeMedia(requiredObject(block["source"], `${path}.source`), `${path}.source`);
  if (media === undefined) return unknownPart(block, path);
  return { type: "image", media, ...cacheOf(block, path) };
}

/** Undefined for a source type new to us. */
function decodeMedia(source: JsonObject, path: string): Media | undefined {
  const type = requiredString(fieldOf(source, "type"), `${path}.type`);
  switch (type) {
    case "base64":
      return {
        from: "base64",
        mime: requiredString(fieldOf(source, "media_type"), `${path}.media_type`),
        data: requiredString(fieldOf(source, "data"), `${path}.data`),
      };
    case "url":
      return { from: "url", url: requiredString(fieldOf(source, "url"), `${path}.url`) };
    case "file": {
      const id = requiredString(fieldOf(source, "file_id"), `${path}.file_id`);
      return { from: "file", id, vendor: "anthropic" };
    }
    case "text": {
      const mime = optionalString(fieldOf(source, "media_type"), `${path}.media_type`) ?? "text/plain";
      return { from: "text", mime, text: requiredString(fieldOf(source, "data"), `${path}.data`) };
    }
    default:
      return undefined;
  }
}

function decodeDocument(block: JsonObject, path: string): UserPart {
  const source = requiredObject(block["source"], `${path}.source`);
  const title = optionalString(fieldOf(block, "title"), `${path}.title`);
  const context = optionalString(fieldOf(block, "context"), `${path}.context`);
  const citations = decodeCitationsFlag(block, path);
  const fields = {
    type: "document",
    ...(title !== undefined && { title }),
    ...(context !== undefined && { context }),
    ...(citations !== undefined && { citations }),
    ...cacheOf(block, path),
  } as const;
  if (source["type"] === "content") {
    return { ...fields, blocks: decodeDocumentBlocks(source["content"], `${path}.source.content`) };
  }
  const media = decodeMedia(source, `${path}.source`);
  if (media === undefined) return unknownPart(block, path);
  return { ...fields, media: asPdf(media) };
}

/** No documents inside documents: the API has none, and their depth would be a caller's to choose. */
function decodeDocumentBlocks(content: Json | undefined, path: string): readonly UserPart[] {
  if (typeof content !== "string") {
    for (const [index, entry] of (optionalArray(content, path) ?? []).entries()) {
      const isFlat = isObject(entry) && (entry["type"] === "text" || entry["type"] === "image");
      if (!isFlat) throw badField(`${path}[${index}].type`, "must be `text` or `image`");
    }
  }
  return decodeUserContent(content, path);
}

/** A document by URL is a PDF at this API; other APIs want to be told. */
function asPdf(media: Media): Media {
  return media.from === "url" ? { ...media, mime: "application/pdf" } : media;
}

function decodeSearchResult(block: JsonObject, path: string): UserPart {
  const content = optionalArray(fieldOf(block, "content"), `${path}.content`) ?? [];
  const texts = content.map((entry, index) => {
    const text = isObject(entry) ? fieldOf(entry, "text") : undefined;
    return requiredString(text, `${path}.content[${index}].text`);
  });
  const citations = decodeCitationsFlag(block, path);
  return {
    type: "search_result",
    source: requiredString(fieldOf(block, "source"), `${path}.source`),
    title: requiredString(fieldOf(block, "title"), `${path}.title`),
    texts,
    ...(citations !== undefined && { citations }),
    ...cacheOf(block, path),
  };
}

function decodeCitationsFlag(block: JsonObject, path: string): boolean | undefined {
  const citations = optionalObject(fieldOf(block, "citations"), `${path}.citations`);
  return citations && optionalBoolean(fieldOf(citations, "enabled"), `${path}.citations.enabled`);
}
