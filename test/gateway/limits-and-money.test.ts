/** Limits and money at the gateway: what is enforced, what is told, what is recorded. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { allClientApis, callApi } from "./call-api.ts";
import { model, startMatrix, upstreamApis, type Matrix } from "./start-matrix.ts";
import { until } from "./until.ts";

const USD = 1_000_000_000n;
let matrix: Matrix;
beforeAll(async () => {
  // Three tokens in and ten out at these prices: 13 cents an answer.
  const price = "{ input_usd_per_mtok: 10000, output_usd_per_mtok: 10000 }";
  matrix = await startMatrix({
    models: ["demo", "demo-fault-hang", "demo-lorem-5000-d20"],
    config: `prices:\n${upstreamApis
      .filter((api) => api !== "gemini")
      .flatMap((api) => ["demo", "demo-lorem-5000-d20"].map((name) => `  ${api}/${name}: ${price}\n`))
      .join("")}`,
  });
});
afterAll(() => matrix.stop());

const plain = {
  api: "openai-chat",
  model: model("demo", "openai-chat"),
  stream: false,
  text: "how are you",
} as const;
const rowsOf = async (keyId: string) => [
  ...(await matrix.gateway.database
    .sql`SELECT * FROM usage_logs WHERE key_id = ${keyId} ORDER BY created_at, id`),
];

describe.each(allClientApis)("%s", (api) => {
  const call = { ...plain, api };
  const rateName = (field: string) =>
    api === "anthropic-messages" ? `anthropic-ratelimit-requests-${field}` : `x-ratelimit-${field}-requests`;

  test.each([
    ["requestsPerMinute", 60],
    ["requestsPerDay", 86_400],
  ] as const)(
    "%s: counted in headers, refused with the truth of when to come back",
    async (limit, longestSeconds) => {
      const key = await matrix.gateway.createKey({ limits: { [limit]: 2 } });
      const seen: (string | null)[] = [];
      for (const status of [200, 200, 429]) {
        const response = await callApi(matrix.gateway, { ...call, key: key.secret });
        expect(response.status).toBe(status);
        seen.push(response.headers.get(rateName("remaining")));
        expect(response.headers.get(rateName("limit"))).toBe("2");
        if (status !== 200) {
          const seconds = Number(response.headers.get("retry-after"));
          expect(seconds).toBeGreaterThan(0);
          expect(seconds).toBeLessThanOrEqual(longestSeconds);
        }
        await response.text();
      }
      expect(seen).toEqual(["1", "0", "0"]);
    },
  );

  test("concurrency: the slot is refused while it is taken, and free when it is not", async () => {
    const key = await matrix.gateway.createKey({ limits: { concurrencyMax: 1 } });
    const abort = new AbortController();
    const name = model("demo-lorem-5000-d20", "openai-chat");
    const open = await callApi(matrix.gateway, {
      ...call,
      model: name,
      stream: true,
      key: key.secret,
      signal: abort.signal,
    });
    expect(open.status).toBe(200);
    expect((await callApi(matrix.gateway, { ...call, key: key.secret })).status).toBe(429);
    abort.abort();
    await until("the slot", async () => {
      const next = await callApi(matrix.gateway, { ...call, key: key.secret });
      await next.text();
      return next.status === 200 ? true : undefined;
    });
  });

  test("tokens per minute: what a full bucket cannot hold empties it, the next is refused before any upstream", async () => {
    const key = await matrix.gateway.createKey({ limits: { tokensPerMinute: 100 } });
    const asked = {
      ...call,
      model: model("demo-lorem-5000-d20", "openai-chat"),
      stream: true,
      key: key.secret,
    };
    const abort = new AbortController();
    const first = await callApi(matrix.gateway, { ...asked, signal: abort.signal });
    expect(first.status).toBe(200);
    const second = await callApi(matrix.gateway, { ...asked, model: plain.model, stream: false });
    abort.abort();
    expect(second.status).toBe(429);
    expect(Number(second.headers.get("retry-after"))).toBeGreaterThan(0);
    await second.text();
    const row = await until("its row", async () =>
      (await rowsOf(key.id)).find((found) => found.outcome === "refused"),
    );
    expect(Number(row.attempts)).toBe(0);
  });

  test("cost is told in a header and booked to the nano-dollar, tags stay on the row", async () => {
    const key = await matrix.gateway.createKey();
    const response = await callApi(matrix.gateway, {
      ...call,
      key: key.secret,
      headers: { "x-xjp-tags": "team=blue,run=7,=nameless,__proto__=x" },
    });
    await response.text();
    expect(Number(response.headers.get("x-xjp-cost-usd"))).toBeCloseTo(0.13, 9);
    expect(response.headers.get("x-xjp-target")).toBe("openai-chat/demo");
    expect(response.headers.get("x-xjp-model")).toBe(plain.model);
    const rows = await until("both rows", async () => {
      const found = await rowsOf(key.id);
      return found.length >= 2 ? found : undefined;
    });
    expect(rows.map((row) => BigInt(String(row.cost_nano_usd)))).toEqual([130_000_000n, 130_000_000n]);
    const request = rows.find((row) => row.kind === "request");
    expect(JSON.parse(String(request?.tags))).toMatchObject({ team: "blue", run: "7" });
  });
});

test("what an upstream cannot express is listed, or refused by name in strict mode", async () => {
  const call = {
    ...plain,
    model: model("demo", "anthropic-messages"),
    fields: { logit_bias: { "1": 5 }, seed: 7 },
  };
  const loose = await callApi(matrix.gateway, call);
  expect(loose.status).toBe(200);
  expect(loose.headers.get("x-xjp-dropped")?.split(",").toSorted()).toEqual(["logit_bias", "seed"]);
  await loose.text();
  const strict = await callApi(matrix.gateway, { ...call, headers: { "x-xjp-strict": "true" } });
  expect(strict.status).toBe(400);
  expect(await strict.text()).toMatch(/logit_bias|seed/);
});

test("two hundred at once never spend more than the budget and one hold; nothing is held after", async () => {
  const limitNanoUsd = 5n * USD;
  const key = await matrix.gateway.createKey({ limits: { budget: { limitNanoUsd, period: "total" } } });
  const asked = Array.from({ length: 200 }, (_, index) =>
    callApi(matrix.gateway, {
      ...plain,
      api: index % 2 === 0 ? "openai-chat" : "anthropic-messages",
      stream: index % 3 === 0,
      key: key.secret,
      fields: { max_tokens: 20 },
    }),
  );
  const answers = await Promise.all(
    asked.map(async (asking) => {
      const response = await asking;
      await response.text();
      return response.status;
    }),
  );
  expect(new Set(answers)).toEqual(new Set([200, 402]));
  const rows = await until("a row of each", async () => {
    const found = (await rowsOf(key.id)).filter((row) => row.kind === "request");
    return found.length === 200 ? found : undefined;
  });
  const spent = rows.reduce((sum, row) => sum + BigInt(Number(row.cost_nano_usd ?? 0)), 0n);
  expect(spent).toBeLessThanOrEqual(limitNanoUsd);
  expect(spent).toBe(BigInt(answers.filter((status) => status === 200).length) * 130_000_000n);
  const use = matrix.gateway.app.world.limiter.peek(key.id, Date.now());
  expect(use).toMatchObject({ inFlight: 0, heldNanoUsd: 0n, spentNanoUsd: spent });
  // What is left is not blocked by what was held in passing.
  const more = await callApi(matrix.gateway, { ...plain, key: key.secret, fields: { max_tokens: 20 } });
  expect(more.status).toBe(spent + 600_000_000n <= limitNanoUsd ? 200 : 402);
  await more.text();
});

test("a price nobody knows is refused to a key with a budget, and free of cost to none", async () => {
  const budgeted = await matrix.gateway.createKey({
    limits: { budget: { limitNanoUsd: USD, period: "day" } },
  });
  const unpriced = { ...plain, model: model("demo", "gemini") };
  const refused = await callApi(matrix.gateway, { ...unpriced, key: budgeted.secret });
  expect(refused.status).toBe(402);
  expect(await refused.text()).toContain("price_unknown");
  const anthropic = await callApi(matrix.gateway, {
    ...unpriced,
    api: "anthropic-messages",
    key: budgeted.secret,
  });
  expect(await anthropic.text()).toContain("price_unknown");
  const open = await matrix.gateway.createKey();
  const answered = await callApi(matrix.gateway, { ...unpriced, key: open.secret });
  expect(answered.status).toBe(200);
  expect(answered.headers.get("x-xjp-cost-usd")).toBeNull();
  await answered.text();
  const rows = await until("both rows", async () => {
    const found = await rowsOf(open.id);
    return found.length >= 2 ? found : undefined;
  });
  // Unknown is unknown, never 0.
  expect(rows.map((row) => [row.cost_nano_usd, row.cost_source])).toEqual([
    [null, "unknown"],
    [null, "unknown"],
  ]);
});
