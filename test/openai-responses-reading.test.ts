/** Responses streams as they arrive: split anywhere, interleaved, incomplete, broken. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Json, JsonObject } from "#lib/json.ts";
import { formatSse } from "#lib/sse.ts";
import type { FailureKind } from "#model/failure.ts";
import { foldReply } from "#model/reply.ts";
import { openaiResponses } from "#protocols/openai-responses/openai-responses.ts";
import { contentOfReply, openai, readStream, readText } from "./openai-responses-fixture.ts";
import { readRecordings } from "./recording.ts";

function stream(...events: (readonly [type: string, fields: JsonObject])[]): string {
  return events
    .map(([type, fields], index) =>
      formatSse(
        JSON.stringify({ type: `response.${type}`, sequence_number: index, ...fields }),
        `response.${type}`,
      ),
    )
    .join("");
}

const created = ["created", { response: { id: "resp_1", model: "gpt", created_at: 5, output: [] } }] as const;
const completed = (output: readonly Json[] = []) =>
  [
    "completed",
    {
      response: {
        status: "completed",
        output,
        usage: { input_tokens: 9, output_tokens: 2, total_tokens: 11 },
      },
    },
  ] as const;
const added = (index: number, item: JsonObject) =>
  ["output_item.added", { output_index: index, item }] as const;
const done = (index: number, item: JsonObject) =>
  ["output_item.done", { output_index: index, item }] as const;
const delta = (index: number, text: string, content = 0) =>
  ["output_text.delta", { output_index: index, content_index: content, delta: text }] as const;
const message = (text: string): JsonObject => ({
  type: "message",
  id: "msg_1",
  content: [{ type: "output_text", text }],
});

describe("bytes split anywhere decode the same", () => {
  const texts = readRecordings("openai-responses").flatMap(({ response }) =>
    response.sse ? [response.sse] : [],
  );
  const short = texts.filter((text) => text.length < 60_000);

  function variants(text: string): readonly string[] {
    return [
      text,
      text.replaceAll("\n", "\r\n"),
      text.replaceAll("\n", "\r"),
      text.replaceAll("\n\n", "\n\n: OPENROUTER PROCESSING\n\n"),
      text.replaceAll(/^event: .*\n/gm, ""),
      `${text}data: [DONE]\n\n`,
      `\ufeff${text}`,
    ];
  }

  test("in random pieces, with any line end, with comments, without event names, with a sentinel", () => {
    expect(short.length).toBeGreaterThan(20);
    const input = fc.record({
      text: fc.constantFrom(...short),
      variant: fc.nat(6),
      cuts: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 40 }),
    });
    fc.assert(
      fc.property(input, ({ text, variant, cuts }) => {
        const bytes = new TextEncoder().encode(variants(text)[variant] ?? text);
        const borders = [0, ...cuts.map((cut) => Math.floor(cut * bytes.length)), bytes.length].sort(
          (a, b) => a - b,
        );
        const chunks = borders.slice(1).map((border, index) => bytes.slice(borders[index], border));
        expect(readStream(chunks)).toEqual(readText(text));
      }),
      { numRuns: 80 },
    );
  });

  test("one byte at a time", () => {
    const text = short
      .toSorted((a, b) => a.length - b.length)
      .find((candidate) => candidate.includes("function_call"));
    if (text === undefined) throw new Error("no recorded stream has a call");
    const bytes = new TextEncoder().encode(text);
    const chunks = Array.from(bytes, (byte) => Uint8Array.of(byte));
    expect(readStream(chunks)).toEqual(readText(text));
  });
});

describe("one part is open at a time", () => {
  test("items whose events interleave come one after the other, each whole", () => {
    const call = (id: string): JsonObject => ({
      type: "function_call",
      id: `fc_${id}`,
      call_id: id,
      name: id,
      arguments: "",
    });
    const args = (index: number, text: string) =>
      ["function_call_arguments.delta", { output_index: index, delta: text }] as const;
    const events = readText(
      stream(
        created,
        added(0, call("a")),
        args(0, '{"x":'),
        added(1, call("b")),
        args(1, '{"y"'),
        added(2, { type: "message", id: "m", content: [] }),
        delta(2, "Hi"),
        args(0, "1}"),
        args(1, ":2}"),
        done(1, { ...call("b"), arguments: '{"y":2}' }),
        done(0, { ...call("a"), arguments: '{"x":1}' }),
        done(2, message("Hi!")),
        completed(),
      ),
    );
    let open = 0;
    for (const event of events) {
      if (event.type === "part_start") expect(++open).toBe(1);
      if (event.type === "delta") expect(open).toBe(1);
      if (event.type === "part_end") expect(--open).toBe(0);
    }
    const content = contentOfReply(foldReply(events));
    expect(content.calls).toEqual([
      ["a", "a", '{"x":1}'],
      ["b", "b", '{"y":2}'],
    ]);
    expect(content.text).toBe("Hi!");
  });
});

describe("what servers leave out", () => {
  const rows: readonly (readonly [name: string, text: string, expected: object])[] = [
    ["deltas without their item's beginning", stream(created, delta(0, "Hi"), completed()), { text: "Hi" }],
    ["an item without deltas", stream(created, done(0, message("Hi")), completed()), { text: "Hi" }],
    [
      "an item without its end, and an empty closing output",
      stream(created, added(0, message("")), delta(0, "Hi"), completed()),
      { text: "Hi" },
    ],
    ["everything but the closing event", stream(completed([message("Hi")])), { text: "Hi" }],
    [
      "the end of the text, told with the item",
      stream(created, delta(0, "Hel"), done(0, message("Hello")), completed()),
      { text: "Hello" },
    ],
    [
      "the text is told again in every closing event",
      stream(
        created,
        delta(0, "Hi"),
        ["output_text.done", { output_index: 0, content_index: 0, text: "Hi" }],
        [
          "content_part.done",
          { output_index: 0, content_index: 0, part: { type: "output_text", text: "Hi" } },
        ],
        done(0, message("Hi")),
        completed([message("Hi")]),
      ),
      { text: "Hi" },
    ],
    [
      "parts numbered otherwise than in the item",
      stream(created, delta(0, "Hi", 1), done(0, message("Hi")), completed()),
      { text: "Hi" },
    ],
    [
      "a call's arguments until the close",
      stream(
        created,
        done(0, { type: "function_call", call_id: "a", name: "f", arguments: "" }),
        done(1, message("Hi")),
        completed([{ type: "function_call", call_id: "a", name: "f", arguments: "{}" }, message("Hi")]),
      ),
      { calls: [["a", "f", "{}"]], text: "Hi" },
    ],
    [
      "the call's id, and arguments as text",
      stream(
        created,
        done(0, { type: "function_call", id: "fc_1", name: "f", arguments: { x: 1 } }),
        completed(),
      ),
      { calls: [["fc_1", "f", '{"x":1}']] },
    ],
    [
      "a sentinel is no part of the answer",
      `${stream(created, delta(0, "Hi"), completed())}data: [DONE]\n\n`,
      { text: "Hi" },
    ],
    [
      "events and items of the future",
      stream(created, ["brand_new", { x: 1 }], done(0, { type: "robot_call", id: "r" }), completed()),
      { hosted: [{ type: "robot_call", id: "r" }] },
    ],
  ];
  for (const [name, text, expected] of rows) {
    test(name, () => {
      expect(contentOfReply(foldReply(readText(text)))).toMatchObject(expected);
    });
  }
});

test("thoughts, refusals, custom input, citations and log probabilities arrive as what they are", () => {
  const place = { output_index: 0, summary_index: 0, content_index: 0 };
  const annotation = {
    type: "url_citation",
    url: "https://x.test",
    title: "T",
    start_index: 0,
    end_index: 2,
  };
  const events = readText(
    stream(
      created,
      added(0, { type: "reasoning", id: "rs_1", summary: [] }),
      ["reasoning_summary_text.delta", { ...place, delta: "A" }],
      ["reasoning_summary_text.delta", { ...place, summary_index: 1, delta: "B", obfuscation: "zzz" }],
      ["reasoning_text.delta", { ...place, delta: "raw" }],
      done(0, { type: "reasoning", id: "rs_1", summary: [], encrypted_content: "enc" }),
      ["custom_tool_call_input.delta", { output_index: 1, delta: "ignored: nameless" }],
      added(2, { type: "custom_tool_call", id: "ctc_1", call_id: "c", name: "sql", input: "" }),
      ["custom_tool_call_input.delta", { output_index: 2, delta: "select 1" }],
      done(2, { type: "custom_tool_call", id: "ctc_1", call_id: "c", name: "sql", input: "select 1" }),
      [
        "output_text.delta",
        { ...place, output_index: 3, delta: "Hi", logprobs: [{ token: "Hi", logprob: -0.1 }] },
      ],
      ["output_text.annotation.added", { ...place, output_index: 3, annotation_index: 0, annotation }],
      ["refusal.delta", { ...place, output_index: 3, content_index: 1, delta: "No." }],
      completed(),
    ),
  );
  const reply = foldReply(events);
  expect(reply).toMatchObject({ id: "resp_1", model: "gpt", createdAtSeconds: 5 });
  const opaque = {
    kind: "openai_encrypted",
    vendor: "openai",
    model: openai.model,
    route: "openai",
    data: "enc",
  };
  expect(reply.choices[0]?.parts).toMatchObject([
    { type: "reasoning", kind: "summary", id: "rs_1", text: "A" },
    { type: "reasoning", kind: "summary", id: "rs_1", text: "B" },
    { type: "reasoning", kind: "raw", id: "rs_1", text: "raw", signature: opaque },
    { type: "tool_call", id: "c", itemId: "ctc_1", name: "sql", custom: true, argumentsText: "select 1" },
    {
      type: "text",
      text: "Hi",
      citations: [{ kind: "url", url: "https://x.test", title: "T", start: 0, end: 2 }],
    },
    { type: "refusal", text: "No." },
  ]);
  expect(reply.choices[0]?.logprobs).toEqual([{ token: "Hi", logprob: -0.1 }]);
});

describe("how an answer ends", () => {
  const closing = (response: JsonObject) => stream(created, delta(0, "Hi"), ["incomplete", { response }]);
  const rows: readonly (readonly [text: string, reason: string])[] = [
    [closing({ status: "incomplete", incomplete_details: { reason: "max_output_tokens" } }), "length"],
    [closing({ status: "incomplete", incomplete_details: { reason: "content_filter" } }), "content_filter"],
    [closing({}), "length"],
    [stream(created, delta(0, "Hi"), completed()), "stop"],
    [
      stream(
        created,
        done(0, { type: "message", content: [{ type: "refusal", refusal: "No." }] }),
        completed(),
      ),
      "refusal",
    ],
    [
      stream(
        created,
        done(0, { type: "function_call", call_id: "a", name: "f", arguments: "{}" }),
        completed(),
      ),
      "tool_calls",
    ],
  ];
  for (const [text, reason] of rows) {
    test(reason, () => {
      const events = readText(text);
      expect(events.find((event) => event.type === "finish")).toMatchObject({ reason });
      expect(events.at(-1)).toEqual({ type: "end" });
    });
  }
});

test("a receipt for background work is an answer, not an empty one", () => {
  const body = { id: "resp_1", status: "queued", output: [], usage: null, error: null };
  const events = openaiResponses.upstream.decodeReply(body, openai);
  expect(events).toMatchObject([
    { type: "start", id: "resp_1" },
    { type: "finish", reason: "pause", native: "queued" },
    { type: "end" },
  ]);
});

describe("a stream that fails", () => {
  const error = { code: "server_error", message: "boom", param: null };
  const frame = (value: JsonObject, event?: string) => formatSse(JSON.stringify(value), event);
  const failed = (code: string) =>
    stream(created, ["failed", { response: { status: "failed", error: { code, message: "m" } } }]);
  const rows: readonly (readonly [name: string, text: string, kind: FailureKind])[] = [
    ["flat error", stream(created) + frame({ type: "error", ...error }, "error"), "upstream_failed"],
    [
      "nested error",
      frame({ type: "error", error: { type: "server_error", ...error } }, "error"),
      "upstream_failed",
    ],
    [
      "an error object without a type",
      frame({ error: { code: 429, message: "slow" } }),
      "upstream_rate_limited",
    ],
    [
      "OpenRouter's",
      frame({ error: { code: 502, message: "gone", metadata: { error_type: "provider_unavailable" } } }),
      "upstream_overloaded",
    ],
    ["failed: rate limit", failed("rate_limit_exceeded"), "upstream_rate_limited"],
    ["failed: prompt", failed("invalid_prompt"), "content_policy"],
    ["failed: context", failed("context_length_exceeded"), "context_length"],
    ["failed: unknown", failed("brand_new"), "upstream_failed"],
    ["cancelled", stream(created, ["cancelled", { response: { status: "cancelled" } }]), "upstream_failed"],
    ["no JSON", stream(created) + "data: {oops\n\n", "upstream_broken"],
  ];
  for (const [name, text, kind] of rows) {
    test(`${name}: even a proper close behind it changes nothing`, () => {
      const events = readText(text + stream(completed()));
      expect(events.filter((event) => event.type === "error")).toMatchObject([{ failure: { kind } }]);
      expect(events.at(-1)?.type).toBe("error");
    });
  }

  const cut: readonly (readonly [name: string, text: string])[] = [
    ["cut in the middle", stream(created, delta(0, "Hi"))],
    ["nothing at all", ""],
    ["a sentinel in place of the close", `${stream(created, delta(0, "Hi"))}data: [DONE]\n\n`],
  ];
  for (const [name, text] of cut) {
    test(`${name} is broken`, () => {
      const events = readText(text);
      expect(events.at(-1)).toMatchObject({ type: "error", failure: { kind: "upstream_broken" } });
    });
  }
});
