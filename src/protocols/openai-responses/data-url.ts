/** Data URLs and the bare base64 some clients send in their place, as canonical media. */
import type { Media } from "#model/chat.ts";

/** Undefined where the text is a data URL that cannot be read. */
export function toMedia(url: string, fallbackMime: string): Media | undefined {
  if (!/^data:/i.test(url)) return { from: "url", url };
  const comma = url.indexOf(",");
  if (comma < 0) return undefined;
  const [declared = "", ...parameters] = url.slice("data:".length, comma).split(";");
  const payload = url.slice(comma + 1);
  const mime = declared === "" ? fallbackMime : normalMime(declared);
  if (parameters.some((parameter) => parameter.trim().toLowerCase() === "base64")) {
    return { from: "base64", mime, data: payload };
  }
  try {
    return { from: "base64", mime, data: Buffer.from(decodeURIComponent(payload)).toString("base64") };
  } catch {
    // `decodeURIComponent` throws for a broken percent sequence: the caller's mistake, named by the caller's field.
    return undefined;
  }
}

/** The type a file has by its first bytes, for clients that send base64 without saying what it is. */
export function sniffMime(base64: string): string {
  const known = MAGIC.find(([prefix]) => base64.startsWith(prefix));
  return known?.[1] ?? "application/octet-stream";
}

const MAGIC: readonly (readonly [prefix: string, mime: string])[] = [
  ["JVBERi", "application/pdf"],
  ["iVBORw0KGgo", "image/png"],
  ["/9j/", "image/jpeg"],
  ["R0lGOD", "image/gif"],
  ["UklGR", "image/webp"],
];

export function toDataUrl(media: Extract<Media, { from: "base64" }>): string {
  return `data:${media.mime};base64,${media.data}`;
}

function normalMime(mime: string): string {
  const lower = mime.trim().toLowerCase();
  return lower === "image/jpg" ? "image/jpeg" : lower;
}
