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
const usage: JsonObject = { choices: [], usage: { prompt_tokens: 5, completion_tokens: 2, total_tokens: 7 } };
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

const kindOf = (events: readonly ChatEvent[]): string => {
  const last = events.at(-1);
  return last?.type === "error" ? last.failure.kind : (last?.type ?? "nothing");
};
const callsOf = (events: readonly ChatEvent[]) =>
  foldReply(events).choices.flatMap(({ parts }) =>
    parts.flatMap((part) => (part.type === "tool_call" ? [[part.id, part.name, part.argumentsText]] : [])),
  );
const reasonOf = (events: readonly ChatEvent[]) => foldReply(events).choices[0]?.finish.reason;

describe("when an answer is complete", () => {
  const rows: readonly (readonly [string, readonly (JsonObject | string)[], string])[] = [
    ["finish, usage, [DONE]", [delta({ content: "a" }), finish("stop"), usage, DONE], "end"],
    ["finish and the end of the body", [delta({ content: "a" }), finish("stop")], "end"],
    [
      "content in the finish chunk",
      [{ choices: [{ index: 0, delta: { content: "a" }, finish_reason: "stop" }] }],
      "end",
    ],
    ["no finish, but a closing usage report and [DONE]", [delta({ content: "a" }), usage, DONE], "end"],
    ["no finish, a closing usage report, no [DONE]", [delta({ content: "a" }), usage], "upstream_broken"],
    ["no finish, but [DONE]", [delta({ content: "a" }), DONE], "upstream_broken"],
    ["an empty finish and [DONE]", [delta({ content: "a" }), finish(""), DONE], "upstream_broken"],
    ["the body just ends", [delta({ content: "a" })], "upstream_broken"],
    ["nothing at all", [], "upstream_broken"],
    ["[DONE] alone", [DONE], "upstream_broken"],
    ["usage and [DONE] without content", [usage, DONE], "upstream_broken"],
    [
      "one of two choices unfinished",
      [delta({ content: "a" }), delta({ content: "b" }, 1), finish("stop"), DONE],
      "upstream_broken",
    ],
    ["an event that is not JSON", [delta({ content: "a" }), "{oops"], "upstream_broken"],
    [
      "an error object",
      [delta({ content: "a" }), { error: { message: "x", type: "server_error" } }, DONE],
      "upstream_failed",
    ],
    [
      "an OpenRouter error beside a finish",
      [
        {
          error: { code: 502, message: "x", metadata: { error_type: "provider_unavailable" } },
          choices: [{ index: 0, delta: { content: "" }, finish_reason: "error" }],
        },
      ],
      "upstream_overloaded",
    ],
    ["a finish reason that says error", [delta({ content: "a" }), finish("error"), DONE], "upstream_failed"],
    [
      "DeepSeek out of capacity",
      [delta({ content: "a" }), finish("insufficient_system_resource")],
      "upstream_overloaded",
    ],
    [
      "vLLM's flat error",
      [{ object: "error", message: "x", type: "BadRequestError", code: 400 }],
      "bad_request",
    ],
    ["error as text", [{ error: "boom" }], "upstream_failed"],
  ];

  test.each(rows)("%s", (_, chunks, expected) => {
    expect(kindOf(decode(...chunks))).toBe(expected);
  });

  test("nothing follows an error", () => {
    const events = decode({ error: { message: "x" } }, delta({ content: "late" }), finish("stop"), DONE);
    expect(events.map((event) => event.type)).toEqual(["error"]);
  });

  test("an event named error is one, whatever it holds", () => {
    const decoder = createStreamDecoder(dialect);
    const [event] = decoder.push({ event: "error", data: '{"message":"no","code":429}', raw: "" });
    expect(event?.type === "error" && event.failure.kind).toBe("upstream_rate_limited");
  });
});

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

describe("finish reasons", () => {
  const rows: readonly (readonly [string, JsonObject, string])[] = [
    ["stop", { content: "a" }, "stop"],
    ["eos", { content: "a" }, "stop"],
    ["something_new", { content: "a" }, "stop"],
    ["length", { content: "a" }, "length"],
    ["model_length", { content: "a" }, "length"],
    ["content_filter", { content: "a" }, "content_filter"],
    ["stop", { refusal: "no" }, "refusal"],
    ["tool_calls", { content: "a" }, "stop"],
    ["length", { tool_calls: [{ index: 0, id: "a", function: { name: "f", arguments: '{"x' } }] }, "length"],
  ];

  test.each(rows)("%s after %j", (word, fields, reason) => {
    const events = decode(delta(fields), finish(word));
    expect<string | undefined>(reasonOf(events)).toBe(reason);
  });

  test("a stop sequence that is named is passed on", () => {
    const chunk = { choices: [{ index: 0, delta: {}, finish_reason: "stop", stop_reason: "END" }] };
    expect(foldReply(decode(delta({ content: "a" }), chunk)).choices[0]?.finish).toEqual({
      reason: "stop_sequence",
      stopSequence: "END",
      native: "stop",
    });
  });
});

describe("reasoning", () => {
  const detail = (fields: JsonObject) => delta({ reasoning_details: [fields] });
  const format = "anthropic-claude-v1";
  const origin = { model: "m", route: "r" };

  test("plain text in either field", () => {
    const events = decode(
      delta({ reasoning_content: "a" }),
      delta({ reasoning: "b" }),
      delta({ content: "c" }),
      finish("stop"),
    );
    expect(foldReply(events).choices[0]?.parts).toEqual([
      { type: "reasoning", kind: "raw", text: "ab" },
      { type: "text", text: "c" },
    ]);
  });

  test("text said twice in one chunk is read once; the signature comes last", () => {
    const events = decode(
      delta({
        reasoning: "Hm",
        reasoning_details: [{ type: "reasoning.text", text: "Hm", format, index: 0 }],
      }),
      detail({ type: "reasoning.text", signature: "SIG", format, index: 0 }),
      delta({ content: "c" }),
      finish("stop"),
    );
    expect(foldReply(events).choices[0]?.parts[0]).toEqual({
      type: "reasoning",
      kind: "raw",
      text: "Hm",
      signature: { kind: "anthropic_signature", vendor: "anthropic", ...origin, data: "SIG" },
    });
  });

  test("encrypted state keeps its id", () => {
    const events = decode(
      detail({ type: "reasoning.summary", summary: "s", format: "openai-responses-v1", index: 0 }),
      detail({ type: "reasoning.encrypted", data: "E", id: "rs_1", format: "openai-responses-v1", index: 0 }),
      delta({ content: "c" }),
      finish("stop"),
    );
    expect(foldReply(events).choices[0]?.parts.slice(0, 2)).toEqual([
      { type: "reasoning", kind: "summary", text: "s" },
      {
        type: "reasoning",
        kind: "redacted",
        id: "rs_1",
        signature: { kind: "openai_encrypted", vendor: "openai", ...origin, data: "E" },
      },
    ]);
  });

  const google = { type: "reasoning.encrypted", data: "G", id: "a", format: "google-gemini-v1", index: 0 };
  const call = { tool_calls: [{ index: 0, id: "a", function: { name: "f", arguments: "{}" } }] };
  test.each([
    ["before its call", [detail(google), delta(call)]],
    ["after its call", [delta(call), detail(google)]],
    ["beside its call", [delta({ ...call, reasoning_details: [google] })]],
  ])("Gemini's signature %s hangs on the call", (_, chunks) => {
    const [part] = foldReply(decode(...chunks, finish("stop"))).choices[0]?.parts ?? [];
    expect(part).toMatchObject({ type: "tool_call", signature: { data: "G", vendor: "google" } });
  });
});

describe("what the native lane asks", () => {
  const chat = (includeUsage: boolean): Chat => ({
    protocol: "openai-chat",
    model: "m",
    stream: true,
    includeUsage,
    system: [],
    turns: [],
    tools: [],
    extensions: {},
    betas: [],
  });
  const rows: readonly (readonly [string, JsonObject, boolean])[] = [
    ["a usage chunk", usage, true],
    [
      "OpenRouter's, with an empty delta",
      { ...delta({ role: "assistant", content: "" }), usage: { prompt_tokens: 1, completion_tokens: 1 } },
      true,
    ],
    ["usage beside a finish", { ...finish("stop"), usage: { prompt_tokens: 1 } }, false],
    ["usage beside content", { ...delta({ content: "b" }), usage: { prompt_tokens: 1 } }, false],
    ["content", delta({ content: "b" }), false],
  ];

  test.each(rows)("%s is hidden from who did not ask: %j -> %s", (_, chunk, isHidden) => {
    for (const asked of [true, false]) {
      const decoder = createStreamDecoder(dialect, chat(asked));
      const frame = (value: JsonObject) => ({ event: "", data: JSON.stringify(value), raw: "" });
      decoder.push(frame(delta({ content: "a" })));
      decoder.push(frame(chunk));
      expect(decoder.isHidden?.(frame(chunk))).toBe(isHidden && !asked);
    }
  });

  test("a missing [DONE] is named", () => {
    const decoder = createStreamDecoder(dialect);
    decoder.push({ event: "", data: JSON.stringify(finish("stop")), raw: "" });
    expect(decoder.missingEnd).toBe("data: [DONE]\n\n");
    decoder.push({ event: "", data: DONE, raw: "" });
    expect(decoder.missingEnd).toBe("");
  });
});

test("sources beside the answer become citations once", () => {
  const sources = { search_results: [{ title: "T", url: "https://x" }] };
  const events = decode({ ...delta({ content: "a" }), ...sources }, { ...finish("stop"), ...sources });
  expect(foldReply(events).choices[0]?.parts).toEqual([
    { type: "text", text: "a", citations: [{ kind: "url", url: "https://x", title: "T" }] },
  ]);
});

test("logprobs travel with their text", () => {
  const record = { token: "a", logprob: -0.1, bytes: [97], top_logprobs: [] };
  const chunk = {
    choices: [{ index: 0, delta: { content: "a" }, logprobs: { content: [record], refusal: null } }],
  };
  expect(foldReply(decode(chunk, finish("stop"))).choices[0]?.logprobs).toEqual([record]);
});

test("no chunk, however odd, throws", () => {
  fc.assert(
    fc.property(
      fc.array(fc.jsonValue({ maxDepth: 4 }), { maxLength: 4 }),
      fc.jsonValue({ maxDepth: 3 }),
      (chunks, part) => {
        const odd = chunks.map((chunk) => JSON.stringify(chunk));
        const nested = JSON.stringify({
          choices: [
            {
              index: 0,
              delta: {
                content: part,
                tool_calls: [part],
                reasoning_details: [part],
                audio: part,
                annotations: [part],
                images: [part],
                function_call: part,
              },
              logprobs: part,
              finish_reason: part,
            },
          ],
          usage: part,
          error: null,
        });
        expect(["end", "upstream_broken", "upstream_failed", "bad_request"]).toContain(
          kindOf(decode(...odd, nested)),
        );
      },
    ),
    { numRuns: 500 },
  );
});
