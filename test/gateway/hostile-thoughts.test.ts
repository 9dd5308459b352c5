/**
 * Kept reasoning against hostile answers and histories: whatever they hold, every request is answered and booked once,
 * nothing stays held, and the loop is not blocked for others.
 */
import { afterEach, expect, test } from "bun:test";
import { asArray, asObject, parseJson, type Json, type JsonObject } from "#lib/json.ts";
import { formatSse } from "#lib/sse.ts";
import { startGateway, type TestGateway } from "./start-gateway.ts";

/** More than any stack holds. */
const DEEP = "[".repeat(300_000) + "]".repeat(300_000);

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

/** Every answer: a thought, and calls with these ids and arguments. */
async function start(calls: () => readonly (readonly [id: string, argumentsText: string])[]) {
  const asked: JsonObject[] = [];
  let count = 0;
  const gateway = await startGateway({
    config: `connectors:
  chat: { type: openai-compatible, base_url: "http://upstream.test/v1", api_key: k }
models:
  thinker: { targets: [{ connector: chat, model: kimi-k2 }], retry: { attempts_max: 1 } }
prices:
  "chat/kimi-k2": { input_usd_per_mtok: 1, output_usd_per_mtok: 1 }
`,
    upstream: (_, { body: text }) => {
      const body = asObject(parseJson(typeof text === "string" ? text : "")) ?? {};
      asked.push(body);
      count += 1;
      return Promise.resolve(answer(body["stream"] === true, `thought ${count}`, calls()));
    },
  });
  closers.push(() => gateway.stop());
  return { gateway, asked };
}

function answer(
  isStream: boolean,
  thought: string,
  calls: readonly (readonly [id: string, argumentsText: string])[],
): Response {
  const message = {
    role: "assistant",
    reasoning_content: thought,
    tool_calls: calls.map(([id, text], index) => ({
      index,
      id,
      type: "function",
      function: { name: "f", arguments: text },
    })),
  };
  const usage = { prompt_tokens: 5, completion_tokens: 5 };
  const id = { id: "a", object: "chat.completion.chunk", model: "kimi-k2" };
  if (!isStream)
    return Response.json({ ...id, choices: [{ index: 0, message, finish_reason: "tool_calls" }], usage });
  const chunks = [
    { ...id, choices: [{ index: 0, delta: message }] },
    { ...id, choices: [{ index: 0, delta: {}, finish_reason: "tool_calls" }] },
    { ...id, choices: [], usage },
  ];
  const text = [...chunks.map((chunk) => JSON.stringify(chunk)), "[DONE]"]
    .map((data) => formatSse(data))
    .join("");
  return new Response(text, { headers: { "content-type": "text/event-stream" } });
}

const tools = [{ type: "function", function: { name: "f", parameters: { type: "object" } } }];

async function ask(gateway: TestGateway, key: string, stream: boolean, messages: readonly Json[]) {
  const response = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: JSON.stringify({ model: "thinker", stream, tools, messages }),
  });
  return { status: response.status, text: await response.text() };
}

const question = { role: "user", content: "question" };
const called = (id: string, text: string) => ({
  role: "assistant",
  content: null,
  tool_calls: [{ id, type: "function", function: { name: "f", arguments: text } }],
});
const result = (id: string) => ({ role: "tool", tool_call_id: id, content: "done" });

test.each([[true], [false]])(
  "arguments deeper than the stack are answered, kept and booked (streamed: %p)",
  async (isStream) => {
    const { gateway, asked } = await start(() => [["call_0", DEEP]]);
    const limits = { budget: { limitNanoUsd: 10_000_000_000n, period: "total" } } as const;
    const key = await gateway.createKey({ limits });
    const first = await ask(gateway, key.secret, isStream, [question]);
    expect(first.status).toBe(200);
    expect(first.text.includes("[DONE]")).toBe(isStream);
    const second = await ask(gateway, key.secret, isStream, [
      question,
      called("call_0", DEEP),
      result("call_0"),
    ]);
    expect(second.status).toBe(200);
    const history = asArray(asked[1]?.["messages"]).map((message) => asObject(message));
    expect(history[1]?.["reasoning_content"]).toBe("thought 1");
    const rows = await gateway.rows(4);
    expect(rows.map((row) => row["outcome"])).toEqual(["ok", "ok", "ok", "ok"]);
    expect(gateway.app.world.limiter.peek(key.id, Date.now())?.heldNanoUsd).toBe(0n);
  },
);

test("a tool polled with one id and the same arguments gets each turn's own thoughts back", async () => {
  const { gateway, asked } = await start(() => [["call_0", "{}"]]);
  const messages: Json[] = [question];
  for (let turn = 0; turn < 3; turn += 1) {
    await ask(gateway, gateway.key, turn % 2 === 0, messages);
    messages.push(called("call_0", "{ }"), result("call_0"));
  }
  await ask(gateway, gateway.key, false, messages);
  const sent = asArray(asked.at(-1)?.["messages"]).map((message) => asObject(message)?.["reasoning_content"]);
  expect(sent.filter((text) => text !== undefined)).toEqual(["thought 1", "thought 2", "thought 3"]);
});

test.each([
  ["rejects", () => Promise.reject(new Error("a bug"))],
  [
    "throws",
    () => {
      throw new Error("a bug");
    },
  ],
])("a memory that %s ends the stream with an error and books it, and holds nothing", async (_, keep) => {
  const { gateway } = await start(() => [["call_0", "{}"]]);
  Object.assign(gateway.app.world, { thoughts: { keep, find: () => new Map() } });
  const limits = { budget: { limitNanoUsd: 10_000_000_000n, period: "total" } } as const;
  const key = await gateway.createKey({ limits });
  const streamed = await ask(gateway, key.secret, true, [question]);
  expect(streamed.text).toContain('"error"');
  expect(streamed.text).not.toContain("[DONE]");
  expect(streamed.text).not.toContain('finish_reason":"tool_calls');
  const whole = await ask(gateway, key.secret, false, [question]);
  expect(whole.status).toBe(500);
  const rows = await gateway.rows(4);
  const requests = rows.filter((row) => row["kind"] === "request");
  expect(requests.map((row) => row["outcome"])).toEqual(["failed", "failed"]);
  expect(gateway.app.world.limiter.peek(key.id, Date.now())?.heldNanoUsd).toBe(0n);
});

test("parts of a minute come to whole milliseconds, which is what the database takes", async () => {
  const gateway = await startGateway({
    config: "reasoning_memory: { ttl_minutes: 0.33333 }\nresponses: { ttl_hours: 0.0000013 }\n",
  });
  closers.push(() => gateway.stop());
  const { thoughts, keeping } = gateway.app.world.settings();
  expect([thoughts.ttlMs, keeping.ttlMs]).toEqual([20_000, 5]);
});
