/** `inlineData` and `fileData` of a caller. Base64 may come in either alphabet; canonical media hold the standard one. */
import type { Media } from "#model/chat.ts";
import type { Fields } from "./fields.ts";

export interface DecodedMedia {
  readonly media: Media;
  /** Lower case, without parameters; "" where the caller named none. */
  readonly mime: string;
}

/** Undefined: the part holds no media. */
export function decodeBlob(part: Fields): DecodedMedia | undefined {
  const inline = part.object("inlineData");
  if (inline) {
    const mime = inline.string("mimeType");
    const data = inline.string("data");
    if (mime === undefined || mime === "") throw inline.refuse("mimeType", "a media type");
    if (data === undefined || !BASE64.test(data)) throw inline.refuse("data", "base64");
    return { media: { from: "base64", mime, data: standardBase64(data) }, mime: bareMime(mime) };
  }
  const file = part.object("fileData");
  if (!file) return undefined;
  const uri = file.string("fileUri");
  if (uri === undefined || uri === "") throw file.refuse("fileUri", "an address");
  const mime = file.string("mimeType") || undefined;
  const mimeField = mime !== undefined && { mime };
  // Files of the File API and of a bucket can be read by Google alone.
  const isGoogles = uri.startsWith("gs://") || FILE_API.test(uri) || !/^https?:/.test(uri);
  const media: Media = isGoogles
    ? { from: "file", id: uri, vendor: "google", ...mimeField }
    : { from: "url", url: uri, ...mimeField };
  return { media, mime: mime === undefined ? mimeOfAddress(uri) : bareMime(mime) };
}

const BASE64 = /^[A-Za-z0-9+/_-]*={0,2}$/;
const FILE_API = /^https:\/\/generativelanguage\.googleapis\.com\//;

function standardBase64(data: string): string {
  return data.replaceAll("-", "+").replaceAll("_", "/");
}

function bareMime(mime: string): string {
  return (mime.split(";")[0] ?? "").trim().toLowerCase();
}

function mimeOfAddress(uri: string): string {
  if (/^https?:\/\/(www\.|m\.)?(youtube\.com|youtu\.be)\//.test(uri)) return "video/mp4";
  if (/\.(png|jpe?g|webp|gif|heic)(\?|$)/i.test(uri)) return "image/jpeg";
  if (/\.(mp3|wav|flac|ogg|aac)(\?|$)/i.test(uri)) return "audio/mpeg";
  return /\.(mp4|mov|webm|mpe?g)(\?|$)/i.test(uri) ? "video/mp4" : "";
}
