/**
 * Any answer, spoken by an upstream of any API in any pieces of bytes, reads the same to a client of any API (P6, P14):
 * events -> the upstream API's stream -> random chunks -> its decoder -> the client API's stream -> random chunks -> read.
 */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { ChatEvent, PartStart, StopReason } from "#model/chat-event.ts";
import { foldReply } from "#model/reply.ts";
import type { Usage } from "#model/usage.ts";
import { checkStream } from "./check-stream.ts";
import { expectedReading, type Reading } from "./reading.ts";
import { apis, decodeChunks, encodeStream } from "./rooms.ts";

const RUNS = 60;

const pieces = fc.array(fc.string({ unit: "grapheme", minLength: 1, maxLength: 8 }), {
  minLength: 1,
  maxLength: 4,
});
const said = fc.record({ type: fc.constantFrom("text" as const, "reasoning" as const), pieces });
const call = fc.record({
  type: fc.constant("call" as const),
  name: fc.constantFrom("weather", "clock"),
  input: fc.dictionary(fc.string({ minLength: 1, maxLength: 6 }), fc.jsonValue({ maxDepth: 2 }), {
    maxKeys: 4,
  }),
  cuts: fc.array(fc.nat(40), { maxLength: 3 }),
});
const count = fc.nat(10_000);
const answer = fc.record({
  parts: fc.array(fc.oneof(said, call), { minLength: 1, maxLength: 6 }),
  reason: fc.constantFrom<StopReason>("stop", "length", "content_filter"),
  usage: fc.record({
    input: count,
    cacheRead: count,
    output: fc.integer({ min: 500, max: 9999 }),
    reasoning: fc.nat(500),
  }),
  upstreamCuts: fc.array(fc.nat(4000), { maxLength: 12 }),
  clientCuts: fc.array(fc.nat(4000), { maxLength: 12 }),
});
type AnyAnswer = typeof answer extends fc.Arbitrary<infer T> ? T : never;

function toEvents({ parts, reason, usage }: AnyAnswer): readonly ChatEvent[] {
  const events = parts.flatMap((part, index): readonly ChatEvent[] => {
    const texts = "name" in part ? cutText(JSON.stringify(part.input), part.cuts) : part.pieces;
    return [
      { type: "part_start", choice: 0, part: startOf(part, index) },
      ...texts.map((text): ChatEvent => ({ type: "delta", choice: 0, text })),
      { type: "part_end", choice: 0 },
    ];
  });
  const hasCalls = parts.some(({ type }) => type === "call");
  const counted: Usage = usage;
  return [
    { type: "start", model: "served" },
    ...events,
    { type: "finish", choice: 0, reason: hasCalls && reason === "stop" ? "tool_calls" : reason },
    { type: "usage", usage: counted },
    { type: "end" },
  ];
}

function startOf(part: AnyAnswer["parts"][number], index: number): PartStart {
  if ("name" in part) return { type: "tool_call", id: `call_${index}`, name: part.name };
  return part.type === "text" ? { type: "text" } : { type: "reasoning", kind: "summary" };
}

function cutText(text: string, cuts: readonly number[]): readonly string[] {
  const places = [0, ...cuts.map((cut) => cut % (text.length + 1)).sort((a, b) => a - b), text.length];
  return places.slice(1).map((place, index) => text.slice(places[index], place));
}

/** Every cut makes a chunk of one byte as well, so that characters and line ends are torn. */
function cutBytes(text: string, cuts: readonly number[]): readonly Uint8Array[] {
  const bytes = new TextEncoder().encode(text);
  const places = cuts.flatMap((cut) => [cut % (bytes.length + 1), (cut + 1) % (bytes.length + 1)]);
  const sorted = [0, ...places.sort((a, b) => a - b), bytes.length];
  return sorted.slice(1).map((place, index) => bytes.slice(sorted[index], place));
}

/** Messages marks thoughts that nobody signed, and a reader of its stream takes the mark for a signature. */
function withoutState({ choices, usage }: Reading) {
  return { usage, choices: choices.map((choice) => ({ ...choice, blobs: [] })) };
}

describe.each(apis)("an upstream of %s", (upstream) => {
  test.each(apis)("to a client of %s", (client) => {
    fc.assert(
      fc.property(answer, (any) => {
        const events = toEvents(any);
        const spoken = encodeStream(upstream, events);
        const heard = decodeChunks(upstream, cutBytes(spoken, any.upstreamCuts));
        const told = encodeStream(client, heard);
        expect(checkStream(client, told)).toBe("end");
        const reread = foldReply(decodeChunks(client, cutBytes(told, any.clientCuts)));
        // Both sides in the client API's words, for it is what both must be told in.
        expect(withoutState(expectedReading(reread, client))).toEqual(
          withoutState(expectedReading(foldReply(events), client)),
        );
      }),
      { numRuns: RUNS },
    );
  });
});
