/**
 * Content parts a caller sends, each checked at its path. A part type nobody here knows is kept as `unknown`: an
 * upstream of the same API may take it, any other refuses it by its path, and it never disappears.
 */
import type { Media, UserPart } from "#model/chat.ts";
import { decodeCacheMark } from "./cache-mark.ts";
import { audioFormatToMime, parseMediaUrl, toBase64Media } from "./data-url.ts";
import { badRequest, type Fields } from "./fields.ts";

/** `content` of a user or tool message: a string, or parts. */
export function decodeContent(message: Fields, name = "content"): readonly UserPart[] {
  const content = message.raw(name);
  if (typeof content === "string") return content === "" ? [] : [{ type: "text", text: content }];
  return message.objects(name).map(decodePart);
}

/** The texts of a message that can hold nothing else, with their cache marks. */
export function decodeTexts(message: Fields): readonly Extract<UserPart, { type: "text" }>[] {
  return decodeContent(message).map((part, index) => {
    if (part.type === "text") return part;
    throw badRequest(`${message.pathOf("content")}[${index}]`, "a text part");
  });
}

function decodePart(part: Fields): UserPart {
  const cache = decodeCacheMark(part);
  const decoded = decodeByType(part, part.requiredString("type"));
  return cache ? { ...decoded, cache } : decoded;
}

function decodeByType(part: Fields, type: string): UserPart {
  switch (type) {
    case "text":
      return { type: "text", text: part.requiredString("text") };
    case "image_url":
      return decodeImage(part);
    case "input_audio":
      return decodeAudio(part.requiredObject("input_audio"));
    case "audio_url":
      return { type: "audio", media: decodeUrl(part, "audio_url") };
    case "video_url":
    case "input_video":
      return decodeVideo(part, type);
    case "file":
      return decodeFile(part.requiredObject("file"));
    case "refusal":
      return { type: "text", text: part.requiredString("refusal") };
    default:
      return { type: "unknown", protocol: "openai-chat", value: part.value, path: part.path };
  }
}

function decodeImage(part: Fields): UserPart {
  const media = decodeUrl(part, "image_url");
  const detail =
    typeof part.raw("image_url") === "string"
      ? undefined
      : part.requiredObject("image_url").oneOf("detail", ["auto", "low", "high", "original"]);
  return { type: "image", media, ...(detail && { detail }) };
}

/** `{url}`, or the bare string several clients send in its place. */
function decodeUrl(part: Fields, name: string): Media {
  const isBare = typeof part.raw(name) === "string";
  const holder = isBare ? part : part.requiredObject(name);
  const field = isBare ? name : "url";
  const media = parseMediaUrl(holder.requiredString(field));
  if (!media) throw holder.refuse(field, "an http(s) URL or a data URL");
  return media;
}

function decodeAudio(audio: Fields): UserPart {
  const data = audio.requiredString("data");
  const format = audio.requiredString("format");
  const media = parseMediaUrl(data) ?? toBase64Media(data, audioFormatToMime(format));
  return { type: "audio", media };
}

function decodeVideo(part: Fields, name: "video_url" | "input_video"): UserPart {
  const media = decodeUrl(part, name);
  const isBare = typeof part.raw(name) === "string";
  const processing = isBare ? undefined : part.object(name)?.string("processing");
  return { type: "video", media, ...(processing !== undefined && { metadata: { processing } }) };
}

function decodeFile(file: Fields): UserPart {
  const filename = file.string("filename");
  const media = decodeFileMedia(file, filename);
  const named = filename !== undefined && { filename };
  if (media.from !== "file" && media.mime?.startsWith("image/")) return { type: "image", media };
  return { type: "document", media, ...named };
}

function decodeFileMedia(file: Fields, filename: string | undefined): Media {
  const id = file.string("file_id");
  if (id !== undefined) return { from: "file", id, vendor: "openai" };
  const data = file.requiredString("file_data");
  const media = parseMediaUrl(data);
  if (media) return media;
  if (data.startsWith("data:")) throw file.refuse("file_data", "a data URL");
  return toBase64Media(data, filename?.toLowerCase().endsWith(".pdf") ? "application/pdf" : "");
}
