import { expect, test } from "bun:test";
import fc from "fast-check";
import { asObject, parseJson, type JsonObject } from "#lib/json.ts";
import type { ChatEvent } from "#model/chat-event.ts";
import type { Dialect } from "#protocols/protocol.ts";
import { ChatStreamDecoder } from "./stream-decoder.ts";
import { TextChunk } from "./text-chunk.ts";

const dialect: Dialect = { model: "m", vendor: "unknown", route: "r", host: "openrouter" };

const chunkOf = (delta: JsonObject, more: JsonObject = {}): string =>
  JSON.stringify({ id: "c", model: "m", choices: [{ index: 0, delta, logprobs: null, ...more }] });
const textOf = (content: string): string => chunkOf({ content });
const said = (text: string, choice = 0): ChatEvent => ({ type: "delta", choice, text });

function learned(data: string, text: string): TextChunk {
  const chunk = new TextChunk();
  chunk.note(data, asObject(parseJson(data)) ?? {}, [said(text)]);
  return chunk;
}

test("a chunk that differs in its text alone is read", () => {
  const chunk = learned(textOf("Hello"), "Hello");
  for (const text of [
    " world",
    "\n\n",
    'a "quoted" \\ word',
    "\u2028",
    "\ud83d\ude00",
    "\ud83d",
    "\u0000",
    "{}",
  ])
    expect(chunk.read(textOf(text))).toEqual(said(text));
});

test("whatever else differs has to be parsed", () => {
  const chunk = learned(textOf("Hello"), "Hello");
  const others = [
    textOf(""),
    chunkOf({ content: "x" }, { finish_reason: "stop" }),
    chunkOf({ content: "x", tool_calls: [] }),
    textOf("x").replace('"id":"c"', '"id":"d"'),
    textOf("x").replace('"x"', '"x","refusal":"no"'),
    textOf("x").replace('"x"', '"x\\"'),
    textOf("x").replace('"x"', '"\\x"'),
    textOf("x").replace('"x"', '"\n"'),
    textOf("x").replace('"x"', "null"),
  ];
  for (const other of others) expect(chunk.read(other)).toBeUndefined();
});

test("nothing is learned where the text stands elsewhere, or not alone", () => {
  const rows = [
    textOf("x").replace('"id":"c"', '"id":{"content":"x"}').replace('"content":"x"}}', '"content": "x"}}'),
    `{"seen":{"content":"x"},"choices":[{"index":0,"delta":{"content": "x"}}]}`,
    chunkOf({ content: "x", tool_calls: [{ index: 0, function: { arguments: "{" } }] }),
    chunkOf({ content: "x", reasoning_details: [{ type: "reasoning.encrypted", id: "i", data: "d" }] }),
    `{"choices":[{"index":0,"delta":{"content":"x"}},{"index":1,"delta":{}}]}`,
    `{"choices":[{"index":0,"delta":{"content":"x","content":"x"}}]}`.replace(
      '"x","content":"x"',
      '"x","content":"\\u0078"',
    ),
  ];
  for (const data of rows) expect([data, learned(data, "x").read(data)]).toEqual([data, undefined]);
});

test("a provider that writes something new into every chunk is left alone", () => {
  const chunk = new TextChunk();
  const pushed = (id: number) => textOf("x").replace('"id":"c"', `"id":"${id}"`);
  for (let id = 0; id < 20; id += 1)
    chunk.note(pushed(id), asObject(parseJson(pushed(id))) ?? {}, [said("x")]);
  expect(chunk.read(pushed(19))).toBeUndefined();
});

/** All that a chunk can say beside its text, and texts that look like more. */
const text = fc.oneof(fc.string(), fc.constantFrom("x", '","refusal":"no', "\\", '"', "\n", "", '"}', "{}"));
const delta = fc.oneof(
  { weight: 8, arbitrary: fc.record({ content: text }) },
  fc.record({ role: fc.constant("assistant"), content: text }),
  fc.record({ content: text, refusal: fc.constantFrom(null, "", "no") }),
  fc.record({ content: fc.constantFrom(null, "", "x"), reasoning: fc.constantFrom("hm", null) }),
  fc.record({
    content: text,
    reasoning_details: fc.constantFrom(
      [],
      [{ type: "reasoning.encrypted", id: "call_0", data: "d", format: "google-gemini-v1" }],
      [{ type: "reasoning.text", text: "hm", index: 0 }],
    ),
  }),
  fc.record({
    content: fc.constantFrom(null, "x"),
    tool_calls: fc.constantFrom(
      [],
      [{ index: 0, id: "call_0", function: { name: "f", arguments: "{" } }],
      [{ index: 0, function: { arguments: "}" } }],
      [{ index: 1, function: { arguments: "{}" } }],
    ),
  }),
  fc.record({ content: text, audio: fc.constantFrom(null, { id: "a" }, { transcript: "t" }) }),
);
const choice = fc.record({
  index: fc.constantFrom(0, 0, 0, 0, 1),
  delta,
  logprobs: fc.constantFrom(null, null, { content: [{ token: "x" }] }),
  finish_reason: fc.constantFrom(null, null, null, null, null, null, null, "stop"),
  stop_reason: fc.constantFrom(null, null, "END", "HALT"),
});
const chunk = fc.record(
  {
    id: fc.constantFrom("c", "c", "c", "d"),
    seen: fc.record({ content: fc.constantFrom("x", "y") }),
    choices: fc.oneof({ weight: 9, arbitrary: fc.tuple(choice) }, fc.array(choice, { maxLength: 2 })),
    citations: fc.constantFrom(["https://a.example"], ["https://b.example"]),
    usage: fc.constantFrom(null, null, { prompt_tokens: 1, completion_tokens: 2 }),
  },
  { requiredKeys: ["id", "choices"] },
);
/** Runs of chunks that have all but their text in common, as streams are. */
const stream = fc.array(fc.tuple(chunk, fc.array(text, { maxLength: 4 })), { maxLength: 8 }).map((runs) =>
  runs.flatMap(([first, texts]) => [
    first,
    ...texts.map((content) => ({
      ...first,
      choices: first.choices.map((value) => ({ ...value, delta: { ...value.delta, content } })),
    })),
  ]),
);

test("a stream says the same as when each of its chunks is parsed", () => {
  let read = 0;
  fc.assert(
    fc.property(stream, (chunks) => {
      const decoder = new ChatStreamDecoder(dialect);
      const parsing = new ChatStreamDecoder(dialect);
      const probe = new TextChunk();
      let isOver = false;
      for (const value of chunks) {
        const data = JSON.stringify(value);
        const expected: readonly ChatEvent[] = isOver
          ? []
          : parsing.pushChunk(asObject(parseJson(data)) ?? {});
        isOver ||= expected.at(-1)?.type === "error";
        expect(decoder.push({ event: "", data, raw: "" })).toEqual(expected);
        if (probe.read(data)) read += 1;
        else probe.note(data, asObject(parseJson(data)) ?? {}, expected);
      }
      expect(decoder.end()).toEqual(parsing.end());
    }),
    { numRuns: 3_000 },
  );
  // The comparison is worth something only where chunks were read unparsed.
  expect(read).toBeGreaterThan(500);
});
