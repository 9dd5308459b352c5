/** Google's rules on the order of a conversation: who may follow whom, one response per call, signatures in place. */
import { asArray, asObject, asString, type JsonObject } from "#lib/json.ts";
import type { House } from "./conversation.ts";
import { BOUND_TO_TEXT, bindCall, signThought } from "./opaque-blob.ts";
import { VendorError } from "./vendor-error.ts";

/** What Google accepts for calls whose signature is lost or was never Google's. */
const SKIP_SIGNATURE = "skip_thought_signature_validator";

export function checkGeminiTurns(contents: readonly JsonObject[], house: House): void {
  for (const [index, content] of contents.entries()) {
    const { role } = content;
    const isMissing = role === undefined && house !== "vertex";
    if (!isMissing && role !== "user" && role !== "model")
      throw refuse("Please use a valid role: user, model.");
    if (asArray(content.parts).length === 0) {
      throw refuse(`* GenerateContentRequest.contents[${index}].parts: contents.parts must not be empty.`);
    }
    const calls = partsWith(content, readCall);
    const responses = partsWith(content, readFunctionResponse);
    const previous = index > 0 ? contents[index - 1] : undefined;
    if (calls.length > 0 && (previous === undefined || previous.role === "model")) {
      throw refuse(
        "Please ensure that function call turn comes immediately after a user turn or after a function response turn.",
      );
    }
    const expected = previous === undefined ? [] : partsWith(previous, readCall);
    checkResponses(responses, expected);
  }
  const last = contents.at(-1);
  if (last !== undefined && partsWith(last, readCall).length > 0) {
    throw refuse(
      "Please ensure that the function response turn comes immediately after a function call turn.",
    );
  }
}

function checkResponses(responses: readonly JsonObject[], calls: readonly JsonObject[]): void {
  if (responses.length !== calls.length) {
    throw refuse(
      "Please ensure that the number of function response parts is equal to the number of function call parts of the function call turn.",
    );
  }
  const names = sortedNames(calls);
  const given = sortedNames(responses);
  if (names.some((name, index) => name !== given[index])) {
    throw refuse("Please ensure that function response names match the function calls.");
  }
}

/** In the running turn the first call of each step carries its signature; any signature must be where it was. */
export function countGeminiBlobs(contents: readonly JsonObject[]): number {
  const turnStart = contents.findLastIndex(
    (content) => content.role !== "model" && partsWith(content, readFunctionResponse).length === 0,
  );
  let seen = 0;
  for (const [index, content] of contents.entries()) {
    if (content.role !== "model") continue;
    const parts = asArray(content.parts).map((part) => asObject(part) ?? {});
    const firstCall = parts.find((part) => readCall(part) !== undefined);
    if (index > turnStart && firstCall !== undefined && signatureOf(firstCall) === undefined) {
      throw refuse(
        "Function call is missing a thought_signature in functionCall parts. This is required for tools to work correctly. " +
          `Additional data, function call \`${asString(readCall(firstCall)?.name) ?? ""}\`, position ${index}.`,
      );
    }
    for (const part of parts) seen += checkSignature(part);
  }
  return seen;
}

function checkSignature(part: JsonObject): number {
  const signature = signatureOf(part);
  if (signature === undefined || signature === SKIP_SIGNATURE) return 0;
  const call = readCall(part);
  const boundTo = call ? bindCall(asString(call.name) ?? "", call.args ?? {}) : BOUND_TO_TEXT;
  if (signature === signThought({ api: "gemini", text: "", boundTo })) return 1;
  throw refuse("Corrupted thought signature.");
}

function partsWith(
  content: JsonObject,
  read: (part: JsonObject) => JsonObject | undefined,
): readonly JsonObject[] {
  return asArray(content.parts)
    .map((part) => read(asObject(part) ?? {}))
    .filter((found) => found !== undefined);
}

function readCall(part: JsonObject): JsonObject | undefined {
  return asObject(part.functionCall ?? part.function_call);
}

function readFunctionResponse(part: JsonObject): JsonObject | undefined {
  return asObject(part.functionResponse ?? part.function_response);
}

function sortedNames(named: readonly JsonObject[]): readonly string[] {
  return named.map((each) => asString(each.name) ?? "").sort((a, b) => a.localeCompare(b));
}

function signatureOf(part: JsonObject): string | undefined {
  return asString(part.thoughtSignature ?? part.thought_signature);
}

function refuse(message: string): VendorError {
  return new VendorError("invalid", message);
}
