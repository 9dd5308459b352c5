/**
 * Arguments of calls are text to some APIs and objects to others. Those that nest deeper than any stack, from a client
 * or from an upstream, are answered like others, in time, whichever APIs meet.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { asArray, asObject, parseJson, type JsonObject } from "#lib/json.ts";
import { startGateway, type TestGateway } from "../gateway/start-gateway.ts";

const LEVELS = 300_000;
const DEEP = `${'{"a":'.repeat(LEVELS)}1${"}".repeat(LEVELS)}`;

let gateway: TestGateway;
const asked: JsonObject[] = [];
beforeAll(async () => {
  gateway = await startGateway({
    config: `connectors:
  claude: { type: anthropic, base_url: "http://upstream.test", api_key: k }
  google: { type: gemini, base_url: "http://upstream.test", api_key: k }
  chat: { type: openai-compatible, base_url: "http://upstream.test/v1", api_key: k }
models:
  claude: { targets: [{ connector: claude, model: claude-sonnet-4-5 }] }
  google: { targets: [{ connector: google, model: gemini-2.5-flash }] }
  chat: { targets: [{ connector: chat, model: c1 }] }
`,
    upstream: (url, { body }) => {
      asked.push(asObject(parseJson(typeof body === "string" ? body : "")) ?? {});
      return Promise.resolve(answer(url));
    },
  });
});
afterAll(() => gateway.stop());

function answer(url: string): Response {
  const usage = { prompt_tokens: 1, completion_tokens: 1 };
  const call = { id: "call_0", type: "function", function: { name: "f", arguments: DEEP } };
  const message = { role: "assistant", tool_calls: [call] };
  const choices = [{ index: 0, message, finish_reason: "tool_calls" }];
  if (url.endsWith("/chat/completions"))
    return Response.json({ id: "a", object: "chat.completion", model: "c1", choices, usage });
  if (url.endsWith("/messages"))
    return Response.json({
      id: "a",
      type: "message",
      role: "assistant",
      model: "c",
      stop_reason: "end_turn",
      content: [{ type: "text", text: "well" }],
      usage: { input_tokens: 1, output_tokens: 1 },
    });
  const content = { role: "model", parts: [{ text: "well" }] };
  return Response.json({ candidates: [{ index: 0, content, finishReason: "STOP" }] });
}

function post(path: string, body: JsonObject): Promise<Response> {
  return fetch(gateway.url + path, {
    method: "POST",
    headers: { authorization: `Bearer ${gateway.key}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
}

test.each(["claude", "google"])("a client's go on to %s as text", async (model) => {
  const tools = [{ type: "function", function: { name: "f", parameters: { type: "object" } } }];
  const call = { id: "call_0", type: "function", function: { name: "f", arguments: DEEP } };
  const messages = [
    { role: "user", content: "q" },
    { role: "assistant", content: null, tool_calls: [call] },
    { role: "tool", tool_call_id: "call_0", content: "x" },
  ];
  const response = await post("/v1/chat/completions", { model, tools, messages });
  expect(response.status).toBe(200);
  expect(await response.text()).toContain("well");
  const turns = asArray(asked.at(-1)?.[model === "claude" ? "messages" : "contents"]);
  expect(JSON.stringify(turns[1])).toContain('{"_raw":"{');
});

test.each([
  ["/v1/messages", { max_tokens: 10, messages: [{ role: "user", content: "q" }] }],
  ["/v1beta/models/chat:generateContent", { contents: [{ role: "user", parts: [{ text: "q" }] }] }],
] as const)("an upstream's come to a client of %s as text", async (path, body) => {
  const response = await post(path, { ...(path === "/v1/messages" && { model: "chat" }), ...body });
  expect(response.status).toBe(200);
  expect(await response.text()).toContain('{"_raw":"{');
});
