import { expect, test } from "bun:test";
import type { Json, JsonObject } from "#lib/json.ts";
import type { AssistantPart, Opaque } from "#model/chat.ts";
import type { Dialect, Host } from "#protocols/protocol.ts";
import { decodeRequest } from "./decode-request.ts";
import { patchRequest } from "./patch-request.ts";

const sealed: Opaque = { kind: "anthropic_signature", vendor: "anthropic", data: "SIG" };
const line = {
  headers: new Headers(),
  unseal: (text: string) => (text === "xjp1.good" ? sealed : undefined),
};
const to = (host: Host, model = "m", vendor: Dialect["vendor"] = "unknown"): Dialect => ({
  model,
  vendor,
  route: host,
  host,
});
const patch = (body: JsonObject, dialect: Dialect) =>
  patchRequest(body, decodeRequest(body, line), dialect).body;
const user = { role: "user", content: "hi" };

test("only the model changes; unknown fields, nulls and order survive", () => {
  const body = {
    zeta: { deep: [null, { x: 1 }] },
    model: "logical",
    temperature: null,
    messages: [{ ...user, extra: null }],
    provider: { order: ["a"] },
    max_tokens: 5,
  };
  for (const host of ["openai", "openrouter", "compatible"] as const) {
    const patched = patch(body, to(host, "target"));
    expect(patched).toEqual({ ...body, model: "target" });
    expect(Object.keys(patched)).toEqual(Object.keys(body));
    expect(patched["messages"]).toBe(body.messages);
  }
});

test("usage is always asked for in streams, and other stream options stay", () => {
  const body = { model: "m", messages: [user], stream: true };
  expect(patch(body, to("compatible"))["stream_options"]).toEqual({ include_usage: true });
  const asking = { ...body, stream_options: { include_obfuscation: false, include_usage: false } };
  expect(patch(asking, to("openai"))["stream_options"]).toEqual({
    include_obfuscation: false,
    include_usage: true,
  });
  expect(patch({ ...body, stream: false }, to("openai"))["stream_options"]).toBeUndefined();
  expect(patch(asking, to("mistral"))["stream_options"]).toBeUndefined();
});

const limits: readonly (readonly [Host, string, JsonObject, JsonObject])[] = [
  ["openai", "gpt-5", { max_tokens: 5 }, { max_completion_tokens: 5 }],
  [
    "openai",
    "gpt-5",
    { max_tokens: 5, max_completion_tokens: 5 },
    { max_tokens: 5, max_completion_tokens: 5 },
  ],
  ["deepseek", "deepseek-chat", { max_completion_tokens: 5 }, { max_tokens: 5 }],
  ["mistral", "mistral-large", { max_completion_tokens: 5 }, { max_tokens: 5 }],
  ["compatible", "any", { max_completion_tokens: 5 }, { max_completion_tokens: 5 }],
];
test.each(limits)("%s knows one name of the output limit: %s %j", (host, model, fields, expected) => {
  const {
    model: _,
    messages: __,
    ...rest
  } = patch({ model: "m", messages: [user], ...fields }, to(host, model));
  expect(rest).toEqual(expected);
});

test("DeepSeek gets its empty reasoning_content in tool loops, and system for developer", () => {
  const calls = [{ id: "a", type: "function", function: { name: "f", arguments: "{}" } }];
  const body = {
    model: "m",
    messages: [
      { role: "developer", content: "d" },
      user,
      { role: "assistant", content: "", tool_calls: calls },
      { role: "tool", tool_call_id: "a", content: "r" },
    ],
  };
  expect(patch(body, to("deepseek"))["messages"]).toEqual([
    { role: "system", content: "d" },
    user,
    { role: "assistant", content: "", tool_calls: calls, reasoning_content: "" },
    { role: "tool", tool_call_id: "a", content: "r" },
  ]);
});

const detail = (signature: string): Json => ({
  type: "reasoning.text",
  text: "t",
  signature,
  format: "anthropic-claude-v1",
  index: 0,
});
const withDetail = (signature: string): JsonObject => ({
  model: "m",
  messages: [
    user,
    {
      role: "assistant",
      content: "a",
      reasoning_content: "t",
      reasoning_details: [detail(signature)],
      kept: 1,
    },
  ],
});

test("state we sealed is opened for its maker", () => {
  const [, message] = Object.values(
    patch(withDetail("xjp1.good"), to("openrouter", "m", "anthropic"))["messages"] ?? [],
  );
  expect<unknown>(message).toEqual({
    role: "assistant",
    content: "a",
    kept: 1,
    reasoning_details: [detail("SIG")],
  });
});

test("state we sealed, or that pretends to be, reaches nobody else", () => {
  for (const [signature, vendor] of [
    ["xjp1.good", "openai"],
    ["xjp1.forged", "anthropic"],
  ] as const) {
    const text = JSON.stringify(patch(withDetail(signature), to("openrouter", "m", vendor)));
    expect(text).not.toContain("SIG");
    expect(text).not.toContain("xjp1");
    expect(text).toContain('"kept":1');
  }
});

test("bare details of OpenRouter's own go back untouched", () => {
  const body = withDetail("BARE");
  expect(patch(body, to("openrouter", "m", "anthropic"))["messages"]).toBe(body["messages"]);
});

test("Mistral gets ids it accepts, the same in call and result", () => {
  const body = {
    model: "m",
    messages: [
      {
        role: "assistant",
        content: "",
        tool_calls: [{ id: "call_long_one", function: { name: "f", arguments: "{}" } }],
      },
      { role: "tool", tool_call_id: "call_long_one", content: "r" },
    ],
  };
  const ids = [
    ...JSON.stringify(patch(body, to("mistral"))).matchAll(/"(?:tool_call_id|id)":"(\w{9})"/g),
  ].map(([, id]) => id);
  expect(ids).toHaveLength(2);
  expect(new Set(ids).size).toBe(1);
});

const call = { id: "a", type: "function", function: { name: "f", arguments: "{}" } };
const result = { role: "tool", tool_call_id: "a", content: "x" };
const bare = {
  model: "m",
  messages: [user, { role: "assistant", content: null, tool_calls: [call] }, result],
};

/** With `parts` before the call, as if the gateway had remembered them; `signature` on the call itself. */
function patchRecalled(dialect: Dialect, parts: readonly AssistantPart[], signature?: Opaque) {
  const chat = decodeRequest(bare, line);
  const turns = chat.turns.map((turn) =>
    turn.side === "assistant"
      ? {
          ...turn,
          parts: [...parts, ...turn.parts.map((part) => ({ ...part, ...(signature && { signature }) }))],
        }
      : turn,
  );
  const { body, dropped } = patchRequest(bare, { ...chat, turns }, dialect);
  const messages = body["messages"];
  return { message: Array.isArray(messages) ? messages[1] : undefined, dropped };
}

const signed: AssistantPart = { type: "reasoning", kind: "raw", text: "Hm.", signature: sealed };
const plain: AssistantPart = { type: "reasoning", kind: "raw", text: "Hm." };
const google: Opaque = { kind: "google_thought_signature", vendor: "google", data: "SIG" };
const signedDetail = {
  type: "reasoning.text",
  text: "Hm.",
  signature: "SIG",
  format: "anthropic-claude-v1",
  index: 0,
};
const lost = ["messages[].reasoning"];

test.each<
  readonly [string, Dialect, readonly AssistantPart[], Opaque | undefined, JsonObject, readonly string[]]
>([
  [
    "to its maker",
    to("openrouter", "m", "anthropic"),
    [signed],
    undefined,
    { reasoning_details: [signedDetail] },
    [],
  ],
  ["to another maker", to("openrouter", "m", "google"), [signed], undefined, {}, lost],
  ["to OpenAI, which has no field", to("openai", "gpt-5", "openai"), [signed], undefined, {}, lost],
  [
    "plain, where wanted",
    to("compatible", "deepseek-v4", "deepseek"),
    [plain],
    undefined,
    { reasoning_content: "Hm." },
    [],
  ],
  ["plain, where nobody asked", to("compatible"), [plain], undefined, {}, lost],
  [
    "on a call, to Google's own layer",
    to("compatible", "gemini-3", "google"),
    [],
    google,
    { tool_calls: [{ ...call, extra_content: { google: { thought_signature: "SIG" } } }] },
    [],
  ],
])("remembered thoughts go %s", (_, dialect, parts, signature, fields, dropped) => {
  const patched = patchRecalled(dialect, parts, signature);
  expect(patched.message).toEqual({ ...bare.messages[1], ...fields });
  expect(patched.dropped).toEqual([...dropped]);
});

test.each<readonly [string, Dialect, JsonObject, JsonObject]>([
  ["DeepSeek's own", to("deepseek", "deepseek-v4", "deepseek"), {}, { reasoning_content: "" }],
  [
    "DeepSeek's own, with the field",
    to("deepseek"),
    { reasoning_content: "mine" },
    { reasoning_content: "mine" },
  ],
  ["somebody else's", to("compatible", "deepseek-v4", "deepseek"), {}, {}],
])("a call without thoughts at %s server", (_, dialect, sent, expected) => {
  const [first, second, third] = bare.messages;
  const body = { ...bare, messages: [first ?? {}, { ...second, ...sent }, third ?? {}] };
  const messages = patch(body, dialect)["messages"];
  expect(Array.isArray(messages) && messages[1]).toEqual({ ...second, ...expected });
});

const sonnet = "anthropic/claude-sonnet-4.5";
test.each<readonly [string, Host, string, JsonObject, boolean]>([
  ["asked to think", "openrouter", sonnet, { reasoning_effort: "high" }, true],
  [
    "asked to think with a budget",
    "openrouter",
    "anthropic/claude-3.7-sonnet",
    { reasoning: { max_tokens: 2000 } },
    true,
  ],
  ["not asked to think", "openrouter", sonnet, {}, false],
  ["asked not to think", "openrouter", sonnet, { reasoning: { effort: "none" } }, false],
  ["that thinks adaptively", "openrouter", "anthropic/claude-opus-4.6", { reasoning_effort: "high" }, false],
  ["of another maker", "openrouter", "google/gemini-3-pro", { reasoning_effort: "high" }, false],
  ["elsewhere", "compatible", sonnet, { reasoning_effort: "high" }, false],
])("an open loop without thoughts at a model %s", (_, host, model, fields, isSwitchedOff) => {
  const body = { ...bare, ...fields };
  const { body: patched, dropped } = patchRequest(body, decodeRequest(body, line), to(host, model));
  expect(dropped).toEqual(isSwitchedOff ? ["reasoning"] : []);
  if (isSwitchedOff) expect(patched["reasoning"]).toEqual({ effort: "none" });
  expect(patched).toMatchObject(isSwitchedOff ? {} : fields);
  const closed = { ...body, messages: [...body.messages, user] };
  expect(patchRequest(closed, decodeRequest(closed, line), to(host, model)).dropped).toEqual([]);
});
