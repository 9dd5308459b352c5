/**
 * A client that leaves: its upstream is closed within 100 ms, its slot and hold come back, and its row says so. In
 * every client API on every upstream API, before the first byte, in the middle of a stream, and for a whole answer.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { allClientApis, callApi, type AnyClientApi } from "./call-api.ts";
import { model, startMatrix, upstreamApis, type Matrix, type UpstreamApi } from "./start-matrix.ts";
import { preciseNowMs, until } from "./until.ts";

const CLOSED_WITHIN_MS = 100;

let matrix: Matrix;
beforeAll(async () => {
  matrix = await startMatrix({
    models: ["demo", "demo-fault-hang", "demo-fault-stall", "demo-lorem-5000-d20"],
    settings: ["breaker: { requests_min: 1000 }"],
    config: `prices: { ${upstreamApis.flatMap((api) => ["demo-fault-hang", "demo-fault-stall", "demo-lorem-5000-d20"].map((name) => `"${api}/${name}": { input_usd_per_mtok: 1, output_usd_per_mtok: 1 }`)).join(", ")} }\n`,
  });
});
afterAll(() => matrix.stop());

interface Leaving {
  readonly client: AnyClientApi;
  readonly upstream: UpstreamApi;
  readonly demoModel: string;
  readonly stream: boolean;
  /** Whether the client waits for the first bytes before it leaves. */
  readonly afterBytes: boolean;
}

async function leave({ client, upstream, demoModel, stream, afterBytes }: Leaving) {
  const { gateway, demo } = matrix;
  await demo.reset();
  const key = await gateway.createKey({
    limits: { concurrencyMax: 1, budget: { limitNanoUsd: 1_000_000_000n, period: "total" } },
  });
  const abort = new AbortController();
  const asked = callApi(gateway, {
    api: client,
    model: model(demoModel, upstream),
    stream,
    key: key.secret,
    signal: abort.signal,
  });
  const outcome = asked.then(
    (response) => response,
    () => undefined,
  );
  await until("the request upstream", async () => (await demo.requests())[0]);
  if (afterBytes) {
    const response = await outcome;
    const { value } = (await response?.body?.getReader().read()) ?? {};
    expect(value?.length).toBeGreaterThan(0);
  }
  const leftAtMs = preciseNowMs();
  abort.abort();
  const seen = await until("the abort upstream", async () => {
    const [request] = await demo.requests();
    return request?.aborted === true ? request : undefined;
  });
  expect((seen.abortedAtMs ?? Infinity) - leftAtMs).toBeLessThan(CLOSED_WITHIN_MS);
  const rows = await until("both rows", async () => {
    const found = await gateway.database.sql`SELECT * FROM usage_logs WHERE key_id = ${key.id} ORDER BY kind`;
    return found.length >= 2 ? [...found] : undefined;
  });
  expect(rows.map((row) => [row.kind, row.outcome, Number(row.status)])).toEqual([
    ["attempt", "client_cancelled", stream && afterBytes ? 200 : 0],
    ["request", "client_cancelled", 499],
  ]);
  const use = gateway.app.world.limiter.peek(key.id, Date.now());
  expect(use).toMatchObject({ inFlight: 0, heldNanoUsd: 0n });
}

for (const upstream of upstreamApis) {
  describe.each(allClientApis)(`%s client on ${upstream}`, (client) => {
    test("leaves while a stream has not begun", () =>
      leave({ client, upstream, demoModel: "demo-fault-hang", stream: true, afterBytes: false }));
    test("leaves while a whole answer is awaited", () =>
      leave({ client, upstream, demoModel: "demo-fault-hang", stream: false, afterBytes: false }));
    test("leaves in a stream that flows", () =>
      leave({ client, upstream, demoModel: "demo-lorem-5000-d20", stream: true, afterBytes: true }));
    test("leaves in a stream that is silent", () =>
      leave({ client, upstream, demoModel: "demo-fault-stall", stream: true, afterBytes: true }));
  });
}

test("each close is timed in xjp_upstream_cancel_seconds", async () => {
  const cells = allClientApis.length * upstreamApis.length * 4;
  const metrics = await (await fetch(`${matrix.gateway.url}/metrics`)).text();
  expect(Number(/^xjp_upstream_cancel_seconds_count (\d+)$/m.exec(metrics)?.[1])).toBe(cells);
  // From the gateway's seeing the client leave to the close: the network's part is not in it.
  expect(Number(/^xjp_upstream_cancel_seconds_bucket{le="0.1"} (\d+)$/m.exec(metrics)?.[1])).toBe(cells);
});

test("a Gemini client of the JSON array form leaves", async () => {
  const { gateway, demo } = matrix;
  await demo.reset();
  const abort = new AbortController();
  const name = model("demo-lorem-5000-d20", "openai-chat");
  const response = await fetch(`${gateway.url}/v1beta/models/${name}:streamGenerateContent`, {
    method: "POST",
    headers: { "x-goog-api-key": gateway.key, "content-type": "application/json" },
    body: JSON.stringify({ contents: [{ role: "user", parts: [{ text: "hi" }] }] }),
    signal: abort.signal,
  });
  await response.body?.getReader().read();
  const leftAtMs = preciseNowMs();
  abort.abort();
  const seen = await until("the abort upstream", async () => {
    const [request] = await demo.requests();
    return request?.aborted === true ? request : undefined;
  });
  expect((seen.abortedAtMs ?? Infinity) - leftAtMs).toBeLessThan(CLOSED_WITHIN_MS);
});

test("after a storm of leaving clients nothing is held, and the next answer is good", async () => {
  const { gateway } = matrix;
  const key = await gateway.createKey({ limits: { concurrencyMax: 50 } });
  const asked = { api: "openai-chat", model: model("demo-lorem-5000-d20", "gemini"), stream: true } as const;
  await Promise.all(
    Array.from({ length: 50 }, async (_, index) => {
      const abort = new AbortController();
      const response = callApi(gateway, { ...asked, key: key.secret, signal: abort.signal });
      if (index % 2 === 0) {
        abort.abort();
        return response.catch(() => undefined);
      }
      await (await response).body?.getReader().read();
      return abort.abort();
    }),
  );
  await until("all slots back", async () => {
    const use = gateway.app.world.limiter.peek(key.id, Date.now());
    return use === undefined || use.inFlight === 0 ? true : undefined;
  });
  const next = await callApi(gateway, {
    api: "anthropic-messages",
    model: model("demo", "gemini"),
    stream: false,
    key: key.secret,
  });
  expect(next.status).toBe(200);
  await next.text();
  const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
  expect(metrics).toContain("xjp_active_connections 0");
});
