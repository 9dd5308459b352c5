/** Holding for a further attempt: what the earlier ones cost, and the worst case of the next. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { Attempt, Exchange } from "#gateway/exchange.ts";
import { holdAnother, reserve } from "#gateway/admit.ts";
import { Failure } from "#model/failure.ts";
import type { Usage } from "#model/usage.ts";
import { bareRequest } from "./bare-request.ts";
import { startGateway, type TestGateway } from "./start-gateway.ts";

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startGateway({
    config: `connectors:
  cheap: { type: openai-compatible, base_url: "http://127.0.0.1:1/v1", api_key: k }
  dear: { type: openai-compatible, base_url: "http://127.0.0.1:1/v1", api_key: k }
models:
  m: { targets: [{ connector: cheap, model: a }, { connector: dear, model: a }] }
prices:
  "cheap/a": { input_usd_per_mtok: 1, output_usd_per_mtok: 1 }
  "dear/a": { input_usd_per_mtok: 3, output_usd_per_mtok: 3 }
`,
  });
});
afterAll(() => gateway.stop());

/** A request of a hundred tokens at most, thirty of them in its prompt. */
async function begin(limits: { readonly budget?: bigint; readonly tokens?: number }) {
  const { world } = gateway.app;
  const settings = world.settings();
  const key = await gateway.createKey({
    limits: {
      ...(limits.budget !== undefined && { budget: { limitNanoUsd: limits.budget, period: "total" } }),
      ...(limits.tokens !== undefined && { tokensPerMinute: limits.tokens }),
    },
  });
  const protocol = world.protocols["openai-chat"];
  const exchange = new Exchange({
    id: world.newId(),
    inbound: { request: bareRequest(), protocol },
    settings,
    startedMs: world.clock.monotonicMs(),
    createdAtMs: world.clock.nowMs(),
  });
  exchange.caller = await world.keys.verify(key.secret);
  exchange.admission = await world.limiter.admit(exchange.caller, exchange.createdAtMs);
  exchange.text = "a".repeat(90);
  const route = settings.resolve("m");
  if (!route) throw new Error("the model is there");
  reserve(world, exchange, { stream: false, outputTokensMax: 70 }, route);
  const [cheap, dear] = route.targets;
  if (!cheap || !dear) throw new Error("both targets are there");
  const attempt = (usage: Usage, status = 200) => {
    const entry = new Attempt(exchange.attempts.length + 1, cheap, 0);
    entry.reachedUpstream = true;
    entry.status = status;
    entry.usage = usage;
    entry.failure = new Failure("upstream_empty", "Nothing came.");
    exchange.attempts.push(entry);
  };
  const use = () => world.limiter.peek(key.id, world.clock.nowMs());
  return { attempt, use, another: () => holdAnother(world, exchange, dear) };
}

const kindOf = (work: () => void) => {
  try {
    work();
    return "held";
  } catch (error) {
    return error instanceof Failure ? error.kind : error;
  }
};

test("adds what the earlier attempts cost to the worst case of the next", async () => {
  const { attempt, use, another } = await begin({ budget: 500_000n });
  expect(use()?.heldNanoUsd).toBe(300_000n);
  attempt({ input: 30, output: 70 });
  another();
  expect(use()?.heldNanoUsd).toBe(400_000n);
  attempt({ input: 30, output: 70 });
  another();
  expect(use()?.heldNanoUsd).toBe(500_000n);
  attempt({ input: 1, output: 0 });
  expect(kindOf(another)).toBe("over_budget");
  expect(use()?.heldNanoUsd).toBe(500_000n);
});

test("asks for nothing more where the earlier attempts cost nothing", async () => {
  const { attempt, use, another } = await begin({ budget: 300_000n, tokens: 100 });
  attempt({}, 503);
  attempt({}, 0);
  expect(kindOf(another)).toBe("held");
  expect(use()?.heldNanoUsd).toBe(300_000n);
});

test("counts the tokens of the minute, too", async () => {
  const { attempt, another, use } = await begin({ tokens: 200 });
  attempt({ input: 30, output: 60 });
  expect(kindOf(another)).toBe("held");
  expect(use()?.remainingTokensThisMinute).toBe(10);
});

test("is nothing to a key without limits", async () => {
  const { attempt, another, use } = await begin({});
  attempt({ input: 30, output: 70 });
  expect(kindOf(another)).toBe("held");
  expect(use()).toEqual({ inFlight: 1 });
});
