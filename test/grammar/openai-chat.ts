/**
 * The grammar of a Chat Completions stream, checked from the text alone. Throws on the first violation, with the
 * chunk's number. Strict on purpose: it judges what this gateway writes, not what providers send.
 *
 *   ( role chunk -> deltas -> finish chunk )  for each choice,  [usage chunk],  [DONE]      or at any point: error
 */
import { asArray, asNumber, asObject, asString, isObject, parseJson, type JsonObject } from "#lib/json.ts";

interface Choice {
  hasRole: boolean;
  finish: string | undefined;
  readonly calls: { readonly type: string; text: string }[];
}

/** The chunks of a well-formed stream; the last may be an error. */
export function checkOpenaiChatStream(text: string): readonly JsonObject[] {
  const { chunks, isDone } = readChunks(text);
  const [first] = chunks;
  const choices = new Map<number, Choice>();
  let hasUsage = false;
  for (const [position, chunk] of chunks.entries()) {
    const wrong = (what: string) =>
      new Error(`chunk ${position} ${what}: ${JSON.stringify(chunk).slice(0, 200)}`);
    if (chunk["error"]) {
      if (isDone || position !== chunks.length - 1) throw wrong("is an error, and something follows");
      return chunks;
    }
    if (hasUsage) throw wrong("follows the usage chunk");
    for (const field of ["id", "model", "created"]) {
      if (chunk[field] !== first?.[field]) throw wrong(`has another ${field}`);
    }
    if (chunk["object"] !== "chat.completion.chunk") throw wrong("has another object");
    const entries = asArray(chunk["choices"]);
    hasUsage = entries.length === 0;
    if (hasUsage && !isObject(chunk["usage"])) throw wrong("is empty");
    for (const entry of entries) checkChoice(asObject(entry) ?? {}, choices, wrong);
  }
  if (!isDone) throw new Error("the stream ends without [DONE] and without an error");
  for (const [index, choice] of choices) checkEnd(index, choice);
  if (choices.size === 0) throw new Error("a complete stream without any choice");
  return chunks;
}

function readChunks(text: string): { readonly chunks: readonly JsonObject[]; readonly isDone: boolean } {
  if (!text.endsWith("\n\n")) throw new Error("the stream does not end with a blank line");
  const blocks = text.split("\n\n").filter((block) => block !== "" && !block.startsWith(":"));
  const isDone = blocks.at(-1) === "data: [DONE]";
  const chunks = (isDone ? blocks.slice(0, -1) : blocks).map((block, index) => {
    const value = block.startsWith("data: ") ? parseJson(block.slice(6)) : undefined;
    if (isObject(value)) return value;
    throw new Error(`event ${index} is not one data line of JSON: ${block.slice(0, 80)}`);
  });
  return { chunks, isDone };
}

function checkChoice(entry: JsonObject, choices: Map<number, Choice>, wrong: (what: string) => Error): void {
  const index = asNumber(entry["index"]);
  const delta = asObject(entry["delta"]);
  if (index === undefined || !delta) throw wrong("has a choice without index or delta");
  const choice = choices.get(index) ?? { hasRole: false, finish: undefined, calls: [] };
  choices.set(index, choice);
  if (choice.finish !== undefined) throw wrong("goes on after its finish");
  if (delta["role"] !== undefined && choice.hasRole) throw wrong("says its role twice");
  if (delta["role"] === undefined && !choice.hasRole) throw wrong("begins without a role");
  choice.hasRole = true;
  for (const call of asArray(delta["tool_calls"])) checkCall(asObject(call) ?? {}, choice, wrong);
  const finish = entry["finish_reason"];
  if (finish !== null && typeof finish !== "string") throw wrong("has no finish_reason, not even null");
  if (finish !== null) choice.finish = finish;
}

/** Indices rise by one; id, type and name come first and once. */
function checkCall(call: JsonObject, choice: Choice, wrong: (what: string) => Error): void {
  const index = asNumber(call["index"]);
  const custom = asObject(call["custom"]);
  const called = asObject(call["function"]) ?? custom ?? {};
  const text = asString(called["arguments"]) ?? asString(called["input"]) ?? "";
  const known = choice.calls.at(-1);
  if (known && index === choice.calls.length - 1) {
    if (call["id"] !== undefined || called["name"] !== undefined) throw wrong("names a call twice");
    known.text += text;
    return;
  }
  if (index !== choice.calls.length) throw wrong("jumps to another call");
  if (!asString(call["id"]) || called["name"] === undefined) throw wrong("begins a call without id or name");
  choice.calls.push({ type: custom ? "custom" : "function", text });
}

function checkEnd(index: number, choice: Choice): void {
  if (choice.finish === undefined) throw new Error(`choice ${index} never finishes`);
  const isCut = choice.finish === "length" || choice.finish === "content_filter";
  if (choice.calls.length > 0 && !isCut && choice.finish !== "tool_calls") {
    throw new Error(`choice ${index} has calls and finishes with ${choice.finish}`);
  }
  for (const call of choice.calls) {
    if (call.type === "function" && !isCut && parseJson(call.text) === undefined) {
      throw new Error(`choice ${index}: arguments are no JSON: ${call.text.slice(0, 80)}`);
    }
  }
}
