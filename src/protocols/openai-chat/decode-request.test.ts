import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Json, JsonObject } from "#lib/json.ts";
import type { Opaque } from "#model/chat.ts";
import { Failure } from "#model/failure.ts";
import { decodeRequest } from "./decode-request.ts";

const sealed: Opaque = { kind: "anthropic_signature", vendor: "anthropic", data: "SIG" };
const line = {
  headers: new Headers(),
  unseal: (text: string) => (text === "xjp1.good" ? sealed : undefined),
};
const decode = (body: JsonObject) => decodeRequest(body, line);
const ask = (fields: JsonObject): JsonObject => ({
  model: "m",
  messages: [{ role: "user", content: "hi" }],
  ...fields,
});
const say = (...messages: Json[]): JsonObject => ({ model: "m", messages });

function paramOf(body: JsonObject): string {
  try {
    decode(body);
  } catch (error) {
    if (error instanceof Failure && error.kind === "bad_request") return error.detail.param ?? "";
    throw error;
  }
  return "accepted";
}

describe("a wrong field is refused by its path", () => {
  const user = { role: "user", content: "hi" };
  const rows: readonly (readonly [JsonObject, string])[] = [
    [{ messages: [user] }, "model"],
    [{ model: "", messages: [user] }, "model"],
    [{ model: 5, messages: [user] }, "model"],
    [{ model: "m" }, "messages"],
    [{ model: "m", messages: [] }, "messages"],
    [{ model: "m", messages: {} }, "messages"],
    [say("hi"), "messages[0]"],
    [say({ content: "hi" }), "messages[0].role"],
    [say({ role: "robot", content: "hi" }), "messages[0].role"],
    [say({ role: "user" }), "messages[0].content"],
    [say({ role: "user", content: 7 }), "messages[0].content"],
    [say({ role: "user", content: ["x"] }), "messages[0].content[0]"],
    [say({ role: "user", content: [{ text: "x" }] }), "messages[0].content[0].type"],
    [say({ role: "user", content: [{ type: "text" }] }), "messages[0].content[0].text"],
    [say({ role: "user", content: [{ type: "image_url" }] }), "messages[0].content[0].image_url"],
    [
      say({ role: "user", content: [{ type: "image_url", image_url: { url: "nonsense" } }] }),
      "messages[0].content[0].image_url.url",
    ],
    [
      say({ role: "user", content: [{ type: "image_url", image_url: { url: "file:///etc/passwd" } }] }),
      "messages[0].content[0].image_url.url",
    ],
    [
      say({ role: "user", content: [{ type: "input_audio", input_audio: { data: "AA==" } }] }),
      "messages[0].content[0].input_audio.format",
    ],
    [say({ role: "user", content: [{ type: "file", file: {} }] }), "messages[0].content[0].file.file_data"],
    [
      say({ role: "system", content: [{ type: "image_url", image_url: "https://x/y.png" }] }),
      "messages[0].content[0]",
    ],
    [say({ role: "tool", content: "x" }), "messages[0].tool_call_id"],
    [say({ role: "assistant", tool_calls: [{ type: "function" }] }), "messages[0].tool_calls[0].id"],
    [say({ role: "assistant", tool_calls: [{ id: "a" }] }), "messages[0].tool_calls[0].function"],
    [ask({ temperature: "hot" }), "temperature"],
    [ask({ n: 0 }), "n"],
    [ask({ n: 129 }), "n"],
    [ask({ max_tokens: 0 }), "max_tokens"],
    [ask({ max_completion_tokens: 1.5 }), "max_completion_tokens"],
    [ask({ stop: [1] }), "stop[0]"],
    [ask({ stream: "yes" }), "stream"],
    [ask({ stream_options: { include_usage: 1 } }), "stream_options.include_usage"],
    [ask({ logit_bias: { "5": "x" } }), "logit_bias.5"],
    [ask({ metadata: { a: 1 } }), "metadata.a"],
    [ask({ top_logprobs: 21 }), "top_logprobs"],
    [ask({ response_format: { type: "xml" } }), "response_format.type"],
    [ask({ response_format: { type: "json_schema" } }), "response_format.json_schema"],
    [ask({ reasoning_effort: "extreme" }), "reasoning_effort"],
    [ask({ tools: [{ type: "function", function: {} }] }), "tools[0].function.name"],
    [ask({ tools: [{ type: "function" }] }), "tools[0].function"],
    [
      ask({
        tools: [
          { type: "function", function: { name: "a" } },
          { type: "function", function: { name: "a" } },
        ],
      }),
      "tools[1]",
    ],
    [ask({ tool_choice: "perhaps" }), "tool_choice"],
    [ask({ tool_choice: { type: "function" } }), "tool_choice.function"],
    [ask({ modalities: ["smell"] }), "modalities[0]"],
  ];

  test.each(rows)("%j names %s", (body, param) => {
    expect(paramOf(body)).toBe(param);
  });

  const full: JsonObject = {
    model: "m",
    messages: [
      {
        role: "system",
        content: [{ type: "text", text: "s", cache_control: { type: "ephemeral", ttl: "1h" } }],
      },
      {
        role: "user",
        name: "ann",
        content: [
          { type: "text", text: "u" },
          { type: "image_url", image_url: { url: "https://x/y.png", detail: "low" } },
        ],
      },
      {
        role: "assistant",
        content: "a",
        reasoning_details: [
          { type: "reasoning.text", text: "t", signature: "s", format: "anthropic-claude-v1" },
        ],
        tool_calls: [{ id: "c", type: "function", function: { name: "f", arguments: "{}" } }],
      },
      { role: "tool", tool_call_id: "c", content: "r" },
    ],
    stream: true,
    stream_options: { include_usage: true },
    temperature: 1,
    stop: ["x"],
    n: 2,
    logprobs: true,
    top_logprobs: 2,
    logit_bias: { "1": 2 },
    response_format: { type: "json_schema", json_schema: { name: "n", schema: {}, strict: true } },
    reasoning: { effort: "low", exclude: false },
    tools: [{ type: "function", function: { name: "f", parameters: {}, strict: false } }],
    tool_choice: {
      type: "allowed_tools",
      allowed_tools: { mode: "auto", tools: [{ type: "function", function: { name: "f" } }] },
    },
    audio: { format: "wav", voice: "alloy" },
    metadata: { a: "b" },
    web_search_options: {},
    prompt_cache_key: "k",
  };

  test("any value anywhere gives a request or a 400 with a path, and never anything else", () => {
    fc.assert(
      fc.property(fc.constantFrom(...pathsOf(full)), fc.jsonValue({ maxDepth: 2 }), (path, value) => {
        const body: unknown = replaceAt(full, path, value);
        const param = paramOf(Object.assign({}, body));
        expect(param).not.toBe("");
      }),
      { numRuns: 2000 },
    );
  });

  function pathsOf(
    value: unknown,
    path: readonly (string | number)[] = [],
  ): (readonly (string | number)[])[] {
    if (typeof value !== "object" || value === null) return [path];
    const inner = Array.isArray(value)
      ? value.flatMap((child, index) => pathsOf(child, [...path, index]))
      : Object.entries(value).flatMap(([name, child]) => pathsOf(child, [...path, name]));
    return path.length === 0 ? inner : [path, ...inner];
  }

  function replaceAt(
    value: unknown,
    [step, ...rest]: readonly (string | number)[],
    replacement: unknown,
  ): unknown {
    if (step === undefined) return replacement;
    if (Array.isArray(value)) {
      return value.map((child: unknown, index) =>
        index === step ? replaceAt(child, rest, replacement) : child,
      );
    }
    const object = typeof value === "object" && value !== null ? value : {};
    return Object.fromEntries(
      Object.entries(object).map(([name, child]) => [
        name,
        name === step ? replaceAt(child, rest, replacement) : child,
      ]),
    );
  }
});

test("null is absent for every optional field", () => {
  const fields = [
    ..."temperature top_p n stop tools tool_choice functions function_call response_format stream stream_options".split(
      " ",
    ),
    ..."logit_bias metadata reasoning reasoning_effort audio modalities seed user max_tokens prompt_cache_key".split(
      " ",
    ),
  ];
  const body = ask(Object.fromEntries(fields.map((name) => [name, null])));
  expect(decode(body)).toEqual(decode(ask({})));
});

test("unknown fields are kept for upstreams of the same API", () => {
  expect(decode(ask({ chat_template_kwargs: { a: 1 }, provider: { order: ["x"] } })).extensions).toEqual({
    chat_template_kwargs: { a: 1 },
    provider: { order: ["x"] },
  });
});

const wishes: readonly (readonly [JsonObject, object])[] = [
  [{ reasoning_effort: "high" }, { effort: "high", mode: "on", visibility: "summary" }],
  [{ reasoning_effort: "none" }, { effort: "none", mode: "off", visibility: "summary" }],
  [{ reasoning: { max_tokens: 2000, exclude: true } }, { budgetTokens: 2000, visibility: "none" }],
  [{ reasoning: { enabled: false } }, { mode: "off", visibility: "summary" }],
  [{ thinking: { type: "disabled" } }, { mode: "off", visibility: "summary" }],
  [{ thinking: { type: "enabled" } }, { mode: "on", visibility: "summary" }],
];

test.each(wishes)("the wish %j is understood", (fields, expected) => {
  expect<unknown>(decode(ask(fields)).reasoning).toEqual(expected);
});

test("a limit past 2^53 is refused with the bound it passed, a seed of 64 bits is taken", () => {
  expect(() => decode(ask({ max_tokens: 1e308 }))).toThrow(String(Number.MAX_SAFE_INTEGER));
  expect(decode(ask({ seed: 2 ** 62 })).seed).toBe(2 ** 62);
  expect(paramOf(ask({ seed: 1e308 }))).toBe("seed");
});
