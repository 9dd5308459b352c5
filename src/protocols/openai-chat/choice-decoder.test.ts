import { describe, expect, test } from "bun:test";
import type { JsonObject } from "#lib/json.ts";
import { SseReader } from "#lib/sse.ts";
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

function decode(...chunks: (JsonObject | string)[]): readonly ChatEvent[] {
  const reader = new SseReader();
  const decoder = createStreamDecoder(dialect);
  const text = chunks
    .map((chunk) => `data: ${typeof chunk === "string" ? chunk : JSON.stringify(chunk)}\n\n`)
    .join("");
  const frames = [...reader.push(new TextEncoder().encode(text)), ...reader.end()];
  return [...frames.flatMap((frame) => [...decoder.push(frame)]), ...decoder.end()];
}

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
