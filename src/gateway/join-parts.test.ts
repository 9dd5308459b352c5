import { describe, expect, test } from "bun:test";
import type { ChatEvent } from "#model/chat-event.ts";
import type { Usage } from "#model/usage.ts";
import { PartJoiner } from "./join-parts.ts";

const choice = 0;
const text = { type: "part_start", choice, part: { type: "text" } } as const;
const thought = { type: "part_start", choice, part: { type: "reasoning", kind: "summary" } } as const;
const call = (id: string) =>
  ({ type: "part_start", choice, part: { type: "tool_call", id, name: "f" } }) as const;
const say = (words: string) => ({ type: "delta", choice, text: words }) as const;
const end = { type: "part_end", choice } as const;
const signature = {
  type: "signature",
  choice,
  opaque: { kind: "google_thought_signature", vendor: "google", data: "s" },
} as const;
const stop = (usage: Usage): readonly ChatEvent[] => [
  { type: "finish", choice, reason: "stop" },
  { type: "usage", usage },
  { type: "end" },
];
const start = (id: string): ChatEvent => ({ type: "start", id });

/** Two parts and how they come out, less what every answer begins with. */
function joinTwo(first: readonly ChatEvent[], second: readonly ChatEvent[]): readonly ChatEvent[] {
  const joiner = new PartJoiner();
  const one = joiner.breakOff([start("a"), ...first, ...stop({ input: 1, output: 2 })], 0);
  const two = joiner.join([start("b"), ...second, ...stop({ input: 3, output: 4 })]);
  return [...one, ...two].filter(({ type }) => type !== "start");
}

const joinedEnd = stop({ input: 4, output: 6 });

describe("two parts become one answer", () => {
  test("with one start, one end and the sum of what each reports", () => {
    const joiner = new PartJoiner();
    joiner.watch([start("a"), text, say("x")]);
    const first = joiner.breakOff([end, ...stop({ input: 1, output: 2 })], 0);
    const second = joiner.join([start("b"), text, say("y"), end, ...stop({ input: 3, output: 4 })]);
    expect([...first, ...second]).toEqual([say("y"), end, ...joinedEnd]);
    expect(joiner.id).toBe("a");
    expect(joiner.finished).toEqual([{ input: 1, output: 2 }]);
  });

  test.each([
    ["text", text],
    ["a thought", thought],
  ])("%s that was broken off goes on", (_, part) => {
    expect(joinTwo([part, say("x"), end], [part, say("y"), end])).toEqual([
      part,
      say("x"),
      say("y"),
      end,
      ...joinedEnd,
    ]);
  });

  test.each<[string, readonly ChatEvent[], readonly ChatEvent[]]>([
    ["a thought and a text", [thought, say("x"), end], [text, say("y"), end]],
    ["a signed text before", [text, signature, say("x"), end], [text, say("y"), end]],
    ["a signed text behind", [text, say("x"), end], [text, signature, say("y"), end]],
    ["two calls", [call("1"), say("{}"), end], [call("2"), say("{}"), end]],
  ])("%s stay apart", (_, first, second) => {
    const parts = joinTwo(first, second).filter(({ type }) => type !== "finish");
    expect(parts).toEqual([...first, ...second, ...joinedEnd.slice(1)]);
  });

  test("a last part without a word ends the text before it", () => {
    expect(joinTwo([text, say("x"), end], [])).toEqual([text, say("x"), end, ...joinedEnd]);
  });

  test("a call in an earlier part is why the answer ended", () => {
    const joined = joinTwo([call("1"), say("{}"), end], [text, say("done"), end]);
    expect(joined.find(({ type }) => type === "finish")).toMatchObject({ reason: "tool_calls" });
  });

  test("calls of the same id get one each", () => {
    const joined = joinTwo([call("1"), say("{}"), end], [call("1"), say("{}"), end]);
    const ids = joined.flatMap((event) =>
      event.type === "part_start" && event.part.type === "tool_call" ? [event.part.id] : [],
    );
    expect(new Set(ids).size).toBe(2);
  });

  test("citations count from the joined text's beginning", () => {
    const value = { startIndex: 0 };
    const cite = (from: number, to: number, raw?: typeof value): ChatEvent => ({
      type: "citation",
      choice,
      citation: {
        kind: "url",
        url: "https://x",
        start: from,
        end: to,
        ...(raw && { raw: { protocol: "gemini", value: raw } }),
      },
    });
    const joined = joinTwo([text, say("1234"), end], [text, say("5678"), cite(1, 3, value), end]);
    expect(joined.find(({ type }) => type === "citation")).toEqual(cite(5, 7));
  });
});

describe("a part that was cut off", () => {
  test("counts what was delivered of it, marked as a guess, beside the exact counts before", () => {
    const joiner = new PartJoiner();
    joiner.breakOff([text, say("x"), end, ...stop({ input: 1, output: 2 })], 0);
    joiner.join([text, say("12345678")]);
    expect(joiner.cutTotal(100)).toEqual({ input: 101, output: 4, estimated: true });
  });

  test("keeps what it reported itself where that is more", () => {
    const joiner = new PartJoiner();
    joiner.breakOff(stop({ input: 1, output: 2 }), 0);
    joiner.join([text, say("1234"), { type: "usage", usage: { input: 50, output: 9 } }]);
    expect(joiner.cutTotal(100)).toEqual({ input: 51, output: 11, estimated: true });
  });
});

test("a part that reports nothing is guessed at and said to be", () => {
  const joiner = new PartJoiner();
  joiner.breakOff([text, say("12345678"), end, { type: "finish", choice, reason: "pause" }], 7);
  expect(joiner.total).toEqual({ input: 7, output: 2, estimated: true });
});

test("so is a part that reports only half of it", () => {
  const joiner = new PartJoiner();
  joiner.breakOff([text, say("12345678"), end, { type: "usage", usage: { output: 3 } }], 7);
  expect(joiner.total).toEqual({ input: 7, output: 3, estimated: true });
});
