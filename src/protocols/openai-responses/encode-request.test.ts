/** What callers of other APIs ask, in this API's words. */
import { describe, expect, test } from "bun:test";
import type { JsonObject } from "#lib/json.ts";
import type { AssistantPart, Chat, Opaque, UserPart } from "#model/chat.ts";
import type { Dialect } from "#protocols/protocol.ts";
import { encodeRequest } from "./encode-request.ts";

const openai: Dialect = { model: "gpt-5.2", vendor: "openai", route: "openai", host: "openai" };

function chat(fields: Partial<Chat> = {}): Chat {
  return {
    protocol: "anthropic-messages",
    model: "m",
    stream: false,
    includeUsage: false,
    system: [],
    turns: [{ side: "user", parts: [{ type: "text", text: "hi" }] }],
    tools: [],
    extensions: {},
    betas: [],
    ...fields,
  };
}

function encode(fields: Partial<Chat>, dialect: Partial<Dialect> = {}) {
  return encodeRequest(chat(fields), { ...openai, ...dialect });
}

function inputOf(...parts: AssistantPart[]) {
  const turns: Chat["turns"] = [{ side: "assistant", parts }];
  return encode({ turns });
}

describe("a request", () => {
  test("says explicitly that nothing is stored and asks for encrypted reasoning", () => {
    expect(encode({}).body).toEqual({
      model: "gpt-5.2",
      input: [{ type: "message", role: "user", content: "hi" }],
      store: false,
      stream: false,
      include: ["reasoning.encrypted_content"],
    });
  });

  const schema = { type: "object", properties: { a: {} }, required: ["a"], additionalProperties: false };
  const rows: readonly (readonly [
    name: string,
    fields: Partial<Chat>,
    expected: JsonObject,
    dropped?: string[],
  ])[] = [
    [
      "system text as instructions",
      {
        system: [
          { text: "A", role: "system" },
          { text: "B", role: "system" },
        ],
      },
      { instructions: "A\n\nB" },
    ],
    [
      "a small limit raised to the least, and told",
      { outputTokensMax: 3 },
      { max_output_tokens: 16 },
      ["max_output_tokens"],
    ],
    [
      "sampling left out where the model reasons",
      { temperature: 0.5, topP: 0.9, topK: 4, stop: ["x"] },
      {},
      ["stop", "top_k", "temperature", "top_p"],
    ],
    [
      "sampling kept where reasoning is off",
      { temperature: 0.5, reasoning: { mode: "off" } },
      { temperature: 0.5, reasoning: { effort: "none" } },
    ],
    [
      "a budget as an effort",
      { reasoning: { budgetTokens: 8000, visibility: "summary" } },
      { reasoning: { effort: "medium", summary: "auto" } },
    ],
    [
      "an effort above the ladder lowered, and told",
      { reasoning: { effort: "max" } },
      { reasoning: { effort: "xhigh" } },
      ["reasoning.effort"],
    ],
    [
      "strict written out",
      { tools: [{ type: "function", name: "f", schema }] },
      { tools: [{ type: "function", name: "f", parameters: schema, strict: false }] },
    ],
    [
      "strict kept for a fitting schema",
      { tools: [{ type: "function", name: "f", schema, strict: true }] },
      { tools: [{ type: "function", name: "f", parameters: schema, strict: true }] },
    ],
    [
      "strict lowered for a schema OpenAI would refuse",
      { tools: [{ type: "function", name: "f", schema: { type: "object" }, strict: true }] },
      { tools: [{ type: "function", name: "f", parameters: { type: "object" }, strict: false }] },
    ],
    [
      "a forced tool",
      { toolChoice: { mode: "required", allowed: ["f"] } },
      { tool_choice: { type: "function", name: "f" } },
    ],
    [
      "several allowed tools",
      { toolChoice: { mode: "auto", allowed: ["f", "g"] } },
      {
        tool_choice: {
          type: "allowed_tools",
          mode: "auto",
          tools: [
            { type: "function", name: "f" },
            { type: "function", name: "g" },
          ],
        },
      },
    ],
    [
      "a schema without a name",
      { output: { type: "json_schema", schema } },
      { text: { format: { type: "json_schema", name: "response", schema, strict: true } } },
    ],
    [
      "JSON mode with the word OpenAI looks for",
      { output: { type: "json" } },
      { text: { format: { type: "json_object" } }, instructions: "Answer with one JSON value." },
    ],
    [
      "ownership",
      { userId: "u", metadata: { a: "b" }, cache: { key: "k" }, serviceTier: "flex" },
      { safety_identifier: "u", metadata: { a: "b" }, prompt_cache_key: "k", service_tier: "flex" },
    ],
    ["another API's fields listed", { extensions: { thinking_extra: 1 } }, {}, ["thinking_extra"]],
    [
      "this API's fields carried, also inside others",
      { protocol: "openai-responses", extensions: { truncation: "auto", "reasoning.context": "all_turns" } },
      { truncation: "auto", reasoning: { context: "all_turns" } },
    ],
    [
      "web search of Chat Completions",
      {
        protocol: "openai-chat",
        webSearch: {
          search_context_size: "low",
          user_location: { type: "approximate", approximate: { city: "Oslo" } },
        },
      },
      {
        tools: [
          {
            type: "web_search",
            search_context_size: "low",
            user_location: { type: "approximate", city: "Oslo" },
          },
        ],
      },
    ],
  ];
  for (const [name, fields, expected, dropped = []] of rows) {
    test(name, () => {
      const encoded = encode(fields);
      const { model: _, input: __, store: ___, stream: ____, include: _____, ...rest } = encoded.body;
      expect(rest).toEqual(expected);
      expect(encoded.dropped).toEqual(dropped);
    });
  }
});

test("a hosted tool of another API is left out and listed", () => {
  const { body, dropped } = encode({
    tools: [{ type: "hosted", protocol: "gemini", kind: "googleSearch", value: {} }],
  });
  expect(body["tools"]).toBeUndefined();
  expect(dropped).toEqual(["tools[0]"]);
});

describe("what a caller would break on is refused by name", () => {
  const user = (part: UserPart): Partial<Chat> => ({ turns: [{ side: "user", parts: [part] }] });
  const rows: readonly (readonly [fields: Partial<Chat>, param: string])[] = [
    [{ choices: 2 }, "n"],
    [{ modalities: ["text", "audio"] }, "modalities"],
    [
      {
        tools: [{ type: "hosted", protocol: "gemini", kind: "googleSearch", value: {} }],
        toolChoice: { mode: "required" },
      },
      "tools[0]",
    ],
    [user({ type: "video", media: { from: "url", url: "https://x.test/v.mp4" } }), "turns[0].parts[0]"],
    [user({ type: "image", media: { from: "file", id: "f", vendor: "anthropic" } }), "turns[0].parts[0]"],
    [user({ type: "audio", media: { from: "base64", mime: "audio/ogg", data: "" } }), "turns[0].parts[0]"],
    [
      user({ type: "unknown", protocol: "gemini", value: {}, path: "contents[0].parts[1]" }),
      "contents[0].parts[1]",
    ],
    [{ logprobs: {}, protocol: "openai-chat" }, "logprobs"],
  ];
  for (const [fields, param] of rows) {
    test(param, () => {
      expect(() => encode(fields)).toThrow(
        expect.objectContaining({ kind: "unsupported", detail: { param } }),
      );
    });
  }
});

describe("history", () => {
  const own: Opaque = { kind: "openai_encrypted", vendor: "openai", data: "enc" };
  const claude: Opaque = { kind: "anthropic_signature", vendor: "anthropic", data: "sig" };
  const text: AssistantPart = { type: "text", text: "Hi" };

  test("reasoning parts of one item are one item again", () => {
    const encoded = inputOf(
      { type: "reasoning", kind: "summary", id: "rs_1", text: "A" },
      { type: "reasoning", kind: "summary", id: "rs_1", text: "B", signature: own },
      text,
    );
    expect(encoded.body["input"]).toEqual([
      {
        type: "reasoning",
        summary: [
          { type: "summary_text", text: "A" },
          { type: "summary_text", text: "B" },
        ],
        encrypted_content: "enc",
      },
      { type: "message", role: "assistant", content: "Hi" },
    ]);
  });

  test("foreign thoughts are left out and listed, orphans are left out", () => {
    const foreign = inputOf({ type: "reasoning", kind: "raw", text: "Hm", signature: claude }, text);
    expect(foreign.body["input"]).toEqual([{ type: "message", role: "assistant", content: "Hi" }]);
    expect(foreign.dropped).toEqual(["turns[0].parts[0]"]);
    const orphan = inputOf(text, { type: "reasoning", kind: "redacted", signature: own });
    expect(orphan.body["input"]).toEqual([{ type: "message", role: "assistant", content: "Hi" }]);
  });

  test("state made with another account does not go to this one", () => {
    const made = { ...own, route: "other-account" };
    expect(
      inputOf({ type: "reasoning", kind: "redacted", signature: made }, text).body["input"],
    ).toHaveLength(1);
  });

  test("results with pictures are lists, errors begin with the word", () => {
    const image: UserPart = { type: "image", media: { from: "base64", mime: "image/png", data: "AA" } };
    const encoded = encode({
      turns: [
        {
          side: "user",
          parts: [
            { type: "tool_result", callId: "a", content: [{ type: "text", text: "4" }, image] },
            { type: "tool_result", callId: "b", content: [{ type: "text", text: "no" }], isError: true },
            { type: "tool_result", callId: "c", content: [] },
            { type: "text", text: "go on" },
          ],
        },
      ],
    });
    expect(encoded.body["input"]).toEqual([
      {
        type: "function_call_output",
        call_id: "a",
        output: [
          { type: "input_text", text: "4" },
          { type: "input_image", image_url: "data:image/png;base64,AA" },
        ],
      },
      { type: "function_call_output", call_id: "b", output: "Error: no" },
      { type: "function_call_output", call_id: "c", output: "" },
      { type: "message", role: "user", content: "go on" },
    ]);
  });

  test("a name this API does not allow is rewritten the same way in tool, choice and call", () => {
    const name = `google.search:${"x".repeat(80)}`;
    const { body } = encode({
      tools: [{ type: "function", name }],
      toolChoice: { mode: "required", allowed: [name] },
      turns: [{ side: "assistant", parts: [{ type: "tool_call", id: "a", name, argumentsText: "{}" }] }],
    });
    const [tool] = Array.isArray(body["tools"]) ? body["tools"] : [];
    expect(tool.name).toMatch(/^[\w-]{1,64}$/);
    expect(body["tool_choice"]).toEqual({ type: "function", name: tool.name });
    expect(body["input"]).toMatchObject([{ type: "function_call", name: tool.name }]);
  });
});
