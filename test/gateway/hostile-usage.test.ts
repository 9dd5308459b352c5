/** An upstream whose counts are absurd: nobody's limits are refilled, no slot is lost, every request has its row. */
import { afterAll, beforeAll, beforeEach, expect, spyOn, test } from "bun:test";
import {
  chatAnswer,
  plainAnswer,
  startScriptedUpstream,
  type ScriptedUpstream,
} from "./scripted-upstream.ts";
import { startGateway, type TestGateway } from "./start-gateway.ts";
import { until } from "./until.ts";

let upstream: ScriptedUpstream;
let gateway: TestGateway;

beforeAll(async () => {
  upstream = startScriptedUpstream();
  gateway = await startGateway({
    config: `connectors:
  chat: { type: openai-compatible, base_url: "${upstream.url}/v1", api_key: k }
models:
  mc: { targets: [{ connector: chat, model: c1 }], retry: { backoff_ms: 1, backoff_max_ms: 2 } }
prices:
  "chat/c1": { input_usd_per_mtok: 1, output_usd_per_mtok: 1 }
`,
  });
});
afterAll(async () => {
  await gateway.stop();
  await upstream.stop();
});
beforeEach(() => {
  upstream.answer = plainAnswer;
});

function ask(secret: string, fields: object = {}): Promise<Response> {
  return fetch(`${gateway.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${secret}`, "content-type": "application/json" },
    body: JSON.stringify({
      model: "mc",
      max_tokens: 20,
      messages: [{ role: "user", content: "hi" }],
      ...fields,
    }),
  });
}

const use = (keyId: string) => gateway.app.world.limiter.peek(keyId, Date.now());
const limits = {
  concurrencyMax: 1,
  tokensPerMinute: 1_000,
  budget: { limitNanoUsd: 10_000_000n, period: "total" },
} as const;

// JSON has no NaN; 1e999 is how it says infinity.
const absurd = ["-1000000", "1.7e308", "1e999", "-0.5", '"many"', "null"];
test.each(absurd)(
  "a count of %s is not believed: what was delivered is estimated and paid for",
  async (count) => {
    const key = await gateway.createKey({ limits });
    const usage = `{"prompt_tokens":${count},"completion_tokens":${count},"total_tokens":${count},"cost":${count}}`;
    upstream.answer = async () => {
      const body = await chatAnswer({}, "x".repeat(400)).text();
      return new Response(body.replace(/"usage":\{.*?\}/, `"usage":${usage}`), {
        headers: { "content-type": "application/json" },
      });
    };
    const response = await ask(key.secret);
    expect(response.status).toBe(200);
    await response.text();
    const after = use(key.id);
    expect(after).toMatchObject({ inFlight: 0, heldNanoUsd: 0n });
    expect(after?.spentNanoUsd ?? 0n).toBeGreaterThanOrEqual(100_000n);
    expect(after?.remainingTokensThisMinute ?? 0).toBeLessThan(900);
    const row = await until("its row", async () => {
      const [found] = await gateway.database
        .sql`SELECT * FROM usage_logs WHERE key_id = ${key.id} AND kind = 'request'`;
      return found;
    });
    expect(row).toMatchObject({ outcome: "ok", is_estimated: 1n, output_tokens: 100n });
    expect(row["cost_nano_usd"]).toBe(after?.spentNanoUsd);
  },
);

const stream = (...events: readonly string[]) =>
  new Response(events.map((event) => `data: ${event}\n\n`).join(""), {
    headers: { "content-type": "text/event-stream" },
  });
const delta = (content: string) =>
  JSON.stringify({ id: "x", object: "chat.completion.chunk", choices: [{ index: 0, delta: { content } }] });

test("an answer that is cut after a large picture is booked for a picture and the bytes of its text", async () => {
  const key = await gateway.createKey({
    limits: { budget: { limitNanoUsd: 1_000_000_000n, period: "total" } },
  });
  upstream.answer = () => stream(delta("汉".repeat(40)));
  const url = `data:image/png;base64,${"A".repeat(4_000_000)}`;
  const content = [{ type: "image_url", image_url: { url } }];
  const response = await ask(key.secret, { stream: true, messages: [{ role: "user", content }] });
  expect(await response.text()).toContain('"error"');
  // 1,500 tokens for the picture, four for its turn, 120 bytes of text at four to a token; a thousand nano-dollars each.
  expect(use(key.id)).toMatchObject({ heldNanoUsd: 0n, spentNanoUsd: (1_504n + 30n) * 1_000n });
});

test("a price that cannot be worked out costs the caller nothing, is on file as unknown, and leaves no slot behind", async () => {
  const key = await gateway.createKey({ limits: { concurrencyMax: 1 } });
  const fault = spyOn(gateway.app.world.settings().prices, "cost").mockImplementation(() => {
    throw new RangeError("a bug in the price book");
  });
  try {
    const response = await ask(key.secret);
    expect(response.status).toBe(200);
    expect(response.headers.get("x-xjp-cost-usd")).toBeNull();
    await response.text();
  } finally {
    fault.mockRestore();
  }
  expect(use(key.id)).toEqual({ inFlight: 0 });
  const rows = await until("both rows", async () => {
    const found = await gateway.database
      .sql`SELECT kind, cost_nano_usd, cost_source, is_estimated FROM usage_logs WHERE key_id = ${key.id} ORDER BY kind`;
    return found.length === 2 ? [...found] : undefined;
  });
  const unknown = { cost_nano_usd: null, cost_source: "unknown", is_estimated: 1n };
  expect(rows).toEqual([
    { kind: "attempt", ...unknown },
    { kind: "request", ...unknown },
  ]);
  expect(gateway.logLines.some((line) => line.includes("a bug in the price book"))).toBe(true);
});
