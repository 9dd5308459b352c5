/** What a request is held for before it is asked, on keys whose money or tokens are limited. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import type { Json } from "#lib/json.ts";
import type { Limits } from "#model/caller.ts";
import {
  chatAnswer,
  plainAnswer,
  startScriptedUpstream,
  type ScriptedUpstream,
} from "./scripted-upstream.ts";
import { startGateway, type TestGateway } from "./start-gateway.ts";

const NANO_PER_TOKEN = 1_000n;
const ROOMY = 10_000_000_000n;
let upstream: ScriptedUpstream;
let gateway: TestGateway;

beforeAll(async () => {
  upstream = startScriptedUpstream();
  gateway = await startGateway({
    config: `connectors:
  chat: { type: openai-compatible, base_url: "${upstream.url}/v1", api_key: k }
  gem: { type: gemini, base_url: "${upstream.url}", api_key: k }
  own: { type: openai, base_url: "${upstream.url}/v1", api_key: k }
models:
  mc: { targets: [{ connector: chat, model: c1 }], retry: { backoff_ms: 1, backoff_max_ms: 2 } }
  mg: { targets: [{ connector: gem, model: gemini-2.5-flash }] }
  mo: { targets: [{ connector: own, model: gpt-5 }] }
prices:
  "chat/c1": { input_usd_per_mtok: 1, output_usd_per_mtok: 1 }
  "gem/gemini-2.5-flash": { input_usd_per_mtok: 1, output_usd_per_mtok: 1 }
  "own/gpt-5": { input_usd_per_mtok: 1, output_usd_per_mtok: 1 }
`,
  });
});
afterAll(async () => {
  await gateway.stop();
  await upstream.stop();
});
beforeEach(() => {
  upstream.asked.length = 0;
  upstream.answer = plainAnswer;
});

const withBudget = (limitNanoUsd: bigint): Limits => ({ budget: { limitNanoUsd, period: "total" } });

async function post(secret: string, path: string, body: object): Promise<Response> {
  const response = await fetch(gateway.url + path, {
    method: "POST",
    headers: { authorization: `Bearer ${secret}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return new Response(await response.text(), response);
}

const CHAT = "/v1/chat/completions";
const saying = (content: Json) => ({ model: "mc", messages: [{ role: "user", content }] });

/** What was held while the upstream worked, and what was spent when it had. */
async function heldAndSpent(limits: Limits, body: object, path = CHAT) {
  const key = await gateway.createKey({ limits });
  const use = () => gateway.app.world.limiter.peek(key.id, Date.now());
  const held: (bigint | undefined)[] = [];
  const { answer } = upstream;
  upstream.answer = (asked, where) => {
    held.push(use()?.heldNanoUsd);
    return answer(asked, where);
  };
  const response = await post(key.secret, path, body);
  return { response, held, spent: use()?.spentNanoUsd ?? 0n, left: use() };
}

describe("the prompt", () => {
  test("is held for with the thoughts that the gateway puts back into it", async () => {
    const call = { id: "call_0", type: "function", function: { name: "f", arguments: "{}" } };
    const details = [{ type: "reasoning.text", text: "7".repeat(5000), signature: "sig", format: "unknown" }];
    const message = { role: "assistant", content: null, tool_calls: [call] };
    upstream.answer = () =>
      Response.json({
        choices: [{ index: 0, message: { ...message, reasoning_details: details }, finish_reason: "stop" }],
        usage: { prompt_tokens: 1, completion_tokens: 1 },
      });
    const tools = [{ type: "function", function: { name: "f" } }];
    const asked = { ...saying("question"), tools, max_tokens: 1 };
    await heldAndSpent(withBudget(ROOMY), asked);
    const result = { role: "tool", tool_call_id: "call_0", content: "x" };
    const next = { ...asked, messages: [...asked.messages, message, result] };
    const { held } = await heldAndSpent(withBudget(ROOMY), next);
    expect(held[0] ?? 0n).toBeGreaterThan(5000n * NANO_PER_TOKEN);
    const other = { ...next, messages: [...saying("another").messages, message, result] };
    const without = await heldAndSpent(withBudget(ROOMY), other);
    expect(without.held[0] ?? 0n).toBeLessThan(5000n * NANO_PER_TOKEN);
  });

  test("in Chinese is held for as many tokens as it has bytes, which no tokenizer passes", async () => {
    upstream.answer = () => chatAnswer({ prompt_tokens: 9000, completion_tokens: 1 });
    const asked = { ...saying("汉".repeat(3000)), max_tokens: 1 };
    const { held, spent } = await heldAndSpent(withBudget(ROOMY), asked);
    expect(spent).toBe(9001n * NANO_PER_TOKEN);
    expect(held[0] ?? 0n).toBeGreaterThanOrEqual(spent);
  });

  test("is held for its pictures, not for their base64", async () => {
    const url = `data:image/png;base64,${"A".repeat(400_000)}`;
    const asked = { ...saying([{ type: "image_url", image_url: { url } }]), max_tokens: 1 };
    const { held } = await heldAndSpent(withBudget(ROOMY), asked);
    expect(held[0] ?? 0n).toBeGreaterThan(10_000n * NANO_PER_TOKEN);
    expect(held[0] ?? 0n).toBeLessThan(10_500n * NANO_PER_TOKEN);
  });

  test("asked at a cheaper tier is held at the standard price, which it may be served at", async () => {
    const asked = { ...saying("hi"), max_tokens: 1000 };
    const standard = await heldAndSpent(withBudget(ROOMY), { ...asked, service_tier: "default" });
    const flex = await heldAndSpent(withBudget(ROOMY), { ...asked, service_tier: "flex" });
    // The longer word is part of the body.
    expect((standard.held[0] ?? 0n) - (flex.held[0] ?? 0n)).toBeLessThan(5n * NANO_PER_TOKEN);
  });
});

describe("an answer nobody bounded", () => {
  const gemini = { contents: [{ role: "user", parts: [{ text: "hi" }] }] };
  const rows = [
    { name: "Chat Completions", path: CHAT, body: saying("hi"), sent: { max_tokens: 4096 } },
    {
      name: "a bound that is null",
      path: CHAT,
      body: { ...saying("hi"), max_completion_tokens: null },
      sent: { max_tokens: 4096 },
    },
    {
      name: "Gemini",
      path: "/v1beta/models/mg:generateContent",
      body: { ...gemini, generationConfig: { temperature: 0.5 } },
      sent: { generationConfig: { temperature: 0.5, maxOutputTokens: 16_384 } },
    },
    {
      name: "Gemini in snake case",
      path: "/v1beta/models/mg:generateContent",
      body: { ...gemini, generation_config: { max_output_tokens: null } },
      sent: { generation_config: { maxOutputTokens: 16_384 } },
    },
    {
      name: "Responses",
      path: "/v1/responses",
      body: { model: "mo", input: "hi" },
      sent: { max_output_tokens: 16_384 },
    },
    {
      name: "Chat Completions to a model that thinks",
      path: CHAT,
      body: { ...saying("hi"), model: "mo" },
      sent: { max_completion_tokens: 16_384 },
    },
    {
      name: "Responses, translated",
      path: "/v1/responses",
      body: { model: "mc", input: "hi" },
      sent: { max_tokens: 4096 },
    },
  ];
  test.each(rows)(
    "$name: goes up with the bound it is held for, where there is a budget",
    async ({ path, body, sent }) => {
      const { held } = await heldAndSpent(withBudget(ROOMY), body, path);
      expect(upstream.asked).toHaveLength(1);
      expect(upstream.asked[0]).toMatchObject(sent);
      const bound = BigInt(JSON.stringify(sent).includes("16384") ? 16_384 : 4096);
      expect(held[0] ?? 0n).toBeGreaterThan(bound * NANO_PER_TOKEN);
      expect(held[0] ?? 0n).toBeLessThan((bound + 500n) * NANO_PER_TOKEN);
    },
  );

  test("gets its bound beside bytes that stay as the caller wrote them", async () => {
    const sent: string[] = [];
    const own = await startGateway({
      config: `connectors:
  chat: { type: openai-compatible, base_url: "${upstream.url}/v1", api_key: k }
models:
  mc: { targets: [{ connector: chat, model: c1 }] }
prices:
  "chat/c1": { input_usd_per_mtok: 1, output_usd_per_mtok: 1 }
`,
      async upstream(_url, init) {
        sent.push(await new Response(init.body ?? "").text());
        return chatAnswer({ prompt_tokens: 1, completion_tokens: 1 });
      },
    });
    const { secret } = await own.createKey({ limits: withBudget(ROOMY) });
    const rest = `"seed": 1234567890123456789, "n": 1.0, "messages" :[{"role":"user","content":"hi"}]`;
    await fetch(own.url + CHAT, {
      method: "POST",
      headers: { authorization: `Bearer ${secret}`, "content-type": "application/json" },
      body: `{ "model": "mc", ${rest} }`,
    });
    await own.stop();
    expect(sent).toEqual([`{ "model": "c1", ${rest} ,"max_tokens":4096}`]);
  });

  test("stays unbounded where there is no budget, and is a debt of the minute where there is a limit of tokens", async () => {
    upstream.answer = () => chatAnswer({ completion_tokens: 50_000 });
    const { response, left } = await heldAndSpent({ tokensPerMinute: 10_000 }, saying("hi"));
    expect(response.status).toBe(200);
    expect(upstream.asked[0]).toEqual({ ...saying("hi"), model: "c1" });
    expect(left?.remainingTokensThisMinute).toBe(0);
  });

  test("keeps the caller's own bound", async () => {
    await heldAndSpent(withBudget(ROOMY), { ...saying("hi"), max_completion_tokens: 7 });
    expect(upstream.asked[0]).toMatchObject({ max_completion_tokens: 7 });
    expect(upstream.asked[0]).not.toHaveProperty("max_tokens");
  });

  test.each([
    { max_tokens: 1e15, n: 100 },
    { max_tokens: Number.MAX_SAFE_INTEGER, n: 128 },
  ])("%j: a bound nobody can pay for is refused as over budget", async (bound) => {
    const { response } = await heldAndSpent(withBudget(ROOMY), { ...saying("hi"), ...bound });
    expect(response.status).toBe(402);
  });
});

test("a key rotated with grace has one budget and one day with its successor", async () => {
  const limits: Limits = { ...withBudget(1_000_000n), requestsPerDay: 5 };
  upstream.answer = () => chatAnswer({ prompt_tokens: 100, completion_tokens: 100 });
  const old = await gateway.createKey({ limits });
  const asked = { ...saying("hi"), max_tokens: 100 };
  expect((await post(old.secret, CHAT, asked)).status).toBe(200);
  const fresh = await gateway.app.keys.rotate(old.id, { graceMs: 3_600_000 });
  const statuses: number[] = [];
  for (let turn = 0; turn < 3; turn++) {
    for (const secret of [old.secret, fresh.secret]) statuses.push((await post(secret, CHAT, asked)).status);
  }
  expect(statuses).toEqual([200, 200, 200, 200, 429, 429]);
  const use = gateway.app.world.limiter.peek(old.id, Date.now());
  expect(use).toMatchObject({ spentNanoUsd: 1_000_000n, heldNanoUsd: 0n, remainingRequestsToday: 0 });
});
