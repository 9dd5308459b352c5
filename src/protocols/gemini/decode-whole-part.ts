/**
 * Parts that come whole: media, executed code, hosted tools. What nobody here knows is kept verbatim as a hosted part,
 * which only a Gemini caller gets back.
 */
import { asObject, asString, type Json, type JsonObject } from "#lib/json.ts";
import type { PartStart } from "#model/chat-event.ts";

export interface WholePart {
  readonly start: PartStart;
  readonly text: string;
}

/** Undefined: the part holds no data field. */
export function decodeWholePart(part: JsonObject): WholePart | undefined {
  const { thoughtSignature: _, text: __, thought: isThought, ...data } = part;
  if (Object.keys(data).length === 0) return undefined;
  // Interim pictures of a thinking image model are no part of the answer.
  if (isThought === true) return hosted({ ...data, thought: true });
  return decodeMedia(data) ?? decodeCode(data) ?? hosted(data);
}

function hosted(value: JsonObject): WholePart {
  return { start: { type: "hosted", protocol: "gemini", value }, text: "" };
}

function decodeMedia(part: JsonObject): WholePart | undefined {
  const inline = asObject(part["inlineData"]);
  const mime = asString(inline?.["mimeType"]);
  const data = asString(inline?.["data"]);
  if (mime === undefined || data === undefined) return undefined;
  if (mime.startsWith("image/")) {
    return { start: { type: "image", media: { from: "base64", mime, data } }, text: "" };
  }
  return mime.startsWith("audio/") ? { start: { type: "audio", mime }, text: data } : undefined;
}

const OUTCOMES: ReadonlyMap<Json | undefined, "ok" | "failed" | "timeout"> = new Map<
  Json | undefined,
  "ok" | "failed" | "timeout"
>([
  ["OUTCOME_OK", "ok"],
  [1, "ok"],
  ["OUTCOME_FAILED", "failed"],
  [2, "failed"],
  ["OUTCOME_DEADLINE_EXCEEDED", "timeout"],
  [3, "timeout"],
]);

function decodeCode(part: JsonObject): WholePart | undefined {
  const code = asObject(part["executableCode"]);
  if (code) {
    // Python is the only language there is, number 1 where enumerations are numbers.
    const language = asString(code["language"])?.toLowerCase() ?? "python";
    return { start: { type: "code", language, ...idOf(code) }, text: asString(code["code"]) ?? "" };
  }
  const result = asObject(part["codeExecutionResult"]);
  if (!result) return undefined;
  const outcome = OUTCOMES.get(result["outcome"]) ?? "failed";
  return { start: { type: "code_result", outcome, ...idOf(result) }, text: asString(result["output"]) ?? "" };
}

function idOf(object: JsonObject): { readonly id?: string } {
  const id = asString(object["id"]);
  return id === undefined ? {} : { id };
}
