import { describe, expect, test } from "bun:test";
import type { Json, JsonObject } from "#lib/json.ts";
import type { StopReason } from "#model/chat-event.ts";
import type { Chat } from "#model/chat.ts";
import { foldReply } from "#model/reply.ts";
import type { Dialect } from "#protocols/protocol.ts";
import { createStreamDecoder, decodeReply } from "#protocols/gemini/stream-decoder.ts";
import { toWireName } from "#protocols/gemini/tool-names.ts";

const chat: Chat = {
  protocol: "gemini",
  model: "m",
  stream: true,
  includeUsage: true,
  system: [],
  turns: [],
  tools: [],
  reasoning: { visibility: "full" },
  extensions: {},
  betas: [],
};
const dialect: Dialect = { model: "gemini-3-flash", vendor: "google", route: "g", host: "aistudio" };

describe("from an upstream", () => {
  const chunk = (parts: readonly JsonObject[], more: JsonObject = {}): JsonObject => ({
    candidates: [{ content: { role: "model", parts }, index: 0, ...more }],
  });
  const usageMetadata = { promptTokenCount: 10, candidatesTokenCount: 1, totalTokenCount: 11 };

  const broken: readonly [string, unknown][] = [
    ["a malformed call", { ...chunk([], { finishReason: "MALFORMED_FUNCTION_CALL" }), usageMetadata }],
    ["only thoughts, then OTHER", chunk([{ text: "hm", thought: true }], { finishReason: "OTHER" })],
    ["no finish reason", chunk([{ text: "hi" }])],
    ["an unspecified finish reason", chunk([{ text: "hi" }], { finishReason: "FINISH_REASON_UNSPECIFIED" })],
    ["no candidates and no reason", {}],
    ["text", "hello"],
    ["nothing", null],
    ["an empty array", []],
    [
      "one of two candidates unfinished",
      {
        candidates: [
          { index: 0, finishReason: "STOP" },
          { index: 1, content: {} },
        ],
      },
    ],
  ];
  for (const [name, body] of broken) {
    test(`${name} is a broken answer`, () => {
      expect(decodeReply(body, dialect).at(-1)).toMatchObject({
        type: "error",
        failure: { kind: "upstream_broken" },
      });
    });
  }

  test("a stream that says it goes on elsewhere and then never ends is broken, not collected", () => {
    const decoder = createStreamDecoder(dialect, chat);
    const push = (value: JsonObject) => {
      const data = JSON.stringify(value);
      const frame = { event: "", data, raw: `data: ${data}\n\n` };
      const events = decoder.push(frame);
      decoder.isHidden?.(frame);
      return events;
    };
    push(chunk([{ text: "a" }], { finishReason: "CONTINUATION" }));
    const pushed = Array.from({ length: 200 }, () => push(chunk([{ text: "b".repeat(10_000) }])));
    expect(pushed.flat().at(-1)).toMatchObject({ type: "error", failure: { kind: "upstream_broken" } });
    expect((decoder.missingEnd ?? "").length).toBeLessThan(3_000_000);
  });

  test("a broken answer still tells what it cost", () => {
    const events = decodeReply(
      { ...chunk([], { finishReason: "MALFORMED_FUNCTION_CALL" }), usageMetadata },
      dialect,
    );
    expect(events.find((event) => event.type === "usage")).toMatchObject({ usage: { input: 10, output: 1 } });
  });

  const reasons: readonly [JsonObject, StopReason][] = [
    [chunk([{ text: "a" }], { finishReason: "STOP" }), "stop"],
    [chunk([], { finishReason: "STOP" }), "stop"],
    [chunk([{ text: "a" }], { finishReason: "OTHER" }), "stop"],
    [chunk([{ text: "a" }], { finishReason: "BRAND_NEW" }), "stop"],
    [chunk([{ functionCall: { name: "f" } }], { finishReason: "STOP" }), "tool_calls"],
    [chunk([{ functionCall: { name: "f" } }], { finishReason: "TOO_MANY_TOOL_CALLS" }), "tool_calls"],
    [chunk([{ functionCall: { name: "f" } }], { finishReason: "MAX_TOKENS" }), "length"],
    [chunk([], { finishReason: 3 }), "content_filter"],
    [chunk([], { finishReason: "IMAGE_PROHIBITED_CONTENT" }), "content_filter"],
    [chunk([{ text: "a" }], { finishReason: "CONTINUATION" }), "pause"],
    [{ promptFeedback: { blockReason: "SAFETY" } }, "refusal"],
    [{ promptFeedback: { blockReason: 4 }, candidates: [] }, "refusal"],
  ];
  for (const [body, reason] of reasons) {
    test(`${JSON.stringify(body).slice(0, 90)} ends with ${reason}`, () => {
      const events = decodeReply(body, dialect);
      expect(events.find((event) => event.type === "finish")).toMatchObject({ reason });
      expect(events.at(-1)).toEqual({ type: "end" });
    });
  }

  test("custom tools and renamed functions come back under the caller's names", () => {
    const tools: Chat["tools"] = [
      { type: "custom", name: "apply" },
      { type: "function", name: "look up", namespace: "web" },
    ];
    const renamed = toWireName({ name: "look up", namespace: "web" }, 128);
    expect(renamed).not.toContain(" ");
    const events = decodeReply(
      chunk(
        [
          { functionCall: { name: "apply", args: { input: "*** text" } } },
          { functionCall: { name: renamed } },
          { functionCall: { name: "invented" } },
        ],
        { finishReason: "STOP" },
      ),
      dialect,
      { ...chat, tools },
    );
    expect(foldReply(events).choices[0]?.parts).toMatchObject([
      { type: "tool_call", name: "apply", custom: true, argumentsText: "*** text" },
      { type: "tool_call", name: "look up", namespace: "web" },
      { type: "tool_call", name: "invented", argumentsText: "{}" },
    ]);
  });

  test("usage is told as disjoint buckets, the last count wins, and the start claims no output", () => {
    const decoder = createStreamDecoder(dialect);
    const push = (value: JsonObject) => decoder.push({ event: "", data: JSON.stringify(value), raw: "" });
    const start = push({
      ...chunk([{ text: "a" }]),
      usageMetadata: { promptTokenCount: 10, cachedContentTokenCount: 4, candidatesTokenCount: 1 },
    });
    expect(start[0]).toEqual({ type: "start", usage: { input: 6, cacheRead: 4 } });
    push({ ...chunk([{ text: "b" }]), usageMetadata: { trafficType: "ON_DEMAND" } });
    push({
      ...chunk([], { finishReason: "STOP" }),
      usageMetadata: {
        promptTokenCount: 12,
        candidatesTokenCount: 5,
        thoughtsTokenCount: 7,
        toolUsePromptTokenCount: 3,
        totalTokenCount: 27,
      },
    });
    const usage = decoder.end().find((event) => event.type === "usage");
    expect(usage).toEqual({
      type: "usage",
      usage: { input: 11, cacheRead: 4, toolPrompt: 3, output: 12, reasoning: 7, serviceTier: "default" },
    });
  });

  test("content after the first finish reason is not lost", () => {
    const events = decodeReply(
      [chunk([{ text: "a" }], { finishReason: "STOP" }), chunk([{ text: "b" }], { finishReason: "STOP" })],
      dialect,
    );
    expect(foldReply(events).choices[0]?.parts).toEqual([{ type: "text", text: "ab" }]);
    expect(events.filter((event) => event.type === "finish").length).toBe(1);
  });

  test("interim pictures of a thinking model are no part of the answer", () => {
    const inlineData = { mimeType: "image/png", data: "AA==" };
    const events = decodeReply(
      chunk([{ inlineData, thought: true }, { inlineData }], { finishReason: "STOP" }),
      dialect,
    );
    expect(foldReply(events).choices[0]?.parts.map((part) => part.type)).toEqual(["hosted", "image"]);
  });

  test("values of any type in an answer never crash", () => {
    const odd: readonly Json[] = [1, "x", null, [], {}, true, [[]], [{}]];
    for (const value of odd) {
      for (const name of [
        "candidates",
        "usageMetadata",
        "promptFeedback",
        "responseId",
        "error",
        "createTime",
      ]) {
        expect(() => decodeReply({ [name]: value }, dialect)).not.toThrow();
      }
      for (const name of [
        "content",
        "finishReason",
        "index",
        "groundingMetadata",
        "logprobsResult",
        "citationMetadata",
      ]) {
        expect(() =>
          decodeReply({ candidates: [{ [name]: value, finishReason: "STOP" }] }, dialect),
        ).not.toThrow();
      }
      for (const name of [
        "text",
        "functionCall",
        "inlineData",
        "executableCode",
        "thoughtSignature",
        "codeExecutionResult",
      ]) {
        expect(() =>
          decodeReply(chunk([{ [name]: value }], { finishReason: "STOP" }), dialect),
        ).not.toThrow();
      }
    }
  });
});
