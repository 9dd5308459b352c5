/** One part of a `model` content. The signature is read by the caller of this. */
import { isObject, type JsonObject } from "#lib/json.ts";
import type { AssistantPart } from "#model/chat.ts";
import { decodeBlob } from "./decode-media.ts";
import type { Fields } from "./fields.ts";
import { unknownValue, type PartScope } from "./part-scope.ts";

export function decodeModelPart(part: Fields, { calls }: PartScope): AssistantPart {
  const text = part.string("text");
  const isThought = part.boolean("thought") === true;
  const { thoughtSignature, thought_signature, thought: _, ...data } = part.value;
  const isBare = Object.keys(data).length === 0 && (thoughtSignature ?? thought_signature) !== undefined;
  // A signature alone is an empty part that was written without its text.
  if (isBare) return isThought ? { type: "reasoning", kind: "redacted" } : { type: "text", text: "" };
  if (isThought && text !== undefined) {
    return { type: "reasoning", kind: text === "" ? "redacted" : "summary", ...(text !== "" && { text }) };
  }
  if (text !== undefined) return { type: "text", text };
  const call = part.object("functionCall");
  if (call) return decodeCall(call, calls);
  const code = part.object("executableCode") ?? part.object("codeExecutionResult");
  if (code) return decodeCode(part, code);
  const media = isThought ? undefined : decodeBlob(part);
  if (media && "data" in media.media && media.mime.startsWith("image/"))
    return { type: "image", media: media.media };
  if (media && "data" in media.media && media.mime.startsWith("audio/"))
    return { type: "audio", media: media.media };
  return { type: "hosted", protocol: "gemini", value: hostedValue(part) };
}

function hostedValue(part: Fields): JsonObject {
  unknownValue(part);
  const { thoughtSignature: _, thought_signature: __, ...value } = part.value;
  return value;
}

function decodeCall(call: Fields, calls: PartScope["calls"]): AssistantPart {
  const name = call.string("name");
  if (name === undefined || name === "") throw call.refuse("name", "the function's name");
  const id = calls.add(name, call.string("id"));
  const given = call.raw("args") ?? {};
  if (!isObject(given)) throw call.refuse("args", "an object");
  return { type: "tool_call", id, name, argumentsText: JSON.stringify(given) };
}

const OUTCOMES = {
  OUTCOME_OK: "ok",
  OUTCOME_FAILED: "failed",
  OUTCOME_DEADLINE_EXCEEDED: "timeout",
} as const;

function decodeCode(part: Fields, code: Fields): AssistantPart {
  const id = code.string("id");
  const idField = id !== undefined && { id };
  if (part.has("executableCode")) {
    const language = (code.string("language") ?? "PYTHON").toLowerCase();
    return { type: "code", language, code: code.string("code") ?? "", ...idField };
  }
  const outcome = code.string("outcome") ?? "OUTCOME_OK";
  const known = Object.entries(OUTCOMES).find(([name]) => name === outcome)?.[1] ?? "failed";
  return { type: "code_result", outcome: known, output: code.string("output") ?? "", ...idField };
}
