import { describe, expect, test } from "bun:test";
import { createParser } from "eventsource-parser";
import fc from "fast-check";
import { SseReader, type SseFrame } from "./sse.ts";

const encode = (text: string) => new TextEncoder().encode(text);

function readAll(bytes: Uint8Array, cuts: readonly number[] = []): SseFrame[] {
  const reader = new SseReader();
  const frames: SseFrame[] = [];
  let from = 0;
  for (const cut of [...cuts, bytes.length]) {
    frames.push(...reader.push(bytes.subarray(from, cut)));
    from = cut;
  }
  return [...frames, ...reader.end()];
}

const withData = (frames: readonly SseFrame[]) =>
  frames.filter(({ data }) => data !== "").map(({ event, data }) => ({ event, data }));

describe("reading", () => {
  const rows: readonly (readonly [string, string, { event: string; data: string }[]])[] = [
    ["a data line", "data: a\n\n", [{ event: "", data: "a" }]],
    ["CRLF", "event: x\r\ndata: a\r\n\r\n", [{ event: "x", data: "a" }]],
    [
      "lone CR",
      "data: a\r\rdata: b\r\r",
      [
        { event: "", data: "a" },
        { event: "", data: "b" },
      ],
    ],
    ["an event line closed by LF", "event: x\ndata: a\n\n", [{ event: "x", data: "a" }]],
    ["a lone CR between data lines", "event: x\r\ndata: a\rdata: b\r\n\r\n", [{ event: "x", data: "a\nb" }]],
    ["a lone CR behind an event line", "event: x\rdata: a\n\n", [{ event: "x", data: "a" }]],
    ["an event without data", "event: x\n\n", []],
    ["several data lines", "data: a\ndata: b\n\n", [{ event: "", data: "a\nb" }]],
    ["no space after the colon", "data:a\n\n", [{ event: "", data: "a" }]],
    ["only one space taken", "data:  a\n\n", [{ event: "", data: " a" }]],
    ["comments passed over", ": ping\n\ndata: a\n\n", [{ event: "", data: "a" }]],
    ["a comment inside an event", "event: x\n: c\ndata: a\n\n", [{ event: "x", data: "a" }]],
    ["a byte order mark", "\uFEFFdata: a\n\n", [{ event: "", data: "a" }]],
    ["a last event without its blank line", "data: a", [{ event: "", data: "a" }]],
    ["other fields passed over", "id: 1\nretry: 5\ndata: a\n\n", [{ event: "", data: "a" }]],
  ];
  for (const [name, text, wanted] of rows) {
    test(`understands ${name}`, () => expect(withData(readAll(encode(text)))).toEqual(wanted));
  }
});

const line = fc.oneof(
  fc.string({ unit: "grapheme" }).map((text) => `data: ${text.replaceAll(/[\r\n]/g, "")}`),
  fc.constantFrom("event: ping", ": comment", "data", "id: 7", "data: 语言 😀"),
);
const block = fc.array(line, { minLength: 1, maxLength: 4 });
const lineEnd = fc.constantFrom("\n", "\r\n", "\r");
const stream = fc
  .tuple(fc.array(block, { maxLength: 6 }), lineEnd)
  .map(([blocks, end]) => blocks.map((lines) => lines.join(end) + end + end).join(""));

describe("any split of any stream", () => {
  test("gives the frames of the whole", () => {
    fc.assert(
      fc.property(stream, fc.array(fc.nat()), (text, points) => {
        const bytes = encode(text);
        const cuts = points.map((point) => point % (bytes.length + 1)).sort((a, b) => a - b);
        expect(withData(readAll(bytes, cuts))).toEqual(withData(readAll(bytes)));
      }),
    );
  });

  test("one byte at a time loses nothing of the raw text", () => {
    fc.assert(
      fc.property(stream, (text) => {
        const bytes = encode(text);
        const cuts = Array.from({ length: bytes.length }, (_, index) => index);
        expect(
          readAll(bytes, cuts)
            .map(({ raw }) => raw)
            .join(""),
        ).toBe(text);
      }),
    );
  });

  test("agrees with eventsource-parser", () => {
    fc.assert(
      fc.property(stream, (text) => {
        const wanted: { event: string; data: string }[] = [];
        const parser = createParser({
          onEvent: ({ event, data }) => {
            if (data !== "") wanted.push({ event: event ?? "", data });
          },
        });
        parser.feed(text);
        // The other parser never sees our end of stream, at which a waiting lone CR is one.
        if (!text.includes("\r") || text.includes("\r\n"))
          expect(withData(readAll(encode(text)))).toEqual(wanted);
      }),
    );
  });
});

test("an event past its bound is refused, not collected", () => {
  const reader = new SseReader(100);
  expect(() => reader.push(encode(`data: ${"x".repeat(200)}`))).toThrow(RangeError);
});
