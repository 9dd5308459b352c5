/**
 * Media as Chat Completions writes it: a web address or a data URL in one string, or bare base64 beside a format
 * name. Both ways, and the media type read off the bytes where the sender did not say it or said nothing useful.
 */
import { lookUp } from "#lib/look-up.ts";
import type { Media } from "#model/chat.ts";

/** The media a URL string names; undefined where it is neither a web address nor a data URL. */
export function parseMediaUrl(url: string): Media | undefined {
  if (/^(?:https?|gs):\/\//i.test(url)) return { from: "url", url };
  if (!/^data:/i.test(url)) return undefined;
  const comma = url.indexOf(",");
  if (comma < 0) return undefined;
  const [declared = "", ...flags] = url.slice(5, comma).split(";");
  const payload = url.slice(comma + 1);
  const isBase64 = flags.some((flag) => flag.trim().toLowerCase() === "base64");
  const data = isBase64 ? payload : percentDecoded(payload);
  return data === undefined ? undefined : toBase64Media(data, declared);
}

/** Base64 with the best media type known. */
export function toBase64Media(data: string, declaredMime: string): Media {
  const declared = normalMime(declaredMime);
  const isUseless = declared === "" || declared === "application/octet-stream";
  const mime = isUseless ? (sniffMime(data) ?? "application/octet-stream") : declared;
  return { from: "base64", mime, data };
}

export function toDataUrl(media: { readonly mime: string; readonly data: string }): string {
  return `data:${media.mime};base64,${media.data}`;
}

/** `wav` or `mp3` and the like as a media type, and back. */
export function audioFormatToMime(format: string): string {
  if (format === "mp3") return "audio/mpeg";
  return `audio/${format}`;
}

export function mimeToAudioFormat(mime: string): string {
  const subtype = normalMime(mime).split("/")[1] ?? "wav";
  return lookUp(AUDIO_FORMATS, subtype) ?? subtype;
}

const AUDIO_FORMATS: Readonly<Record<string, string>> = {
  mpeg: "mp3",
  mp4: "m4a",
  "x-m4a": "m4a",
  "x-flac": "flac",
  "x-aiff": "aiff",
  l16: "pcm16",
};

const MIME_SYNONYMS: Readonly<Record<string, string>> = {
  "image/jpg": "image/jpeg",
  "audio/x-wav": "audio/wav",
  "audio/wave": "audio/wav",
  "audio/mp3": "audio/mpeg",
};

function normalMime(mime: string): string {
  const plain = mime.trim().toLowerCase();
  return lookUp(MIME_SYNONYMS, plain) ?? plain;
}

/** First base64 characters of the usual file formats: their magic bytes are aligned to the start. */
const MAGIC: readonly (readonly [string, string])[] = [
  ["iVBORw0KGgo", "image/png"],
  ["/9j/", "image/jpeg"],
  ["R0lGOD", "image/gif"],
  ["JVBERi0", "application/pdf"],
  ["SUQz", "audio/mpeg"],
  ["T2dnUw", "audio/ogg"],
  ["ZkxhQw", "audio/flac"],
  ["GkXfow", "video/webm"],
];

function sniffMime(base64: string): string | undefined {
  const known = MAGIC.find(([prefix]) => base64.startsWith(prefix));
  if (known) return known[1];
  const head = Buffer.from(base64.slice(0, 24), "base64").toString("latin1");
  if (head.startsWith("RIFF")) return head.slice(8, 12) === "WEBP" ? "image/webp" : "audio/wav";
  return head.slice(4, 8) === "ftyp" ? "video/mp4" : undefined;
}

function percentDecoded(text: string): string | undefined {
  try {
    return Buffer.from(decodeURIComponent(text), "utf8").toString("base64");
  } catch {
    return undefined;
  }
}
