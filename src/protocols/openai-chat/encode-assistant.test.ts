import { describe, expect, test } from "bun:test";
import type { AssistantPart, Chat, Opaque } from "#model/chat.ts";
import { encode, messages, to } from "./encode-fixture.ts";

describe("earlier reasoning", () => {
  const opaque = (fields: Partial<Opaque>): Opaque => ({
    kind: "anthropic_signature",
    vendor: "anthropic",
    data: "SIG",
    ...fields,
  });
  const turn = (...parts: AssistantPart[]): Partial<Chat> => ({ turns: [{ side: "assistant", parts }] });
  const signed = turn(
    { type: "reasoning", kind: "raw", text: "t", signature: opaque({}) },
    { type: "text", text: "a" },
  );
  const unsigned = turn(
    { type: "reasoning", kind: "raw", text: "t" },
    { type: "tool_call", id: "c", name: "f", argumentsText: "{}" },
  );

  test("returns to its maker byte for byte", () => {
    expect(messages(signed, to("openrouter", "m", "anthropic"))).toEqual([
      {
        role: "assistant",
        content: "a",
        reasoning_details: [
          { type: "reasoning.text", text: "t", signature: "SIG", format: "anthropic-claude-v1", index: 0 },
        ],
      },
    ]);
  });

  test.each([
    ["openrouter", "openai"],
    ["compatible", "anthropic"],
    ["openai", "openai"],
    ["deepseek", "deepseek"],
  ] as const)("foreign state goes to nobody else, and is listed: %s serving %s", (host, vendor) => {
    const encoded = encode(signed, to(host, "m", vendor));
    expect(JSON.stringify(encoded.body)).not.toContain("SIG");
    expect(JSON.stringify(encoded.body)).not.toContain('"t"');
    expect(encoded.dropped).toEqual(["messages[].reasoning"]);
  });

  test("encrypted state is bound to the back end it came from", () => {
    const part: AssistantPart = {
      type: "reasoning",
      kind: "redacted",
      id: "rs",
      signature: opaque({ kind: "openai_encrypted", vendor: "openai", route: "openrouter" }),
    };
    expect(JSON.stringify(messages(turn(part), to("openrouter", "m", "openai")))).toContain('"data":"SIG"');
    const elsewhere = { ...to("openrouter", "m", "openai"), route: "other" };
    expect(JSON.stringify(messages(turn(part, { type: "text", text: "a" }), elsewhere))).not.toContain("SIG");
  });

  test("OpenRouter's details return unchanged and in order", () => {
    const detail = { type: "reasoning.server_tool_call", x: [1] };
    const chat = turn(
      { type: "reasoning", kind: "summary", text: "s" },
      {
        type: "reasoning",
        kind: "redacted",
        id: "rs",
        signature: opaque({ kind: "openai_encrypted", vendor: "openai", data: "E" }),
      },
      {
        type: "reasoning",
        kind: "redacted",
        signature: opaque({ kind: "openrouter_details", vendor: "unknown", data: JSON.stringify(detail) }),
      },
      { type: "text", text: "a" },
    );
    expect(messages(chat, to("openrouter", "m", "openai"))).toMatchObject([
      {
        reasoning_details: [
          { type: "reasoning.summary", summary: "s", format: "openai-responses-v1" },
          { type: "reasoning.encrypted", data: "E", id: "rs", format: "openai-responses-v1" },
          detail,
        ],
      },
    ]);
  });

  test("a call's signature goes where its host looks for it", () => {
    const google = opaque({ kind: "google_thought_signature", vendor: "google", data: "G" });
    const chat = turn({ type: "tool_call", id: "c", name: "f", argumentsText: "{}", signature: google });
    expect(messages(chat, to("compatible", "m", "google"))).toMatchObject([
      { tool_calls: [{ extra_content: { google: { thought_signature: "G" } } }] },
    ]);
    expect(messages(chat, to("openrouter", "m", "google"))).toMatchObject([
      {
        reasoning_details: [{ type: "reasoning.encrypted", data: "G", id: "c", format: "google-gemini-v1" }],
      },
    ]);
  });

  test("unsigned thoughts go back in each host's own field", () => {
    expect(messages(unsigned, to("deepseek"))).toMatchObject([{ reasoning_content: "t" }]);
    expect(messages(unsigned, to("compatible"))).toMatchObject([{ reasoning_content: "t" }]);
    expect(messages(unsigned, to("openrouter", "m", "deepseek"))).toMatchObject([{ reasoning: "t" }]);
    expect(messages(unsigned, to("mistral"))).toMatchObject([
      { content: [{ type: "thinking", thinking: [{ type: "text", text: "t" }] }] },
    ]);
    expect(JSON.stringify(messages(unsigned, to("openrouter", "m", "anthropic")))).not.toContain('"t"');
  });

  test("DeepSeek's calls carry the field even where there was no thought", () => {
    const chat = turn({ type: "tool_call", id: "c", name: "f", argumentsText: "{}" });
    expect(messages(chat, to("deepseek"))).toMatchObject([{ reasoning_content: "" }]);
  });
});
