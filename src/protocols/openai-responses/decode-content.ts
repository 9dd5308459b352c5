/**
 * Content parts of user messages and tool outputs. A part this API may know and the canonical form does not is
 * kept verbatim with its path, so that an upstream of the same API gets it and any other refuses it by name.
 */
import { asArray, type Json } from "#lib/json.ts";
import type { CacheMark, Citation, Media, SystemPart, UserPart } from "#model/chat.ts";
import { toCitation } from "./citation.ts";
import { sniffMime, toMedia } from "./data-url.ts";
import { badField, Fields } from "./fields.ts";

/** `value` is a string or a list of parts. */
export function decodeUserContent(value: Json | undefined, path: string): readonly UserPart[] {
  if (typeof value === "string") return [{ type: "text", text: value }];
  return partsOf(value, path).map(({ fields, partPath }) => decodeUserPart(fields, partPath));
}

/** Undefined where a part is more than text: the canonical form has no place for it in instructions. */
export function decodeSystemContent(
  value: Json | undefined,
  path: string,
  role: SystemPart["role"],
): readonly SystemPart[] | undefined {
  if (typeof value === "string") return [{ text: value, role }];
  const parts = partsOf(value, path);
  if (!parts.every(({ fields }) => TEXT_TYPES.has(fields.requiredString("type")))) return undefined;
  return parts.map(({ fields }) => {
    const cache = cacheMark(fields);
    return { text: fields.requiredString("text"), role, ...(cache && { cache }) };
  });
}

const TEXT_TYPES: ReadonlySet<string> = new Set(["input_text", "output_text", "text"]);

type AssistantContent =
  | { readonly type: "text"; readonly text: string; readonly citations?: readonly Citation[] }
  | { readonly type: "refusal"; readonly text: string };

/** Undefined where a part is of a kind the canonical form does not know. */
export function decodeAssistantContent(
  value: Json | undefined,
  path: string,
): readonly AssistantContent[] | undefined {
  if (typeof value === "string") return [{ type: "text", text: value }];
  const parts = partsOf(value, path);
  const isKnown = (type: string) => type === "refusal" || TEXT_TYPES.has(type);
  if (!parts.every(({ fields }) => isKnown(fields.requiredString("type")))) return undefined;
  return parts.map(({ fields }) => {
    if (fields.object["type"] === "refusal")
      return { type: "refusal", text: fields.requiredString("refusal") };
    const citations = fields.children("annotations").map((annotation) => toCitation(annotation.object));
    return {
      type: "text",
      text: fields.requiredString("text"),
      ...(citations.length > 0 && { citations }),
    };
  });
}

function partsOf(value: Json | undefined, path: string): readonly { fields: Fields; partPath: string }[] {
  if (!Array.isArray(value)) throw badField(path, "must be a string or a list of parts");
  return asArray(value).map((part, index) => {
    const partPath = `${path}[${index}]`;
    return { fields: new Fields(part, partPath), partPath };
  });
}

function decodeUserPart(fields: Fields, path: string): UserPart {
  const cache = cacheMark(fields);
  const mark = cache && { cache };
  switch (fields.requiredString("type")) {
    case "input_text":
    case "text":
    case "output_text":
      return { type: "text", text: fields.requiredString("text"), ...mark };
    case "input_image": {
      const detail = fields.oneOf("detail", ["auto", "low", "high", "original"]);
      return { type: "image", media: imageMedia(fields), ...(detail && { detail }), ...mark };
    }
    case "input_file":
      return { ...decodeFile(fields), ...mark };
    case "input_audio": {
      const audio = fields.child("input_audio");
      if (!audio) throw fields.wrong("input_audio", "is required");
      const data = audio.requiredString("data");
      return {
        type: "audio",
        media: { from: "base64", mime: `audio/${audio.requiredString("format")}`, data },
        ...mark,
      };
    }
    default:
      return { type: "unknown", protocol: "openai-responses", value: fields.object, path };
  }
}

function imageMedia(fields: Fields): Media {
  const id = fields.string("file_id");
  const url = fields.string("image_url");
  if (url === undefined) {
    if (id === undefined) throw fields.wrong("image_url", "or file_id is required");
    return { from: "file", id, vendor: "openai" };
  }
  return readableMedia(url, "image/png", fields.path("image_url"));
}

function decodeFile(fields: Fields): UserPart {
  const filename = fields.string("filename");
  const name = filename !== undefined && { filename };
  const data = fields.string("file_data");
  if (data !== undefined) {
    const isUrl = /^(?:data|https?):/i.test(data);
    const media: Media = isUrl
      ? readableMedia(data, "application/octet-stream", fields.path("file_data"))
      : { from: "base64", mime: sniffMime(data), data };
    return { type: "document", media, ...name };
  }
  const url = fields.string("file_url");
  if (url !== undefined) {
    return {
      type: "document",
      media: readableMedia(url, "application/octet-stream", fields.path("file_url")),
      ...name,
    };
  }
  const id = fields.string("file_id");
  if (id === undefined) throw fields.wrong("file_data", "or file_url or file_id is required");
  return { type: "document", media: { from: "file", id, vendor: "openai" }, ...name };
}

function readableMedia(url: string, fallbackMime: string, path: string): Media {
  if (!/^[a-z][a-z0-9+.-]*:/i.test(url)) throw badField(path, "must be a URL or a data URL");
  const media = toMedia(url, fallbackMime);
  if (!media) throw badField(path, "is a data URL that cannot be read");
  return media;
}

function cacheMark(fields: Fields): CacheMark | undefined {
  const breakpoint = fields.child("prompt_cache_breakpoint");
  if (!breakpoint) return undefined;
  const lifetime = breakpoint.oneOf("ttl", ["30m", "12h"]);
  return lifetime === undefined ? {} : { lifetime };
}
