/**
 * The grammar of a Gemini stream towards a client, read independently of the encoder. Throws on the first violation.
 *
 *   stream  := (comment | chunk)* (last | error)
 *   chunk   := "data: " GenerateContentResponse, one line, closed by a blank line; no finishReason
 *   last    := the same with a finishReason for every candidate seen, or promptFeedback.blockReason; usage here where it is known
 *   error   := {"error": {code 400..599, message, status}}
 *
 * Never `[DONE]`, never an `event:` line, never a comment in front of a data line (Google's reader drops that block).
 */
import { isObject, parseJson, type JsonObject } from "#lib/json.ts";

export interface GeminiStream {
  readonly chunks: readonly JsonObject[];
  readonly error: JsonObject | undefined;
}

export function checkGeminiStream(text: string): GeminiStream {
  const blocks = splitBlocks(text);
  const values = blocks.filter((block) => !isComment(block)).map(readBlock);
  const last = values.at(-1);
  check(last !== undefined, "the stream is empty");
  const error = last["error"];
  const chunks = error === undefined ? values : values.slice(0, -1);
  if (error !== undefined) checkError(error);
  checkChunks(chunks, error === undefined);
  return { chunks, error: isObject(error) ? error : undefined };
}

function splitBlocks(text: string): readonly string[] {
  check(text.endsWith("\n\n"), "the last event is not closed by a blank line");
  check(!text.includes("\r"), "line ends differ");
  return text.slice(0, -2).split("\n\n");
}

/** A comment of several lines may hide data, and Google's reader would drop that with it. */
function isComment(block: string): boolean {
  return block.startsWith(":") && !block.includes("\n");
}

function readBlock(block: string): JsonObject {
  check(!block.includes("\n"), `an event of several lines: ${block.slice(0, 80)}`);
  check(block.startsWith("data: "), `a line that is no data: ${block.slice(0, 80)}`);
  const data = block.slice("data: ".length);
  check(data !== "[DONE]", "Gemini never says [DONE]");
  const value = parseJson(data);
  check(isObject(value), `no JSON object: ${data.slice(0, 80)}`);
  return value;
}

function checkChunks(chunks: readonly JsonObject[], isComplete: boolean): void {
  const finished = new Set<number>();
  const seen = new Set<number>();
  let total = 0;
  for (const [position, chunk] of chunks.entries()) {
    const isLast = isComplete && position === chunks.length - 1;
    checkKeys(
      chunk,
      ["candidates", "promptFeedback", "usageMetadata", "modelVersion", "responseId"],
      "chunk",
    );
    check(chunk["modelVersion"] === chunks[0]?.["modelVersion"], "the model changes in mid-stream");
    check(typeof chunk["modelVersion"] === "string", "no modelVersion");
    check(chunk["responseId"] === chunks[0]?.["responseId"], "the response id changes in mid-stream");
    check(typeof chunk["responseId"] === "string", "no responseId");
    const candidates = chunk["candidates"] ?? [];
    check(Array.isArray(candidates), "candidates is no list");
    for (const candidate of candidates) {
      check(isObject(candidate), "a candidate is no object");
      const index = checkCandidate(candidate);
      check(!finished.has(index), `candidate ${index} goes on after its finishReason`);
      seen.add(index);
      if (candidate["finishReason"] !== undefined) finished.add(index);
      check(candidate["finishReason"] === undefined || isLast, "finishReason before the last chunk");
    }
    if (chunk["usageMetadata"] !== undefined) {
      const now = checkUsage(chunk["usageMetadata"]);
      check(now >= total, "usage shrinks");
      total = now;
    }
    if (!isLast) continue;
    const isBlocked = isObject(chunk["promptFeedback"]);
    if (isBlocked) checkBlock(chunk["promptFeedback"], seen.size);
    check(
      isBlocked || (finished.size > 0 && finished.size === seen.size),
      "the last chunk has no finishReason",
    );
    check(chunk["usageMetadata"] !== undefined || total === 0, "the last chunk lost the usage");
  }
}

function checkBlock(feedback: unknown, candidates: number): void {
  check(
    isObject(feedback) && typeof feedback["blockReason"] === "string",
    "promptFeedback has no blockReason",
  );
  check(candidates === 0, "a blocked prompt has candidates");
}

const CANDIDATE_KEYS = [
  "content",
  "index",
  "finishReason",
  "finishMessage",
  "citationMetadata",
  "groundingMetadata",
  "logprobsResult",
];

function checkCandidate(candidate: JsonObject): number {
  checkKeys(candidate, CANDIDATE_KEYS, "candidate");
  const index = candidate["index"];
  check(typeof index === "number" && Number.isInteger(index) && index >= 0, "a candidate has no index");
  const reason = candidate["finishReason"];
  check(
    reason === undefined || (typeof reason === "string" && /^[A-Z_]+$/.test(reason)),
    "a strange finishReason",
  );
  const content = candidate["content"];
  check(isObject(content), "a candidate has no content");
  checkKeys(content, ["role", "parts"], "content");
  check(content["role"] === "model", "the role is not model");
  const parts = content["parts"];
  check(Array.isArray(parts) && parts.length > 0, "a content without parts");
  for (const part of parts) {
    check(isObject(part), "a part is no object");
    checkPart(part);
  }
  return index;
}

const DATA_FIELDS = [
  "text",
  "inlineData",
  "fileData",
  "functionCall",
  "functionResponse",
  "executableCode",
  "codeExecutionResult",
  "toolCall",
  "toolResponse",
];

function checkPart(part: JsonObject): void {
  checkKeys(part, [...DATA_FIELDS, "thought", "thoughtSignature", "videoMetadata"], "part");
  const data = DATA_FIELDS.filter((name) => part[name] !== undefined);
  check(data.length === 1, `a part has ${data.length} data fields`);
  check(part["thought"] === undefined || part["thought"] === true, "thought is not true");
  const signature = part["thoughtSignature"];
  if (signature !== undefined) check(isBytes(signature), "thoughtSignature is no base64");
  if (part["text"] !== undefined) check(typeof part["text"] === "string", "text is no string");
  const call = part["functionCall"];
  if (call === undefined) return;
  check(isObject(call), "a functionCall is no object");
  checkKeys(call, ["id", "name", "args"], "functionCall");
  check(typeof call["name"] === "string" && call["name"] !== "", "a functionCall has no name");
  check(isObject(call["args"]), "args is no object");
}

/** `bytes` on this wire: either alphabet, or the one documented word. */
function isBytes(value: unknown): boolean {
  if (typeof value !== "string" || value === "") return false;
  return value === "skip_thought_signature_validator" || /^[A-Za-z0-9+/_-]+={0,2}$/.test(value);
}

function checkUsage(value: unknown): number {
  check(isObject(value), "usageMetadata is no object");
  const count = (name: string): number => {
    const number = value[name] ?? 0;
    check(typeof number === "number" && Number.isInteger(number) && number >= 0, `${name} is no count`);
    return number;
  };
  const names = ["promptTokenCount", "candidatesTokenCount", "thoughtsTokenCount", "toolUsePromptTokenCount"];
  const sum = names.map(count).reduce((left, right) => left + right, 0);
  check(count("totalTokenCount") === sum, "totalTokenCount is not the sum");
  check(count("cachedContentTokenCount") <= count("promptTokenCount"), "more cached than prompted");
  return sum;
}

function checkError(error: unknown): void {
  check(isObject(error), "error is no object");
  const code = error["code"];
  check(typeof code === "number" && code >= 400 && code < 600, "the error's code would not be raised");
  check(typeof error["message"] === "string" && error["message"] !== "", "the error has no message");
  check(typeof error["status"] === "string" && /^[A-Z_]+$/.test(error["status"]), "the error has no status");
}

function checkKeys(object: JsonObject, known: readonly string[], what: string): void {
  const strange = Object.keys(object).find((key) => !known.includes(key));
  check(strange === undefined, `unknown field in ${what}: ${strange}`);
}

function check(holds: boolean, violation: string): asserts holds {
  if (!holds) throw new Error(`Gemini stream grammar: ${violation}`);
}
