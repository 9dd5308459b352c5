/**
 * What reaches an upstream when its thoughts are put back for a client that forgot them: to the letter what it gave, in
 * the order it gave it, whatever shape its answer had.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { asArray, asObject, parseJson, type Json, type JsonObject } from "#lib/json.ts";
import { callApi } from "./call-api.ts";
import { startGateway, type TestGateway } from "./start-gateway.ts";

interface Script {
  /** Whole answer to the first request. */
  readonly answer: JsonObject;
  /** Where the conversation stands in a request to this upstream. */
  readonly history: (body: JsonObject) => Json | undefined;
  /** What the conversation holds for the answer. */
  readonly expected: readonly JsonObject[];
}

const SIGNATURE = "EqQBCkgIARABGAIiQL8+/=ünïcode\u2028";
const text = { id: "call_1", name: "f", input: { n: 1 } } as const;
const chatCall = (id: string, name: string, more: JsonObject = {}) => ({
  id,
  type: "function",
  function: { name, arguments: '{"n":1}' },
  ...more,
});
const chatAnswer = (message: JsonObject): JsonObject => ({
  id: "x",
  object: "chat.completion",
  created: 1,
  model: "m",
  choices: [
    {
      index: 0,
      message: { role: "assistant", content: null, ...message },
      finish_reason: "tool_calls",
    },
  ],
  usage: { prompt_tokens: 1, completion_tokens: 1 },
});

const details = [
  { type: "reasoning.text", text: "Hm.", signature: SIGNATURE, format: "anthropic-claude-v1", index: 0 },
  { type: "reasoning.encrypted", data: "cmVkYWN0ZWQ=", format: "anthropic-claude-v1", index: 1 },
];
const thoughtBlocks = [
  { type: "thinking", thinking: "Hm.", signature: SIGNATURE },
  { type: "redacted_thinking", data: "cmVkYWN0ZWQ=" },
  { type: "text", text: "Let me see." },
  { type: "tool_use", ...text },
  { type: "tool_use", ...text, id: "call_2" },
];
const reasoningItem = (encrypted: string, ...summary: string[]) => ({
  type: "reasoning",
  summary: summary.map((part) => ({ type: "summary_text", text: part })),
  encrypted_content: encrypted,
});
const callItem = (id: string) => ({ type: "function_call", call_id: id, name: "f", arguments: '{"n":1}' });

const scripts: Readonly<Record<string, Script>> = {
  anthropic: {
    answer: {
      id: "msg_1",
      type: "message",
      role: "assistant",
      model: "claude-sonnet-4-5",
      content: thoughtBlocks,
      stop_reason: "tool_use",
      usage: { input_tokens: 1, output_tokens: 1 },
    },
    history: (body) => asObject(asArray(body["messages"])[1])?.["content"],
    expected: thoughtBlocks,
  },
  openai: {
    answer: {
      id: "resp_1",
      object: "response",
      status: "completed",
      model: "gpt-5.2",
      output: [
        { ...reasoningItem(SIGNATURE, "First.", "Second."), id: "rs_1" },
        { ...callItem("call_1"), id: "fc_1" },
        { ...reasoningItem("Z0FB"), id: "rs_2" },
        { ...callItem("call_2"), id: "fc_2" },
      ],
      usage: { input_tokens: 1, output_tokens: 1 },
    },
    history: (body) => asArray(body["input"]).slice(1, 5),
    expected: [
      reasoningItem(SIGNATURE, "First.", "Second."),
      callItem("call_1"),
      reasoningItem("Z0FB"),
      callItem("call_2"),
    ],
  },
  gemini: {
    answer: {
      responseId: "r1",
      modelVersion: "gemini-3-pro-preview",
      candidates: [
        {
          content: {
            role: "model",
            parts: [
              { text: "Hm.", thought: true },
              { text: "Let me see.", thoughtSignature: "dGV4dA==" },
              { functionCall: { name: "f", args: { n: 1 } }, thoughtSignature: "Zmlyc3Q=" },
              { functionCall: { name: "f", args: { n: 1 } } },
              { functionCall: { name: "f", args: { n: 1 } }, thoughtSignature: "dGhpcmQ=" },
            ],
          },
          finishReason: "STOP",
        },
      ],
      usageMetadata: { promptTokenCount: 1, candidatesTokenCount: 1 },
    },
    history: (body) => asObject(asArray(body["contents"])[1])?.["parts"],
    expected: [
      { text: "Let me see.", thoughtSignature: "dGV4dA==" },
      { functionCall: { name: "f", args: { n: 1 } }, thoughtSignature: "Zmlyc3Q=" },
      { functionCall: { name: "f", args: { n: 1 } } },
      { functionCall: { name: "f", args: { n: 1 } }, thoughtSignature: "dGhpcmQ=" },
    ],
  },
  openrouter: {
    answer: chatAnswer({
      reasoning: "Hm.",
      reasoning_details: details,
      tool_calls: [chatCall("call_1", "f"), chatCall("call_2", "f")],
    }),
    history: (body) => asArray(body["messages"]).slice(1, 2),
    expected: [
      {
        role: "assistant",
        content: null,
        tool_calls: [chatCall("call_1", "f"), chatCall("call_2", "f")],
        reasoning_details: details,
      },
    ],
  },
  thinker: {
    answer: chatAnswer({ reasoning_content: "Hm.", tool_calls: [chatCall("call_1", "f")] }),
    history: (body) => asArray(body["messages"]).slice(1, 2),
    expected: [
      {
        role: "assistant",
        content: null,
        tool_calls: [chatCall("call_1", "f")],
        reasoning_content: "Hm.",
      },
    ],
  },
  // Servers of this kind refuse fields for thoughts, and the client would have sent none.
  stranger: {
    answer: chatAnswer({ reasoning_content: "Hm.", tool_calls: [chatCall("call_1", "f")] }),
    history: (body) => asArray(body["messages"]).slice(1, 2),
    expected: [{ role: "assistant", content: null, tool_calls: [chatCall("call_1", "f")] }],
  },
};

const asked: string[] = [];
let current: JsonObject = {};
const upstream = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  async fetch(request) {
    asked.push(await request.text());
    return Response.json(current);
  },
});
let gateway: TestGateway;

beforeAll(async () => {
  const url = `http://127.0.0.1:${upstream.port}`;
  gateway = await startGateway({
    config: `connectors:
  anthropic: { type: anthropic, base_url: "${url}", api_key: a }
  openai: { type: openai-compatible, base_url: "${url}/v1", protocol: openai-responses }
  gemini: { type: gemini, base_url: "${url}", api_key: g }
  openrouter: { type: openrouter, base_url: "${url}/v1", api_key: o }
  thinker: { type: openai-compatible, base_url: "${url}/v1", protocol: openai-chat }
  stranger: { type: openai-compatible, base_url: "${url}/v1", protocol: openai-chat }
models:
  anthropic: { targets: [{ connector: anthropic, model: claude-sonnet-4-5 }] }
  openai: { targets: [{ connector: openai, model: gpt-5.2 }] }
  gemini: { targets: [{ connector: gemini, model: gemini-3-pro-preview }] }
  openrouter: { targets: [{ connector: openrouter, model: anthropic/claude-sonnet-4.5 }] }
  thinker: { targets: [{ connector: thinker, model: deepseek-v4 }] }
  stranger: { targets: [{ connector: stranger, model: qwen-9 }] }
`,
  });
});
afterAll(async () => {
  await gateway.stop();
  await upstream.stop(true);
});

const tools = [{ type: "function", function: { name: "f", parameters: { type: "object", properties: {} } } }];
const question = { role: "user", content: "question" };

/** As the client got it, without what the API has no words for. */
async function askFirst(name: string): Promise<JsonObject> {
  current = scripts[name]?.answer ?? {};
  const fields = { model: name, messages: [question], tools };
  const response = await callApi(gateway, { api: "openai-chat", model: name, stream: false, fields });
  expect(response.status).toBe(200);
  const body = asObject(parseJson(await response.text()));
  const message = asObject(asObject(asArray(body?.["choices"])[0])?.["message"]) ?? {};
  const calls = asArray(message["tool_calls"]).map((value) => {
    const { extra_content: _, ...call } = asObject(value) ?? {};
    return call;
  });
  return { role: "assistant", content: message["content"], tool_calls: calls };
}

function historyWith(message: JsonObject): readonly JsonObject[] {
  const results = asArray(message["tool_calls"]).map((call) => ({
    role: "tool",
    tool_call_id: asObject(call)?.["id"],
    content: "42",
  }));
  return [question, message, ...results];
}

describe.each(Object.entries(scripts))("%s", (name, { history, expected }) => {
  test("gets back what it gave, to the letter and in its order", async () => {
    const messages = historyWith(await askFirst(name));
    const fields = { messages, tools };
    const response = await callApi(gateway, { api: "openai-chat", model: name, stream: false, fields });
    expect(response.status).toBe(200);
    const sent = history(asObject(parseJson(asked.at(-1) ?? "")) ?? {});
    expect(sent).toEqual([...expected]);
  });
});

test("in the native lane nothing else of the body is written anew", async () => {
  const messages = historyWith(await askFirst("openrouter"));
  const body = `{ "model":"openrouter",  "x_number": 12345678901234567890, "messages":${JSON.stringify(messages)} ,"tools":${JSON.stringify(tools)}, "x_unknown":  [1.0, null] }`;
  const response = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${gateway.key}`, "content-type": "application/json" },
    body,
  });
  expect(response.status).toBe(200);
  const sent = asked.at(-1) ?? "";
  expect(sent).toContain('"x_number": 12345678901234567890');
  expect(sent).toContain('"x_unknown":  [1.0, null]');
  expect(sent).toContain(JSON.stringify(details));
});

test("a client that sends state back is left alone, byte for byte", async () => {
  const message = {
    ...(await askFirst("openrouter")),
    reasoning_details: [{ ...details[0], text: "Mine." }],
  };
  const messages = JSON.stringify(historyWith(message));
  const response = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${gateway.key}`, "content-type": "application/json" },
    body: `{"model":"openrouter","messages":${messages}}`,
  });
  expect(response.status).toBe(200);
  expect(asked.at(-1)).toContain(messages);
});

test("a client that sends back only the readable thought gets the rest of it put back", async () => {
  const message = { ...(await askFirst("anthropic")), reasoning_content: "Hm." };
  const fields = { messages: historyWith(message), tools };
  await callApi(gateway, { api: "openai-chat", model: "anthropic", stream: false, fields });
  const sent = scripts["anthropic"]?.history(asObject(parseJson(asked.at(-1) ?? "")) ?? {});
  expect(sent).toEqual(thoughtBlocks);
});

test("an id that servers count up stands for its call only in the same conversation", async () => {
  const message = await askFirst("anthropic");
  const [, ...rest] = historyWith(message);
  const sendAfter = async (words: string) => {
    const fields = { messages: [{ role: "user", content: words }, ...rest], tools };
    await callApi(gateway, { api: "openai-chat", model: "anthropic", stream: false, fields });
    return asked.at(-1);
  };
  expect(await sendAfter("another question")).not.toContain("redacted_thinking");
  expect(await sendAfter("question")).toContain("redacted_thinking");
});

test.each(["true", "false"])(
  "x-xjp-strict: %s does not refuse what only the gateway put in",
  async (strict) => {
    const messages = historyWith(await askFirst("anthropic"));
    current = scripts["gemini"]?.answer ?? {};
    const response = await fetch(`${gateway.url}/v1/chat/completions`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${gateway.key}`,
        "content-type": "application/json",
        "x-xjp-strict": strict,
      },
      body: JSON.stringify({ model: "gemini", messages, tools }),
    });
    expect(response.status).toBe(200);
    expect(response.headers.get("x-xjp-dropped")).toContain("messages[1].content[0].signature");
    expect(asked.at(-1)).toContain("skip_thought_signature_validator");
  },
);
