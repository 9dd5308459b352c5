import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { JsonObject } from "#lib/json.ts";
import { SseReader } from "#lib/sse.ts";
import type { Chat } from "#model/chat.ts";
import type { ChatEvent } from "#model/chat-event.ts";
import { foldReply } from "#model/reply.ts";
import type { Dialect } from "#protocols/protocol.ts";
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
