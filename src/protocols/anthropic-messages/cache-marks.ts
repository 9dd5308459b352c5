/**
 * Cache breakpoints within the API's rules: at most four, the top-level one counted, and none of an hour behind one of
 * five minutes. Callers of other APIs do not know these rules; the last marks are kept, because a prefix read covers
 * what stands before it.
 */
import { asArray, asObject, isObject, type Json, type JsonObject } from "#lib/json.ts";

const MARKS_MAX = 4;

export function fitCacheMarks(body: JsonObject): JsonObject {
  const marks: JsonObject[] = [];
  addMarks(body["tools"], marks);
  addMarks(body["system"], marks);
  for (const message of asArray(body["messages"])) addMarks(asObject(message)?.["content"], marks);
  if (marks.length === 0) return body;
  const room = MARKS_MAX - (body["cache_control"] === undefined ? 0 : 1);
  if (marks.length <= room && isOrdered(marks)) return body;
  let place = 0;
  let isShort = false;
  return eachMark(body, (mark) => {
    place += 1;
    if (place <= marks.length - room) return undefined;
    isShort ||= mark["ttl"] !== "1h";
    return isShort && mark["ttl"] === "1h" ? { type: "ephemeral" } : mark;
  });
}

/** Those of a list's blocks, in the order the API reads them. */
function addMarks(blocks: Json | undefined, marks: JsonObject[]): void {
  for (const block of asArray(blocks)) {
    if (!isObject(block)) continue;
    if (block["type"] === "tool_result") addMarks(block["content"], marks);
    const mark = block["cache_control"];
    if (isObject(mark)) marks.push(mark);
  }
}

function isOrdered(marks: readonly JsonObject[]): boolean {
  const firstShort = marks.findIndex((mark) => mark["ttl"] !== "1h");
  return firstShort < 0 || marks.slice(firstShort).every((mark) => mark["ttl"] !== "1h");
}

type Decide = (mark: JsonObject) => JsonObject | undefined;

/** The body with every mark replaced by what `decide` gives, in the same order. */
function eachMark(body: JsonObject, decide: Decide): JsonObject {
  const tools = inList(body["tools"], decide);
  const system = inList(body["system"], decide);
  const messages = body["messages"];
  return {
    ...body,
    ...(tools !== undefined && { tools }),
    ...(system !== undefined && { system }),
    ...(Array.isArray(messages) && { messages: messages.map((entry: Json) => inMessage(entry, decide)) }),
  };
}

function inMessage(entry: Json, decide: Decide): Json {
  if (!isObject(entry)) return entry;
  const content = inList(entry["content"], decide);
  return content === undefined ? entry : { ...entry, content };
}

function inList(value: Json | undefined, decide: Decide): Json | undefined {
  if (!Array.isArray(value)) return value;
  return value.map((entry: Json) => (isObject(entry) ? inBlock(entry, decide) : entry));
}

function inBlock(block: JsonObject, decide: Decide): JsonObject {
  const inner = block["type"] === "tool_result" ? inList(block["content"], decide) : undefined;
  const base = inner === undefined ? block : { ...block, content: inner };
  const mark = base["cache_control"];
  if (!isObject(mark)) return base;
  const decided = decide(mark);
  if (decided === mark) return base;
  const { cache_control: _, ...rest } = base;
  return decided === undefined ? rest : { ...rest, cache_control: decided };
}
