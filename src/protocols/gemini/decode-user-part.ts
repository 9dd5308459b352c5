/** One part of a `user` content: text, media, or a function's response. */
import type { JsonObject } from "#lib/json.ts";
import type { ToolResultPart, UserPart } from "#model/chat.ts";
import { decodeBlob } from "./decode-media.ts";
import { Fields } from "./fields.ts";
import { unknownValue, type PartScope } from "./part-scope.ts";

export function decodeUserPart(part: Fields, { calls }: PartScope): UserPart | ToolResultPart {
  const text = part.string("text");
  if (text !== undefined) return { type: "text", text };
  const response = part.object("functionResponse");
  if (response) return decodeResponse(response, calls);
  return decodeUserMedia(part) ?? unknownPart(part);
}

function unknownPart(part: Fields): UserPart {
  return { type: "unknown", protocol: "gemini", value: unknownValue(part), path: part.path };
}

/** The kind follows the type: what is neither picture, sound nor film is a document. */
function decodeUserMedia(part: Fields): UserPart | undefined {
  const decoded = decodeBlob(part);
  if (!decoded) return undefined;
  const { media, mime } = decoded;
  if (mime.startsWith("image/")) {
    const detail = DETAILS.get(part.object("mediaResolution")?.string("level") ?? "");
    return { type: "image", media, ...(detail && { detail }) };
  }
  if (mime.startsWith("audio/")) return { type: "audio", media };
  if (mime.startsWith("video/")) {
    const metadata = part.object("videoMetadata")?.value;
    return { type: "video", media, ...(metadata && { metadata }) };
  }
  const data = part.object("inlineData") ?? part.object("fileData");
  const filename = data?.string("displayName");
  return { type: "document", media, ...(filename !== undefined && { filename }) };
}

const DETAILS: ReadonlyMap<string, "low" | "auto" | "high" | "original"> = new Map([
  ["MEDIA_RESOLUTION_LOW", "low"],
  ["MEDIA_RESOLUTION_MEDIUM", "auto"],
  ["MEDIA_RESOLUTION_HIGH", "high"],
  ["MEDIA_RESOLUTION_ULTRA_HIGH", "original"],
]);

function decodeResponse(response: Fields, calls: PartScope["calls"]): ToolResultPart {
  const name = response.string("name");
  if (name === undefined || name === "") throw response.refuse("name", "the function's name");
  const structured = response.object("response")?.value ?? {};
  const rendered = renderResponse(structured);
  const media = response.items("parts").map(({ value, path }) => {
    const part = Fields.of(value, path);
    return decodeUserMedia(part) ?? unknownPart(part);
  });
  return {
    type: "tool_result",
    callId: calls.answer(name, response.string("id")),
    name,
    content: [{ type: "text", text: rendered.text }, ...media],
    structured,
    ...(rendered.isError && { isError: true }),
  };
}

/** What other APIs get: the text alone where the object holds only that, under the keys Google documents. */
function renderResponse(response: JsonObject): { readonly text: string; readonly isError: boolean } {
  const entries = Object.entries(response);
  const [name, value] = entries[0] ?? [];
  if (entries.length === 1 && typeof value === "string" && /^(output|result|error)$/.test(name ?? "")) {
    return { text: value, isError: name === "error" };
  }
  return { text: entries.length === 0 ? "" : JSON.stringify(response), isError: false };
}
