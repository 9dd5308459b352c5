import { describe, expect, test } from "bun:test";
import type { Json, JsonObject } from "#lib/json.ts";
import type { Opaque } from "#model/chat.ts";
import { decodeRequest } from "./decode-request.ts";

const sealed: Opaque = { kind: "anthropic_signature", vendor: "anthropic", data: "SIG" };
const line = {
  headers: new Headers(),
  unseal: (text: string) => (text === "xjp1.good" ? sealed : undefined),
};
const decode = (body: JsonObject) => decodeRequest(body, line);
const say = (...messages: Json[]): JsonObject => ({ model: "m", messages });

test("deprecated functions become tools, their calls and results stay paired", () => {
  const chat = decode({
    model: "m",
    messages: [
      { role: "user", content: "?" },
      { role: "assistant", content: null, function_call: { name: "f", arguments: "{}" } },
      { role: "function", name: "f", content: "4" },
    ],
    functions: [{ name: "f", parameters: { type: "object" } }],
    function_call: { name: "f" },
  });
  expect(chat.tools).toEqual([{ type: "function", name: "f", schema: { type: "object" } }]);
  expect(chat.toolChoice).toEqual({ mode: "required", allowed: ["f"] });
  expect(chat.turns.slice(1)).toEqual([
    {
      side: "assistant",
      parts: [{ type: "tool_call", id: "call_legacy_0", name: "f", argumentsText: "{}" }],
    },
    {
      side: "user",
      parts: [
        { type: "tool_result", callId: "call_legacy_0", name: "f", content: [{ type: "text", text: "4" }] },
      ],
    },
  ]);
});

test("consecutive results make one turn and know their call's name and kind", () => {
  const chat = decode(
    say(
      {
        role: "assistant",
        content: "",
        tool_calls: [
          { id: "a", type: "function", function: { name: "f", arguments: { x: 1 } } },
          { id: "b", type: "custom", custom: { name: "sql", input: "SELECT 1" } },
        ],
      },
      { role: "tool", tool_call_id: "a", content: "1" },
      {
        role: "tool",
        tool_call_id: "b",
        content: [{ type: "image_url", image_url: "data:image/jpg;base64,/9j/AA" }],
      },
    ),
  );
  expect(chat.turns[0]).toEqual({
    side: "assistant",
    parts: [
      { type: "tool_call", id: "a", name: "f", argumentsText: '{"x":1}' },
      { type: "tool_call", id: "b", name: "sql", argumentsText: "SELECT 1", custom: true },
    ],
  });
  expect(chat.turns[1]).toEqual({
    side: "user",
    parts: [
      { type: "tool_result", callId: "a", name: "f", content: [{ type: "text", text: "1" }] },
      {
        type: "tool_result",
        callId: "b",
        name: "sql",
        custom: true,
        content: [{ type: "image", media: { from: "base64", mime: "image/jpeg", data: "/9j/AA" } }],
      },
    ],
  });
});

const media: readonly (readonly [JsonObject, object])[] = [
  [
    { type: "input_audio", input_audio: { data: "AAA=", format: "mp3" } },
    { type: "audio", media: { from: "base64", mime: "audio/mpeg", data: "AAA=" } },
  ],
  [
    { type: "video_url", video_url: { url: "https://x/v.mp4", processing: "static" } },
    { type: "video", media: { from: "url", url: "https://x/v.mp4" }, metadata: { processing: "static" } },
  ],
  [
    { type: "file", file: { file_data: "data:application/pdf;base64,JVBERi0", filename: "a.pdf" } },
    {
      type: "document",
      media: { from: "base64", mime: "application/pdf", data: "JVBERi0" },
      filename: "a.pdf",
    },
  ],
  [
    { type: "file", file: { file_data: "https://x/a.pdf" } },
    { type: "document", media: { from: "url", url: "https://x/a.pdf" } },
  ],
  [
    { type: "file", file: { file_id: "file-1" } },
    { type: "document", media: { from: "file", id: "file-1", vendor: "openai" } },
  ],
  [
    { type: "image_url", image_url: { url: "data:;base64,iVBORw0KGgoAA" } },
    { type: "image", media: { from: "base64", mime: "image/png", data: "iVBORw0KGgoAA" } },
  ],
  [
    { type: "image_url", image_url: { url: "data:image/svg+xml,%3Csvg%2F%3E" } },
    { type: "image", media: { from: "base64", mime: "image/svg+xml", data: "PHN2Zy8+" } },
  ],
  [
    { type: "hologram", depth: 3 },
    {
      type: "unknown",
      protocol: "openai-chat",
      value: { type: "hologram", depth: 3 },
      path: "messages[0].content[0]",
    },
  ],
];

test.each(media)("the part %j is read for what it is", (part, expected) => {
  const [turn] = decode(say({ role: "user", content: [part] })).turns;
  expect<unknown>(turn?.parts[0]).toEqual(expected);
});

describe("reasoning that comes back", () => {
  const assistant = (fields: JsonObject) => {
    const [turn] = decode(say({ role: "assistant", content: "x", ...fields })).turns;
    return turn?.side === "assistant" ? turn.parts : [];
  };

  test("a seal of ours is opened", () => {
    const details = [
      { type: "reasoning.text", text: "t", signature: "xjp1.good", format: "anthropic-claude-v1" },
    ];
    expect(assistant({ reasoning_content: "t", reasoning_details: details })[0]).toEqual({
      type: "reasoning",
      kind: "raw",
      text: "t",
      signature: sealed,
    });
  });

  test("a seal that does not open is left out, its text is kept", () => {
    const details = [
      { type: "reasoning.text", text: "t", signature: "xjp1.forged", format: "anthropic-claude-v1" },
    ];
    expect(assistant({ reasoning_details: details })[0]).toEqual({
      type: "reasoning",
      kind: "raw",
      text: "t",
    });
  });

  test("text is taken from the details or from the plain field, never both", () => {
    const details = [{ type: "reasoning.summary", summary: "s", format: "openai-responses-v1" }];
    expect(assistant({ reasoning: "s", reasoning_details: details }).length).toBe(2);
    expect(assistant({ reasoning: "s" })[0]).toEqual({ type: "reasoning", kind: "raw", text: "s" });
  });

  test("a summary and the state behind it are one item", () => {
    const format = "openai-responses-v1";
    const details = [
      { type: "reasoning.summary", summary: "s", format },
      { type: "reasoning.encrypted", data: "E", id: "rs_1", format },
    ];
    expect(assistant({ reasoning_details: details })[0]).toEqual({
      type: "reasoning",
      kind: "summary",
      text: "s",
      id: "rs_1",
      signature: { kind: "openai_encrypted", vendor: "openai", data: "E" },
    });
  });

  test("Gemini's state that names a call is that call's signature", () => {
    const parts = assistant({
      reasoning_details: [{ type: "reasoning.encrypted", data: "G", id: "c", format: "google-gemini-v1" }],
      tool_calls: [{ id: "c", type: "function", function: { name: "f", arguments: "{}" } }],
    });
    expect(parts.find((part) => part.type === "tool_call")?.signature).toEqual({
      kind: "google_thought_signature",
      vendor: "google",
      data: "G",
    });
  });

  test("details nobody knows are kept whole", () => {
    const detail = { type: "reasoning.server_tool_call", anything: [1] };
    const [part] = assistant({ reasoning_details: [detail] });
    expect(part?.signature).toEqual({
      kind: "openrouter_details",
      vendor: "unknown",
      data: JSON.stringify(detail),
    });
  });
});
