/** The checker itself: a stream with every kind of event passes, and none of its events can be left out or doubled. */
import { describe, expect, test } from "bun:test";
import type { ChatEvent } from "#model/chat-event.ts";
import { formatSse } from "#lib/sse.ts";
import { writeStream } from "../openai-responses-fixture.ts";
import { checkOpenaiResponsesStream, type ResponsesEvent } from "./openai-responses.ts";

const at = { choice: 0 } as const;
const said = (text: string): ChatEvent => ({ type: "delta", ...at, text });
const over: ChatEvent = { type: "part_end", ...at };

const stream = writeStream([
  { type: "start" },
  { type: "part_start", ...at, part: { type: "reasoning", kind: "summary", id: "a" } },
  said("Hm"),
  over,
  { type: "part_start", ...at, part: { type: "reasoning", kind: "raw", id: "a" } },
  said("raw"),
  over,
  { type: "part_start", ...at, part: { type: "text" } },
  said("Hello "),
  said("there"),
  { type: "citation", ...at, citation: { kind: "url", url: "https://x.test" } },
  over,
  { type: "part_start", ...at, part: { type: "refusal" } },
  said("No."),
  over,
  { type: "part_start", ...at, part: { type: "tool_call", id: "c", name: "f" } },
  said('{"x":1}'),
  over,
  { type: "part_start", ...at, part: { type: "tool_call", id: "d", name: "g", custom: true } },
  said("free"),
  over,
  { type: "finish", ...at, reason: "tool_calls" },
  { type: "end" },
]);

/** Numbered anew, so that only the order of events is at fault. */
function rewritten(events: readonly ResponsesEvent[]): string {
  return events
    .map(({ type, fields }, index) => formatSse(JSON.stringify({ ...fields, sequence_number: index }), type))
    .join("");
}

describe("the grammar of Responses streams", () => {
  const events = checkOpenaiResponsesStream(stream);

  test("accepts what is right", () => {
    expect(() => checkOpenaiResponsesStream(rewritten(events))).not.toThrow();
    expect(new Set(events.map(({ type }) => type)).size).toBe(22);
  });

  for (const [index, { type }] of events.entries()) {
    test(`misses event ${index}, ${type}`, () => {
      expect(() => checkOpenaiResponsesStream(rewritten(events.toSpliced(index, 1)))).toThrow();
    });

    test(`refuses a second event ${index}, ${type}`, () => {
      const doubled = events.toSpliced(index, 0, events[index] ?? { type, fields: {} });
      expect(() => checkOpenaiResponsesStream(rewritten(doubled))).toThrow();
    });
  }

  const wrong: readonly (readonly [name: string, text: string])[] = [
    ["a number out of order", stream.replace('"sequence_number":4', '"sequence_number":5')],
    ["a missing event name", stream.replace("event: response.completed\n", "")],
    ["another name than type", stream.replace("event: response.completed", "event: response.done")],
    ["another output index", stream.replaceAll('"output_index":2', '"output_index":3')],
    ["arguments that do not parse", stream.replaceAll(String.raw`{\"x\":1}`, String.raw`{\"x\":1`)],
    ["a final output that differs", stream.replace(/"output":\[\{.*\}\]/, '"output":[]')],
    ["no last blank line", stream.trimEnd()],
  ];
  for (const [name, text] of wrong) {
    test(`refuses ${name}`, () => {
      expect(text).not.toBe(stream);
      expect(() => checkOpenaiResponsesStream(text)).toThrow();
    });
  }
});
