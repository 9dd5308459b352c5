/** Answers of upstreams: every kind of block, bytes split anywhere, and what servers do that the API does not. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { JsonObject } from "#lib/json.ts";
import type { AssistantPart } from "#model/chat.ts";
import type { StopReason } from "#model/chat-event.ts";
import { foldReply } from "#model/reply.ts";
import { anthropicMessages } from "#protocols/anthropic-messages/anthropic-messages.ts";
import { chatOf, decodeChunks, decodeText, dialectOf, streamOf } from "./fixture.ts";

const { upstream } = anthropicMessages;

const usage = {
  input_tokens: 5,
  cache_read_input_tokens: 100,
  cache_creation_input_tokens: null,
  output_tokens: 1,
};
const head = { type: "message_start", message: { id: "msg_u", model: "claude-x", usage } };
const delta = (value: JsonObject): JsonObject => ({ type: "content_block_delta", index: 0, delta: value });
const open = (block: JsonObject): JsonObject => ({
  type: "content_block_start",
  index: 0,
  content_block: block,
});
const stop: JsonObject = { type: "content_block_stop", index: 0 };
const finish = (reason: string): JsonObject => ({
  type: "message_delta",
  delta: { stop_reason: reason, stop_sequence: null },
  usage: { input_tokens: null, output_tokens: 9, output_tokens_details: { thinking_tokens: 4 } },
});
const end: JsonObject = { type: "message_stop" };

const everything: readonly JsonObject[] = [
  head,
  open({ type: "thinking", thinking: "", signature: "" }),
  delta({ type: "thinking_delta", thinking: "Grüße 🙂" }),
  delta({ type: "signature_delta", signature: "SIG" }),
  stop,
  open({ type: "redacted_thinking", data: "RED" }),
  stop,
  open({ type: "text", text: "" }),
  delta({ type: "text_delta", text: "你好\r\n" }),
  delta({ type: "citations_delta", citation: { type: "char_location", cited_text: "c" } }),
  stop,
  open({ type: "tool_use", id: "t1", name: "f", input: {} }),
  delta({ type: "input_json_delta", partial_json: "" }),
  delta({ type: "input_json_delta", partial_json: '{"city": "Os' }),
  delta({ type: "input_json_delta", partial_json: 'lo"}' }),
  stop,
  open({ type: "server_tool_use", id: "s1", name: "web_search", input: {} }),
  delta({ type: "input_json_delta", partial_json: '{"query":"q"}' }),
  stop,
  finish("tool_use"),
  end,
];

describe("decoding", () => {
  const expected = decodeText(streamOf(everything));

  test("every kind of block becomes its part, usage in disjoint buckets", () => {
    const reply = foldReply(expected);
    expect(reply).toMatchObject({ id: "msg_u", model: "claude-x" });
    expect(reply.choices[0]?.parts).toMatchObject([
      { type: "reasoning", text: "Grüße 🙂", signature: { kind: "anthropic_signature", data: "SIG" } },
      { type: "reasoning", kind: "redacted", signature: { kind: "anthropic_redacted", data: "RED" } },
      { type: "text", text: "你好\r\n", citations: [{ citedText: "c" }] },
      { type: "tool_call", id: "t1", name: "f", argumentsText: '{"city": "Oslo"}' },
      { type: "hosted", value: { type: "server_tool_use", input: { query: "q" } } },
    ]);
    expect(reply.usage).toEqual({ input: 5, cacheRead: 100, output: 9, reasoning: 4 });
    expect(expected[0]).toMatchObject({ type: "start", usage: { input: 5, cacheRead: 100 } });
  });

  test("bytes may be split anywhere, with CRLF, comments and pings between", () => {
    const plain = streamOf(everything);
    const noisy = plain.replaceAll("\n\n", '\n\n: keep\n\nevent: ping\ndata: {"type":"ping"}\n\n');
    const texts = [plain, plain.replaceAll("\n", "\r\n"), noisy, streamOf(everything, false)];
    for (const text of texts) {
      const bytes = new TextEncoder().encode(text);
      expect(decodeChunks(Array.from(bytes, (byte) => Uint8Array.of(byte)))).toEqual(expected);
      fc.assert(
        fc.property(fc.array(fc.nat(bytes.length), { maxLength: 12 }), (cuts) => {
          const bounds = [0, ...cuts.toSorted((a, b) => a - b), bytes.length];
          const chunks = bounds.slice(1).map((to, index) => bytes.subarray(bounds[index], to));
          expect(decodeChunks(chunks)).toEqual(expected);
        }),
        { numRuns: 60 },
      );
    }
  });

  const parts = (...events: readonly JsonObject[]): readonly AssistantPart[] =>
    foldReply(decodeText(streamOf([head, ...events, finish("end_turn"), end]))).choices[0]?.parts ?? [];

  const tolerated: readonly (readonly [string, readonly JsonObject[], readonly object[]])[] = [
    [
      "a call's whole input in its start",
      [open({ type: "tool_use", id: "a", name: "f", input: { a: 1 } }), stop],
      [{ argumentsText: '{"a":1}' }],
    ],
    [
      "a call without arguments",
      [open({ type: "tool_use", id: "a", name: "f", input: {} }), stop],
      [{ argumentsText: "{}" }],
    ],
    [
      "a call without an id",
      [open({ type: "tool_use", name: "f", input: {} }), stop],
      [{ id: "toolu_msg_u_1" }],
    ],
    [
      "text in its start",
      [open({ type: "text", text: "ab" }), delta({ type: "text_delta", text: "c" }), stop],
      [{ text: "abc" }],
    ],
    ["deltas without a start", [delta({ type: "text_delta", text: "a" })], [{ type: "text", text: "a" }]],
    [
      "a block that is not stopped",
      [open({ type: "text", text: "a" }), open({ type: "text", text: "b" }), stop],
      [{ text: "a" }, { text: "b" }],
    ],
    [
      "a thought without a signature",
      [open({ type: "thinking", thinking: "t" }), stop],
      [{ text: "t", signature: { kind: "unsigned" } }],
    ],
    [
      "a thought that is only a signature",
      [open({ type: "thinking", thinking: "" }), delta({ type: "signature_delta", signature: "S" }), stop],
      [{ type: "reasoning", signature: { kind: "anthropic_signature", data: "S" } }],
    ],
    [
      "events and deltas new to us",
      [{ type: "orbit" }, open({ type: "text", text: "a" }), delta({ type: "orbit_delta" }), stop],
      [{ text: "a" }],
    ],
  ];
  for (const [name, events, wanted] of tolerated) {
    test(`tolerated: ${name}`, () => expect(parts(...events)).toMatchObject([...wanted]));
  }

  test("usage is cumulative: the last word counts, null and absent leave the earlier one", () => {
    const report = (fields: JsonObject, reason: string | null): JsonObject => ({
      type: "message_delta",
      delta: { stop_reason: reason, stop_sequence: null },
      usage: fields,
    });
    const events = decodeText(
      streamOf([
        head,
        report({ output_tokens: 2 }, null),
        report({ output_tokens: 5, input_tokens: null }, "end_turn"),
        report(
          { output_tokens: 9, input_tokens: 6, cache_creation: { ephemeral_1h_input_tokens: 0 } },
          "end_turn",
        ),
        end,
      ]),
    );
    expect(events.map((event) => event.type)).toEqual(["start", "finish", "usage", "usage", "end"]);
    expect(foldReply(events).usage).toEqual({ input: 6, cacheRead: 100, cacheWrite1h: 0, output: 9 });
  });

  test("an end without message_stop is broken, unless the stop reason was told", () => {
    const cut = decodeText(streamOf([head, open({ type: "text", text: "a" })]));
    expect(cut.at(-1)).toMatchObject({ type: "error", failure: { kind: "upstream_broken" } });
    const decoder = upstream.createStreamDecoder(dialectOf());
    const finished = decodeText(
      streamOf([head, open({ type: "text", text: "a" }), stop, finish("end_turn")]),
      decoder,
    );
    expect(finished.at(-1)?.type).toBe("end");
    expect(decoder.missingEnd).toContain("message_stop");
  });

  test("nothing at all is broken", () => {
    expect(decodeText("").at(-1)).toMatchObject({ type: "error", failure: { kind: "upstream_broken" } });
  });

  test("an error ends the stream, named or not, and nothing follows", () => {
    const error = { type: "error", error: { type: "overloaded_error", message: "secret" } };
    for (const event of [error, { error: { type: "overloaded_error", message: "secret" } }]) {
      const events = decodeText(streamOf([head, event, open({ type: "text", text: "a" }), end]));
      expect(events.at(-1)).toMatchObject({ type: "error", failure: { kind: "upstream_overloaded" } });
      expect(events.length).toBe(2);
    }
  });

  test("an event that is no JSON is broken", () => {
    expect(decodeText("data: {oops\n\n").at(-1)).toMatchObject({ type: "error" });
  });

  const stopReasons: readonly (readonly [string, StopReason])[] = [
    ["end_turn", "stop"],
    ["stop_sequence", "stop_sequence"],
    ["max_tokens", "length"],
    ["model_context_window_exceeded", "context_full"],
    ["tool_use", "tool_calls"],
    ["refusal", "refusal"],
    ["pause_turn", "pause"],
    ["new_reason", "stop"],
  ];
  for (const [word, reason] of stopReasons) {
    test(`stop reason ${word} is ${reason}`, () => {
      const events = decodeText(streamOf([head, finish(word), end]));
      expect(events.find((event) => event.type === "finish")).toMatchObject({ reason, native: word });
    });
  }

  test("a call of a custom tool comes back as its free text, under its own name", () => {
    const chat = chatOf({ tools: [{ type: "custom", name: "my.tool" }] });
    const body = upstream.encodeRequest(chat, dialectOf()).body;
    expect(body["tools"]).toMatchObject([{ name: "my_tool", input_schema: { required: ["input"] } }]);
    const block = { type: "tool_use", id: "a", name: "my_tool", input: {} };
    const json = delta({ type: "input_json_delta", partial_json: '{"input":"line\\n🙂"}' });
    const events = decodeText(
      streamOf([head, open(block), json, stop, finish("tool_use"), end]),
      upstream.createStreamDecoder(dialectOf(), chat),
    );
    const call = { type: "tool_call", name: "my.tool", custom: true, argumentsText: "line\n🙂" } as const;
    expect(foldReply(events).choices[0]?.parts).toMatchObject([call]);
    const whole = { content: [{ ...block, input: { input: "line\n🙂" } }], stop_reason: "tool_use" };
    expect(foldReply(upstream.decodeReply(whole, dialectOf(), chat)).choices[0]?.parts).toMatchObject([call]);
  });

  test("an answer by a forced tool reads as text that stopped", () => {
    const chat = chatOf({ output: { type: "json_schema", schema: { type: "object", properties: {} } } });
    const dialect = dialectOf({ host: "vertex" });
    expect(upstream.encodeRequest(chat, dialect).body["tool_choice"]).toEqual({ type: "tool", name: "json" });
    const events = decodeText(
      streamOf([
        head,
        open({ type: "tool_use", id: "a", name: "json", input: {} }),
        delta({ type: "input_json_delta", partial_json: '{"a":1}' }),
        stop,
        finish("tool_use"),
        end,
      ]),
      upstream.createStreamDecoder(dialect, chat),
    );
    expect(foldReply(events).choices[0]).toMatchObject({
      parts: [{ type: "text", text: '{"a":1}' }],
      finish: { reason: "stop" },
    });
  });

  test("a whole answer that is none is broken, an error in it is told", () => {
    for (const body of [null, "html", {}, { content: "x" }]) {
      expect(upstream.decodeReply(body, dialectOf())).toMatchObject([{ type: "error" }]);
    }
    const error = { type: "error", error: { type: "rate_limit_error", message: "m" } };
    expect(upstream.decodeReply(error, dialectOf()).at(-1)).toMatchObject({
      type: "error",
      failure: { kind: "upstream_rate_limited" },
    });
  });

  test("an answer without id, usage and stop reason is still an answer", () => {
    const reply = foldReply(upstream.decodeReply({ content: [{ type: "text", text: "hi" }] }, dialectOf()));
    expect(reply.choices[0]).toMatchObject({ parts: [{ text: "hi" }], finish: { reason: "stop" } });
    expect(reply.usage?.output).toBeUndefined();
  });
});
