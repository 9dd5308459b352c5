/**
 * Media as Gemini parts: base64 as `inlineData`, addresses (`gs://`, YouTube, https, File API) as `fileData`, text
 * documents as text. What Gemini cannot read is user content and is refused by name, never left out.
 */
import type { JsonObject } from "#lib/json.ts";
import type { Media, UserPart } from "#model/chat.ts";
import { Failure } from "#model/failure.ts";
import type { Dialect } from "#protocols/protocol.ts";

export type MediaKind = "image" | "audio" | "video" | "document";

export interface MediaPlace {
  readonly dialect: Dialect;
  /** Canonical path of the part, for refusals. */
  readonly path: string;
}

export function encodeMedia(media: Media, kind: MediaKind, place: MediaPlace): JsonObject {
  switch (media.from) {
    case "base64":
      return { inlineData: { mimeType: checkedMime(media.mime, kind, place), data: media.data } };
    case "text":
      return { text: media.text };
    case "file":
      if (media.vendor !== "google") {
        throw new Failure(
          "unsupported",
          "A file id of another provider cannot be read by Gemini. Send the data.",
          {
            param: place.path,
          },
        );
      }
      return { fileData: fileData(media.id, media.mime, kind, place.dialect) };
    case "url":
      return { fileData: fileData(media.url, media.mime, kind, place.dialect) };
  }
}

/** A document with its title line where it has one; blocks stand in line. */
export function encodeDocument(
  part: Extract<UserPart, { type: "document" }>,
  encodeBlock: (block: UserPart, path: string) => readonly JsonObject[],
  place: MediaPlace,
): readonly JsonObject[] {
  const heading = [part.title ?? part.filename, part.context].filter((line) => line !== undefined).join("\n");
  const blocks = (part.blocks ?? []).flatMap((block, index) =>
    encodeBlock(block, `${place.path}.blocks[${index}]`),
  );
  if (!part.media) return [...(heading === "" ? [] : [{ text: heading }]), ...blocks];
  if (part.media.from === "text") {
    return [{ text: heading === "" ? part.media.text : `${heading}\n\n${part.media.text}` }, ...blocks];
  }
  return [
    ...(heading === "" ? [] : [{ text: heading }]),
    encodeMedia(part.media, "document", place),
    ...blocks,
  ];
}

const MIME_ALIASES: ReadonlyMap<string, string> = new Map([
  ["image/jpg", "image/jpeg"],
  ["audio/x-wav", "audio/wav"],
  ["audio/wave", "audio/wav"],
  ["audio/x-mp3", "audio/mp3"],
]);
const IMAGES_REFUSED = new Set(["image/gif", "image/bmp", "image/tiff", "image/svg+xml"]);
/** Office files and archives: Gemini reads PDF and text types. */
const DOCUMENTS_TAKEN =
  /^(application\/(pdf|json|x-javascript|x-python|xml|rtf|octet-stream)|text\/|image\/|audio\/|video\/)/;

function checkedMime(mime: string, kind: MediaKind, place: MediaPlace): string {
  const normal = MIME_ALIASES.get(mime.toLowerCase()) ?? mime;
  const bare = normal.split(";")[0]?.trim().toLowerCase() ?? "";
  const isRefused =
    (kind === "image" && IMAGES_REFUSED.has(bare)) || (kind === "document" && !DOCUMENTS_TAKEN.test(bare));
  if (!isRefused) return normal;
  throw new Failure("unsupported", `Gemini cannot read ${bare || "this type"}. Send another format.`, {
    param: place.path,
  });
}

function fileData(fileUri: string, mime: string | undefined, kind: MediaKind, dialect: Dialect): JsonObject {
  const known = mime ?? mimeOfUrl(fileUri);
  // Vertex demands a type; AI Studio looks for itself.
  const mimeType = known ?? (dialect.host === "vertex" ? USUAL_MIME[kind] : undefined);
  return { ...(mimeType !== undefined && { mimeType }), fileUri };
}

const USUAL_MIME: Record<MediaKind, string> = {
  image: "image/jpeg",
  audio: "audio/mpeg",
  video: "video/mp4",
  document: "application/pdf",
};

const MIME_BY_EXTENSION: ReadonlyMap<string, string> = new Map([
  ["png", "image/png"],
  ["jpg", "image/jpeg"],
  ["jpeg", "image/jpeg"],
  ["webp", "image/webp"],
  ["heic", "image/heic"],
  ["heif", "image/heif"],
  ["pdf", "application/pdf"],
  ["txt", "text/plain"],
  ["md", "text/markdown"],
  ["csv", "text/csv"],
  ["html", "text/html"],
  ["mp3", "audio/mpeg"],
  ["wav", "audio/wav"],
  ["flac", "audio/flac"],
  ["ogg", "audio/ogg"],
  ["mp4", "video/mp4"],
  ["mov", "video/quicktime"],
  ["webm", "video/webm"],
  ["mpeg", "video/mpeg"],
]);

function mimeOfUrl(url: string): string | undefined {
  if (/^https?:\/\/(www\.|m\.)?(youtube\.com|youtu\.be)\//.test(url)) return "video/mp4";
  const match = /\.([A-Za-z0-9]{2,4})(?:[?#].*)?$/.exec(url);
  return match?.[1] === undefined ? undefined : MIME_BY_EXTENSION.get(match[1].toLowerCase());
}
