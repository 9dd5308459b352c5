import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { JsonObject } from "#lib/json.ts";
import { SseReader } from "#lib/sse.ts";
import type { Chat } from "#model/chat.ts";
import type { ChatEvent } from "#model/chat-event.ts";
import { foldReply } from "#model/reply.ts";
import type { Dialect } from "#protocols/protocol.ts";
import { decodeReply } from "./decode-reply.ts";
import { createStreamDecoder } from "./stream-decoder.ts";

const dialect: Dialect = { model: "m", vendor: "unknown", route: "r", host: "openrouter" };

const delta = (fields: JsonObject, index = 0): JsonObject => ({
  choices: [{ index, delta: fields, finish_reason: null }],
});
const finish = (reason: string | null, index = 0): JsonObject => ({
  choices: [{ index, delta: {}, finish_reason: reason }],
});
const DONE = "[DONE]";

function decode(...chunks: (JsonObject | string)[]): readonly ChatEvent[] {
  const reader = new SseReader();
  const decoder = createStreamDecoder(dialect);
  const text = chunks
    .map((chunk) => `data: ${typeof chunk === "string" ? chunk : JSON.stringify(chunk)}\n\n`)
    .join("");
  const frames = [...reader.push(new TextEncoder().encode(text)), ...reader.end()];
  return [...frames.flatMap((frame) => [...decoder.push(frame)]), ...decoder.end()];
}

const callsOf = (events: readonly ChatEvent[]) =>
  foldReply(events).choices.flatMap(({ parts }) =>
    parts.flatMap((part) => (part.type === "tool_call" ? [[part.id, part.name, part.argumentsText]] : [])),
  );
const reasonOf = (events: readonly ChatEvent[]) => foldReply(events).choices[0]?.finish.reason;

describe("tool calls", () => {
  const call = (fields: JsonObject) => delta({ tool_calls: [fields] });
  const part = (index: number, text: string) => call({ index, function: { arguments: text } });
  const begin = (index: number, id: string, name: string, text = "") =>
    call({ index, id, type: "function", function: { name, arguments: text } });

  const rows: readonly (readonly [string, readonly JsonObject[], readonly (readonly string[])[]])[] = [
    [
      "one after the other",
      [begin(0, "a", "f"), part(0, '{"x":1}'), begin(1, "b", "g", "{}")],
      [
        ["a", "f", '{"x":1}'],
        ["b", "g", "{}"],
      ],
    ],
    [
      "interleaved",
      [begin(0, "a", "f", '{"x":'), begin(1, "b", "g", '{"y":'), part(0, "1}"), part(1, "2}")],
      [
        ["a", "f", '{"x":1}'],
        ["b", "g", '{"y":2}'],
      ],
    ],
    [
      "index always 0, new ids",
      [begin(0, "a", "f", "{}"), begin(0, "b", "g", "{}")],
      [
        ["a", "f", "{}"],
        ["b", "g", "{}"],
      ],
    ],
    [
      "id and name in every fragment",
      [begin(0, "a", "f", '{"x"'), begin(0, "a", "f", ":1}")],
      [["a", "f", '{"x":1}']],
    ],
    [
      "no index, whole calls with ids",
      [
        delta({
          tool_calls: [
            { id: "a", function: { name: "f", arguments: "{}" } },
            { id: "b", function: { name: "g", arguments: "{}" } },
          ],
        }),
      ],
      [
        ["a", "f", "{}"],
        ["b", "g", "{}"],
      ],
    ],
    [
      "no index, fragments by id",
      [
        call({ id: "a", function: { name: "f", arguments: '{"x"' } }),
        call({ id: "a", function: { arguments: ":1}" } }),
      ],
      [["a", "f", '{"x":1}']],
    ],
    [
      "no index and no id later",
      [
        call({ id: "a", function: { name: "f", arguments: '{"x"' } }),
        call({ function: { arguments: ":1}" } }),
      ],
      [["a", "f", '{"x":1}']],
    ],
    [
      "arguments as an object",
      [call({ index: 0, id: "a", function: { name: "f", arguments: { x: 1 } } })],
      [["a", "f", '{"x":1}']],
    ],
    [
      "no arguments",
      [begin(0, "a", "f"), begin(1, "b", "g")],
      [
        ["a", "f", "{}"],
        ["b", "g", "{}"],
      ],
    ],
    [
      "the name after the id",
      [call({ index: 0, id: "a" }), call({ index: 0, function: { name: "f" } }), part(0, "{}")],
      [["a", "f", "{}"]],
    ],
    [
      "arguments before the name",
      [
        call({ index: 0, id: "a", function: { arguments: '{"x"' } }),
        call({ index: 0, function: { name: "f", arguments: ":1}" } }),
      ],
      [["a", "f", '{"x":1}']],
    ],
    [
      "whole calls without ids",
      [
        call({ index: 0, function: { name: "f", arguments: "{}" } }),
        call({ index: 0, function: { name: "g", arguments: "{}" } }),
      ],
      [
        ["call_0_0", "f", "{}"],
        ["call_0_1", "g", "{}"],
      ],
    ],
    [
      "a deprecated function call",
      [
        delta({ function_call: { name: "f", arguments: "" } }),
        delta({ function_call: { arguments: '{"x":1}' } }),
      ],
      [["call_0_0", "f", '{"x":1}']],
    ],
    [
      "free text",
      [
        call({ index: 0, id: "a", type: "custom", custom: { name: "sql", input: "SEL" } }),
        call({ index: 0, custom: { input: "ECT" } }),
      ],
      [["a", "sql", "SELECT"]],
    ],
  ];

  test.each(rows)("%s", (_, chunks, expected) => {
    const events = decode(...chunks, finish("stop"), DONE);
    expect<unknown>(callsOf(events)).toEqual(expected);
    expect(reasonOf(events)).toBe("tool_calls");
  });

  test("the call that is open streams live, the next one as soon as the first is whole", () => {
    const decoder = createStreamDecoder(dialect);
    const push = (chunk: JsonObject) =>
      decoder.push({ event: "", data: JSON.stringify(chunk), raw: "" }).map((event) => event.type);
    expect(push(begin(0, "a", "f"))).toEqual(["start", "part_start"]);
    expect(push(part(0, '{"x":1}'))).toEqual(["delta"]);
    expect(push(begin(1, "b", "g"))).toEqual(["part_end", "part_start"]);
    expect(push(part(1, "{}"))).toEqual(["delta"]);
  });

  test("text behind an unfinished call waits for it and is not lost", () => {
    const events = decode(
      begin(0, "a", "f", '{"x":'),
      delta({ content: "and" }),
      part(0, "1}"),
      finish("tool_calls"),
    );
    expect(foldReply(events).choices[0]?.parts).toEqual([
      { type: "tool_call", id: "a", name: "f", argumentsText: '{"x":1}' },
      { type: "text", text: "and" },
    ]);
  });

  test("any interleaving of three calls gives the same three calls", () => {
    const texts = ['{"a":[1,2,3]}', '{"b":"}{"}', '{"c":{"d":null}}'];
    fc.assert(
      fc.property(fc.infiniteStream(fc.tuple(fc.nat(2), fc.integer({ min: 1, max: 5 }))), (steps) => {
        const sent = [0, 0, 0];
        const chunks = texts.map((_, index) => begin(index, `id${index}`, `f${index}`));
        for (const [index, length] of steps) {
          if (sent.every((count, at) => count >= (texts[at]?.length ?? 0))) break;
          const from = sent[index] ?? 0;
          const text = texts[index]?.slice(from, from + length) ?? "";
          sent[index] = from + text.length;
          if (text !== "") chunks.push(part(index, text));
        }
        expect(
          callsOf(decode(...chunks, finish("tool_calls"), DONE)).map(([, , text]) => text ?? ""),
        ).toEqual(texts);
      }),
      { numRuns: 200 },
    );
  });

  test("names and free-text tools we disguised for this host come back as the caller knows them", () => {
    const chat: Chat = {
      protocol: "openai-responses",
      model: "m",
      stream: true,
      includeUsage: true,
      system: [],
      turns: [],
      tools: [{ type: "custom", name: "apply.patch" }],
      extensions: {},
      betas: [],
    };
    const wireName = "apply_patch_" + Bun.hash("apply.patch").toString(16).padStart(16, "0").slice(0, 8);
    const message = {
      tool_calls: [{ id: "a", function: { name: wireName, arguments: '{"input":"*** Begin"}' } }],
    };
    const events = decodeReply(
      { choices: [{ index: 0, message, finish_reason: "tool_calls" }] },
      dialect,
      chat,
    );
    expect(foldReply(events).choices[0]?.parts).toEqual([
      { type: "tool_call", id: "a", name: "apply.patch", custom: true, argumentsText: "*** Begin" },
    ]);
  });
});
