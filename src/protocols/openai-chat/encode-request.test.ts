import { describe, expect, test } from "bun:test";
import type { JsonObject } from "#lib/json.ts";
import type { AssistantPart, Chat, Opaque, UserPart } from "#model/chat.ts";
import { Failure } from "#model/failure.ts";
import type { Dialect, Host } from "#protocols/protocol.ts";
import { encodeRequest } from "./encode-request.ts";

const base: Chat = {
  protocol: "anthropic-messages",
  model: "logical",
  stream: false,
  includeUsage: true,
  system: [],
  turns: [{ side: "user", parts: [{ type: "text", text: "hi" }] }],
  tools: [],
  extensions: {},
  betas: [],
};
const to = (host: Host, model = "m", vendor: Dialect["vendor"] = "unknown"): Dialect => ({
  model,
  vendor,
  route: host,
  host,
});
const encode = (chat: Partial<Chat>, dialect: Dialect) => encodeRequest({ ...base, ...chat }, dialect);
const messages = (chat: Partial<Chat>, dialect: Dialect) => encode(chat, dialect).body["messages"];

function refused(chat: Partial<Chat>, dialect: Dialect): string | undefined {
  try {
    encode(chat, dialect);
  } catch (error) {
    if (error instanceof Failure && error.kind === "unsupported") return error.detail.param;
    throw error;
  }
  return undefined;
}

describe("fields by host", () => {
  const rows: readonly (readonly [string, Partial<Chat>, Dialect, JsonObject, readonly string[]])[] = [
    ["limit", { outputTokensMax: 9 }, to("openai", "gpt-5"), { max_completion_tokens: 9 }, []],
    ["limit", { outputTokensMax: 9 }, to("openai", "gpt-4.1"), { max_completion_tokens: 9 }, []],
    ["limit", { outputTokensMax: 9 }, to("compatible"), { max_tokens: 9 }, []],
    ["limit", { outputTokensMax: 9 }, to("compatible", "gpt-5-mini"), { max_completion_tokens: 9 }, []],
    [
      "limit",
      { outputTokensMax: 9 },
      to("openrouter", "openai/gpt-5"),
      { max_tokens: 9, usage: { include: true } },
      [],
    ],
    ["sampling", { temperature: 0.2, topP: 0.5 }, to("openai", "gpt-5"), {}, ["temperature", "top_p"]],
    ["default sampling", { temperature: 1, topP: 1 }, to("openai", "o3"), {}, []],
    ["sampling", { temperature: 0.2, topK: 5 }, to("openai", "gpt-4o"), { temperature: 0.2 }, ["top_k"]],
    ["sampling", { topK: 5, minP: 0.1 }, to("compatible"), { top_k: 5, min_p: 0.1 }, []],
    ["seed", { seed: 4 }, to("mistral"), { random_seed: 4 }, []],
    ["seed", { seed: 4 }, to("deepseek"), {}, ["seed"]],
    ["stream", { stream: true }, to("openai"), { stream: true, stream_options: { include_usage: true } }, []],
    ["stream", { stream: true }, to("mistral"), { stream: true }, []],
    ["user", { userId: "u" }, to("openai"), { safety_identifier: "u" }, []],
    ["user", { userId: "u" }, to("compatible"), { user: "u" }, []],
    ["user", { userId: "u" }, to("deepseek"), {}, ["user"]],
    ["hints", { verbosity: "low", store: false }, to("compatible"), {}, ["verbosity", "store"]],
    ["safety of another API", { safety: [{ category: "x" }] }, to("openai"), {}, ["safety_settings"]],
    [
      "effort",
      { reasoning: { effort: "max" } },
      to("openai", "gpt-5"),
      { reasoning_effort: "high" },
      ["reasoning_effort"],
    ],
    ["effort", { reasoning: { effort: "none" } }, to("openai", "gpt-5.1"), { reasoning_effort: "none" }, []],
    [
      "effort",
      { reasoning: { effort: "none" } },
      to("openai", "o3"),
      { reasoning_effort: "low" },
      ["reasoning_effort"],
    ],
    ["effort", { reasoning: { effort: "high" } }, to("openai", "gpt-4o"), {}, ["reasoning"]],
    [
      "budget",
      { reasoning: { mode: "on", budgetTokens: 9000 } },
      to("compatible"),
      { reasoning_effort: "medium" },
      [],
    ],
    [
      "budget",
      { reasoning: { mode: "on", budgetTokens: 9000 } },
      to("openrouter"),
      { reasoning: { max_tokens: 9000 }, usage: { include: true } },
      [],
    ],
    [
      "hidden",
      { reasoning: { effort: "low", visibility: "none" } },
      to("openrouter"),
      { reasoning: { effort: "low", exclude: true }, usage: { include: true } },
      [],
    ],
    ["off", { reasoning: { mode: "off" } }, to("deepseek"), { thinking: { type: "disabled" } }, []],
    [
      "effort",
      { reasoning: { effort: "medium" } },
      to("deepseek"),
      { thinking: { type: "enabled" }, reasoning_effort: "high" },
      [],
    ],
    [
      "json",
      { output: { type: "json" }, system: [{ text: "JSON please", role: "system" }] },
      to("openai"),
      { response_format: { type: "json_object" } },
      [],
    ],
    [
      "schema",
      {
        output: {
          type: "json_schema",
          schema: { type: "object", properties: {}, additionalProperties: false },
        },
      },
      to("openai"),
      {
        response_format: {
          type: "json_schema",
          json_schema: {
            name: "response",
            schema: { type: "object", properties: {}, additionalProperties: false },
            strict: true,
          },
        },
      },
      [],
    ],
    [
      "schema",
      { output: { type: "json_schema", name: "a b", schema: { type: "object", properties: { x: {} } } } },
      to("openai"),
      {
        response_format: {
          type: "json_schema",
          json_schema: { name: "a_b", schema: { type: "object", properties: { x: {} } }, strict: false },
        },
      },
      [],
    ],
    [
      "schema",
      { output: { type: "json_schema", schema: {} } },
      to("deepseek"),
      { response_format: { type: "json_object" } },
      ["response_format.json_schema"],
    ],
    [
      "own extensions",
      { protocol: "openai-chat", extensions: { provider: { order: ["a"] }, x: 1 } },
      to("openrouter"),
      { usage: { include: true }, provider: { order: ["a"] }, x: 1 },
      [],
    ],
    [
      "own extensions",
      { protocol: "openai-chat", extensions: { provider: { order: ["a"] }, x: 1 } },
      to("compatible"),
      { x: 1 },
      ["provider"],
    ],
    ["foreign extensions", { extensions: { container: "c" } }, to("compatible"), {}, []],
  ];

  test.each(rows)("%s %j", (_, chat, dialect, expected, dropped) => {
    const encoded = encode(chat, dialect);
    const { model, messages: __, ...fields } = encoded.body;
    expect(model).toBe(dialect.model);
    expect(fields).toEqual(expected);
    expect(encoded.dropped).toEqual(dropped);
  });

  const refusals: readonly (readonly [Partial<Chat>, Dialect, string])[] = [
    [{ choices: 2 }, to("openrouter"), "n"],
    [{ choices: 2 }, to("deepseek"), "n"],
    [{ logprobs: {} }, to("openai", "gpt-5"), "logprobs"],
    [{ stop: ["a", "b", "c", "d", "e"] }, to("openai"), "stop"],
    [{ modalities: ["audio"] }, to("deepseek"), "modalities"],
    [
      { tools: [{ type: "hosted", protocol: "anthropic-messages", kind: "web_search", value: {} }] },
      to("openai"),
      "tools[0] (web_search)",
    ],
  ];
  test.each(refusals)("%j to %j is refused by name", (chat, dialect, param) => {
    expect(refused(chat, dialect)).toBe(param);
  });
});

describe("messages", () => {
  const image: UserPart = { type: "image", media: { from: "base64", mime: "image/png", data: "AA" } };
  const call = (id: string): AssistantPart => ({ type: "tool_call", id, name: "f", argumentsText: "" });
  const wireCall = (id: string) => ({ id, type: "function", function: { name: "f", arguments: "{}" } });
  const loop: Chat["turns"] = [
    { side: "user", parts: [{ type: "text", text: "go" }] },
    { side: "assistant", parts: [call("a"), call("b")] },
    {
      side: "user",
      parts: [
        { type: "tool_result", callId: "a", name: "f", content: [{ type: "text", text: "see" }, image] },
        { type: "text", text: "and?" },
      ],
    },
    { side: "user", parts: [{ type: "tool_result", callId: "b", content: [], isError: true }] },
  ];
  const url = { type: "image_url", image_url: { url: "data:image/png;base64,AA" } };

  test("results come first, their images in a user message behind all of them", () => {
    expect(messages({ turns: loop }, to("openai"))).toEqual([
      { role: "user", content: "go" },
      { role: "assistant", content: null, tool_calls: [wireCall("a"), wireCall("b")] },
      {
        role: "tool",
        tool_call_id: "a",
        content: [
          { type: "text", text: "see" },
          { type: "text", text: "The files of this result follow in the next user message." },
        ],
      },
      { role: "tool", tool_call_id: "b", content: "Error: " },
      { role: "user", content: [{ type: "text", text: "Files of the result of f (a):" }, url] },
      { role: "user", content: "and?" },
    ]);
  });

  test("OpenRouter takes images in place", () => {
    const sent = messages({ turns: loop }, to("openrouter"));
    expect(sent).toContainEqual({
      role: "tool",
      tool_call_id: "a",
      content: [{ type: "text", text: "see" }, url],
    });
  });

  test("compatible servers get strings wherever there is only text, and never null", () => {
    const sent = messages(
      {
        system: [
          { text: "one", role: "developer" },
          { text: "two", role: "system" },
        ],
        turns: [
          {
            side: "user",
            parts: [
              { type: "text", text: "a" },
              { type: "text", text: "b" },
            ],
          },
          { side: "assistant", parts: [call("a")] },
        ],
      },
      to("compatible"),
    );
    expect(sent).toEqual([
      { role: "system", content: "one\n\ntwo" },
      { role: "user", content: "a\n\nb" },
      { role: "assistant", content: "", tool_calls: [wireCall("a")] },
    ]);
  });

  test("reasoning models at OpenAI have a developer, others a system", () => {
    const system = [{ text: "s", role: "system" as const }];
    expect(messages({ system, turns: [] }, to("openai", "gpt-5"))).toEqual([
      { role: "developer", content: "s" },
    ]);
    expect(messages({ system, turns: [] }, to("openai", "gpt-4o"))).toEqual([
      { role: "system", content: "s" },
    ]);
    expect(messages({ system, turns: [] }, to("openai", "gpt-5-chat-latest"))).toEqual([
      { role: "system", content: "s" },
    ]);
  });

  test("cache marks go to OpenRouter on their parts, and nowhere else", () => {
    const cache = { lifetime: "1h" as const };
    const chat: Partial<Chat> = {
      system: [{ text: "s", role: "system", cache }],
      turns: [{ side: "user", parts: [{ type: "text", text: "u", cache: {} }] }],
    };
    expect(messages(chat, to("openrouter"))).toEqual([
      {
        role: "system",
        content: [{ type: "text", text: "s", cache_control: { type: "ephemeral", ttl: "1h" } }],
      },
      { role: "user", content: [{ type: "text", text: "u", cache_control: { type: "ephemeral" } }] },
    ]);
    expect(JSON.stringify(messages(chat, to("openai")))).not.toContain("cache");
  });

  test("Mistral gets ids of nine characters, the same in call and result", () => {
    const sent = JSON.stringify(messages({ turns: loop }, to("mistral")));
    const ids = [...sent.matchAll(/"(?:tool_call_id|id)":"([^"]*)"/g)].map(([, id]) => id ?? "");
    expect(ids.every((id) => /^[A-Za-z0-9]{9}$/.test(id))).toBe(true);
    expect(new Set(ids).size).toBe(2);
  });

  test("a tool that takes free text is a function where functions are all there is", () => {
    const tools: Chat["tools"] = [
      { type: "custom", name: "sql", format: { syntax: "regex", definition: "a+" } },
    ];
    const turns: Chat["turns"] = [
      {
        side: "assistant",
        parts: [{ type: "tool_call", id: "a", name: "sql", argumentsText: "SELECT", custom: true }],
      },
    ];
    expect(encode({ tools, turns }, to("compatible")).body).toMatchObject({
      tools: [{ type: "function", function: { name: "sql", parameters: { required: ["input"] } } }],
      messages: [{ tool_calls: [{ type: "function", function: { arguments: '{"input":"SELECT"}' } }] }],
    });
    expect(encode({ tools, turns }, to("openai")).body).toMatchObject({
      tools: [
        {
          type: "custom",
          custom: { name: "sql", format: { type: "grammar", grammar: { syntax: "regex" } } },
        },
      ],
      messages: [{ tool_calls: [{ type: "custom", custom: { input: "SELECT" } }] }],
    });
  });

  const choices: readonly (readonly [Chat["toolChoice"], Host, unknown])[] = [
    [{ mode: "required", allowed: ["f"] }, "openai", { type: "function", function: { name: "f" } }],
    [
      { mode: "auto", allowed: ["f"] },
      "openai",
      {
        type: "allowed_tools",
        allowed_tools: { mode: "auto", tools: [{ type: "function", function: { name: "f" } }] },
      },
    ],
    [{ mode: "auto", allowed: ["f"] }, "compatible", "auto"],
    [{ mode: "required" }, "mistral", "any"],
    [{ mode: "none" }, "compatible", "none"],
  ];
  test.each(choices)("choice %j at %s", (toolChoice, host, expected) => {
    const tools: Chat["tools"] = [
      { type: "function", name: "f" },
      { type: "function", name: "g" },
    ];
    const { body } = encode({ tools, ...(toolChoice && { toolChoice }) }, to(host));
    expect<unknown>(body["tool_choice"]).toEqual(expected);
    const isCut = host === "compatible" && toolChoice?.allowed !== undefined;
    expect(body["tools"]).toHaveLength(isCut ? 1 : 2);
  });
});

describe("media a host cannot read is refused by its path", () => {
  const audio: UserPart = { type: "audio", media: { from: "base64", mime: "audio/ogg", data: "AA" } };
  const video: UserPart = { type: "video", media: { from: "url", url: "https://x/v.mp4" } };
  const pdf: UserPart = { type: "document", media: { from: "base64", mime: "application/pdf", data: "AA" } };
  const pdfUrl: UserPart = { type: "document", media: { from: "url", url: "https://x/a.pdf" } };
  const file: UserPart = { type: "document", media: { from: "file", id: "file-1", vendor: "openai" } };
  const foreign: UserPart = { type: "unknown", protocol: "gemini", value: {}, path: "contents[0].parts[1]" };
  const at = "messages[0].content[0]";
  const rows: readonly (readonly [UserPart, Host, string | undefined])[] = [
    [video, "openai", at],
    [video, "openrouter", undefined],
    [video, "compatible", undefined],
    [audio, "openai", at],
    [audio, "openrouter", undefined],
    [pdf, "openai", undefined],
    [pdf, "deepseek", at],
    [pdfUrl, "openai", at],
    [pdfUrl, "openrouter", undefined],
    [pdfUrl, "mistral", undefined],
    [file, "compatible", at],
    [foreign, "openrouter", "contents[0].parts[1]"],
  ];
  test.each(rows)("%j to %s", (part, host, path) => {
    expect(refused({ turns: [{ side: "user", parts: [part] }] }, to(host))).toBe(path);
  });

  test("documents that are text at heart become text everywhere", () => {
    const parts: UserPart[] = [
      { type: "document", media: { from: "text", text: "body", mime: "text/plain" }, title: "T" },
      { type: "document", blocks: [{ type: "text", text: "block" }], title: "B" },
      { type: "search_result", source: "https://s", title: "S", texts: ["found"] },
    ];
    const sent = messages({ turns: [{ side: "user", parts }] }, to("deepseek"));
    expect(sent).toEqual([{ role: "user", content: "T\nbody\n\nB\n\nblock\n\nS\nhttps://s\nfound" }]);
  });
});

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
