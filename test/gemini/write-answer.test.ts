import { describe, expect, test } from "bun:test";
import type { JsonObject } from "#lib/json.ts";
import type { ChatEvent, PartStart, StopReason } from "#model/chat-event.ts";
import type { Chat, Opaque } from "#model/chat.ts";
import { foldReply } from "#model/reply.ts";
import type { Envelope } from "#protocols/protocol.ts";
import { checkGeminiStream } from "../grammar/gemini.ts";
import { encodeReply } from "#protocols/gemini/encode-reply.ts";
import { JsonArrayFraming } from "#protocols/gemini/json-array-framing.ts";
import { createStreamEncoder } from "#protocols/gemini/stream-encoder.ts";

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

function envelope(more: Partial<Chat> = {}): Envelope {
  return {
    id: "r1",
    createdAtSeconds: 1,
    model: "served",
    chat: { ...chat, ...more },
    seal: (opaque) => `S:${opaque.data}`,
  };
}

function write(events: readonly ChatEvent[], more: Partial<Chat> = {}): readonly JsonObject[] {
  const encoder = createStreamEncoder(envelope(more));
  return checkGeminiStream(events.map((event) => encoder.push(event)).join("")).chunks;
}

function partsOf(chunks: readonly JsonObject[]): readonly JsonObject[] {
  return chunks.flatMap((chunk) => {
    const response: { candidates?: readonly { content: { parts: readonly JsonObject[] } }[] } = chunk;
    return response.candidates?.flatMap((candidate) => candidate.content.parts) ?? [];
  });
}

function part(start: PartStart, ...texts: readonly string[]): readonly ChatEvent[] {
  const deltas = texts.map((text) => ({ type: "delta", choice: 0, text }) as const);
  return [{ type: "part_start", choice: 0, part: start }, ...deltas, { type: "part_end", choice: 0 }];
}

function closing(reason: StopReason, native?: string): readonly ChatEvent[] {
  return [
    { type: "finish", choice: 0, reason, ...(native !== undefined && { native }) },
    { type: "usage", usage: { input: 3, cacheRead: 4, output: 5, reasoning: 2 } },
    { type: "end" },
  ];
}

const signed = (events: readonly ChatEvent[], opaque: Opaque): readonly ChatEvent[] => [
  ...events.slice(0, -1),
  { type: "signature", choice: 0, opaque },
  ...events.slice(-1),
];

describe("towards a client", () => {
  test("another vendor's thinking, text and calls become chunks, closed once", () => {
    const sig: Opaque = { kind: "anthropic_signature", vendor: "anthropic", data: "sig" };
    const chunks = write([
      { type: "start", id: "x", model: "claude" },
      ...signed(part({ type: "reasoning", kind: "raw" }, "Hm", "m"), sig),
      ...part({ type: "text" }, "Hel", "lo"),
      ...part({ type: "tool_call", id: "toolu_1", name: "f" }, '{"a"', ":1}"),
      ...part({ type: "tool_call", id: "toolu_2", name: "g" }),
      ...closing("tool_calls", "tool_use"),
    ]);
    expect(partsOf(chunks)).toEqual([
      { text: "Hm", thought: true },
      { text: "m", thought: true },
      { text: "", thought: true, thoughtSignature: Buffer.from("S:sig").toString("base64") },
      { text: "Hel" },
      { text: "lo" },
      { functionCall: { id: "toolu_1", name: "f", args: { a: 1 } } },
      { functionCall: { id: "toolu_2", name: "g", args: {} } },
      { text: "" },
    ]);
    expect(chunks.at(-1)).toMatchObject({
      candidates: [{ finishReason: "STOP" }],
      usageMetadata: {
        promptTokenCount: 7,
        cachedContentTokenCount: 4,
        candidatesTokenCount: 3,
        thoughtsTokenCount: 2,
        totalTokenCount: 12,
      },
      modelVersion: "claude",
      responseId: "r1",
    });
  });

  test("thoughts are shown only to who asked; their state goes along all the same", () => {
    const sig: Opaque = { kind: "openai_encrypted", vendor: "openai", data: "enc" };
    const events = [
      ...signed(part({ type: "reasoning", kind: "summary" }, "secret"), sig),
      ...part({ type: "text" }, "a"),
      ...closing("stop"),
    ];
    const parts = partsOf(write(events, { reasoning: { visibility: "none" } }));
    expect(JSON.stringify(parts)).not.toContain("secret");
    expect(parts[0]).toMatchObject({
      thought: true,
      thoughtSignature: Buffer.from("S:enc").toString("base64"),
    });
  });

  const finishes: readonly [StopReason, string | undefined, string][] = [
    ["stop", "end_turn", "STOP"],
    ["stop_sequence", "stop_sequence", "STOP"],
    ["tool_calls", "tool_calls", "STOP"],
    ["pause", undefined, "STOP"],
    ["length", "max_tokens", "MAX_TOKENS"],
    ["context_full", undefined, "MAX_TOKENS"],
    ["content_filter", "content_filter", "SAFETY"],
    ["refusal", "refusal", "SAFETY"],
    ["content_filter", "PROHIBITED_CONTENT", "PROHIBITED_CONTENT"],
  ];
  for (const [reason, native, expected] of finishes) {
    test(`${reason} (${native ?? "no word"}) is ${expected}`, () => {
      const events = [...part({ type: "text" }, "a"), ...closing(reason, native)];
      expect(write(events).at(-1)).toMatchObject({ candidates: [{ finishReason: expected }] });
      expect(encodeReply(foldReply(events), envelope())).toMatchObject({
        candidates: [{ finishReason: expected }],
      });
    });
  }

  test("a refusal before anything was said is a blocked prompt", () => {
    expect(write(closing("refusal", "MODEL_ARMOR")).at(-1)).toMatchObject({
      promptFeedback: { blockReason: "MODEL_ARMOR" },
    });
    expect(encodeReply(foldReply(closing("refusal")), envelope())).toMatchObject({
      promptFeedback: { blockReason: "OTHER" },
    });
  });

  test("an empty answer is still a proper one", () => {
    expect(write([{ type: "end" }]).length).toBe(1);
    expect(encodeReply({ choices: [{ parts: [], finish: { reason: "stop" } }] }, envelope())).toMatchObject({
      candidates: [{ content: { role: "model" }, finishReason: "STOP" }],
    });
  });

  const cuts: readonly [string, StopReason, readonly JsonObject[]][] = [
    ["a call the limit cut off is left out", "length", []],
    [
      "a call a model damaged keeps its text",
      "tool_calls",
      [{ functionCall: { id: "c", name: "f", args: { _raw: '{"a":' } } }],
    ],
  ];
  for (const [name, reason, expected] of cuts) {
    test(`${name}, streamed and whole`, () => {
      const events = [...part({ type: "tool_call", id: "c", name: "f" }, '{"a":'), ...closing(reason)];
      expect(partsOf(write(events))).toEqual([...expected, { text: "" }]);
      const whole = encodeReply(foldReply(events), envelope());
      expect(partsOf([{ candidates: [{ content: { parts: [] } }], ...whole }].map(withParts))).toEqual([
        ...expected,
      ]);
    });
  }

  test("citations of other vendors count in bytes of the whole text", () => {
    const cite: ChatEvent = {
      type: "citation",
      choice: 0,
      citation: { kind: "url", url: "https://a.example", title: "A", start: 1, end: 2 },
    };
    const second = part({ type: "text" }, "xéy");
    const events = [
      ...part({ type: "text" }, "日本"),
      ...second.slice(0, -1),
      cite,
      ...second.slice(-1),
      ...closing("stop"),
    ];
    const expected = {
      candidates: [
        {
          citationMetadata: {
            citations: [{ startIndex: 7, endIndex: 9, uri: "https://a.example", title: "A" }],
          },
        },
      ],
    };
    expect(write(events).at(-1)).toMatchObject(expected);
    expect(encodeReply(foldReply(events), envelope())).toMatchObject(expected);
  });

  test("several answers keep apart", () => {
    const other = part({ type: "text" }, "b").map((event) =>
      "choice" in event ? { ...event, choice: 1 } : event,
    );
    const chunks = write([
      ...part({ type: "text" }, "a"),
      ...other,
      { type: "finish", choice: 1, reason: "length" },
      ...closing("stop"),
    ]);
    expect(chunks.at(-1)).toMatchObject({
      candidates: [
        { index: 0, finishReason: "STOP" },
        { index: 1, finishReason: "MAX_TOKENS" },
      ],
    });
  });

  test("without alt=sse the same stream is one JSON array, keep-alives and failures included", () => {
    const framing = new JsonArrayFraming();
    const frame = (data: string) => ({ event: "", data, raw: "" });
    const text =
      framing.push(frame("")) +
      framing.push(frame('{"a":1}')) +
      framing.push(frame("")) +
      framing.push(frame('{"error":{}}'));
    expect(JSON.parse(text + framing.end())).toEqual([{ a: 1 }, { error: {} }]);
    expect(JSON.parse(new JsonArrayFraming().end())).toEqual([]);
  });
});

function withParts(response: JsonObject): JsonObject {
  const whole: { candidates?: readonly { content: { parts?: readonly JsonObject[] } }[] } = response;
  return {
    candidates: (whole.candidates ?? []).map(({ content }) => ({ content: { parts: content.parts ?? [] } })),
  };
}
