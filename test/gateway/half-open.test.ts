/**
 * The probe of a half-open breaker that was never sent tells nothing: its permit comes back, so that the next request
 * probes at once. A permit that is lost keeps a well target away for ever.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { attempt, type Send } from "#gateway/attempt.ts";
import { decode } from "#gateway/decode.ts";
import { Exchange } from "#gateway/exchange.ts";
import { send } from "#gateway/send.ts";
import { Cancellation } from "#lib/cancellation.ts";
import { Failure } from "#model/failure.ts";
import { bareRequest } from "./bare-request.ts";
import { callApi } from "./call-api.ts";
import { startScriptedUpstream, type ScriptedUpstream } from "./scripted-upstream.ts";
import { startGateway, type TestGateway } from "./start-gateway.ts";
import { until } from "./until.ts";

const COOLDOWN_MS = 20;

let upstream: ScriptedUpstream;
let gateway: TestGateway;

beforeAll(async () => {
  upstream = startScriptedUpstream();
  const breaker = `breaker: { requests_min: 1, cooldown_ms: ${COOLDOWN_MS} }`;
  gateway = await startGateway({
    config: `connectors:
  up: { type: openai-compatible, base_url: "${upstream.url}/v1", api_key: k }
  claude: { type: anthropic, base_url: "${upstream.url}", api_key: k }
models:
  plain: { targets: [{ connector: up, model: plain }], ${breaker}, retry: { attempts_max: 1 } }
  left: { targets: [{ connector: up, model: left }], ${breaker} }
  picky: { targets: [{ connector: claude, model: picky }], ${breaker}, retry: { attempts_max: 1 } }
  held: { targets: [{ connector: claude, model: cheap }, { connector: up, model: held }], ${breaker} }
prices:
  "claude/cheap": { input_usd_per_mtok: 1, output_usd_per_mtok: 1 }
  "up/held": { input_usd_per_mtok: 1, output_usd_per_mtok: 1 }
`,
  });
});

afterAll(async () => {
  await gateway.stop();
  await upstream.stop();
});

/** The target's breaker, its cooldown over: the next permit is the probe's. */
async function breakTarget(model: string, id: string) {
  const { world } = gateway.app;
  const route = world.settings().resolve(model);
  if (!route) throw new Error(`no model ${model}`);
  const { breaker } = world.health.of(id, route);
  breaker.acquire(world.clock.monotonicMs())?.fail(world.clock.monotonicMs());
  expect(breaker.state).toBe("open");
  await until("the cooldown", () => {
    const nowMs = world.clock.monotonicMs();
    return breaker.availableAtMs(nowMs) <= nowMs || undefined;
  });
  return { breaker, route };
}

/** Nothing was learnt and nothing is lost: still half-open, and the next permit is there now. */
function expectNextProbe(breaker: Awaited<ReturnType<typeof breakTarget>>["breaker"]): void {
  expect(breaker.state).toBe("half_open");
  const nowMs = gateway.app.world.clock.monotonicMs();
  expect(breaker.availableAtMs(nowMs)).toBeLessThanOrEqual(nowMs);
  expect(breaker.acquire(nowMs)).toBeDefined();
}

function cancelled(): Cancellation {
  const cancellation = new Cancellation();
  cancellation.cancel(undefined);
  return cancellation;
}

async function exchangeFor(model: string, client: Cancellation, limitNanoUsd?: bigint): Promise<Exchange> {
  const { world } = gateway.app;
  const key = await gateway.createKey(
    limitNanoUsd === undefined ? {} : { limits: { budget: { limitNanoUsd, period: "total" } } },
  );
  const exchange = new Exchange({
    id: world.newId(),
    inbound: { request: bareRequest(client), protocol: world.protocols["openai-chat"] },
    settings: world.settings(),
    startedMs: world.clock.monotonicMs(),
    createdAtMs: world.clock.nowMs(),
  });
  exchange.caller = await world.keys.verify(key.secret);
  exchange.admission = await world.limiter.admit(exchange.caller, exchange.createdAtMs);
  exchange.raw = { model, messages: [{ role: "user", content: "hi" }] };
  exchange.text = JSON.stringify(exchange.raw);
  exchange.chat = decode(world, exchange);
  return exchange;
}

const failureOf = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  );

test("a request that the connector refuses leaves the probe to the next", async () => {
  const { breaker } = await breakTarget("picky", "claude/picky");
  const asked = upstream.asked.length;
  const sound = { type: "input_audio", input_audio: { data: "AAAA", format: "wav" } };
  const response = await callApi(gateway, {
    api: "openai-chat",
    model: "picky",
    stream: false,
    fields: { messages: [{ role: "user", content: [sound] }] },
  });
  expect(response.status).toBe(400);
  expect(upstream.asked.length).toBe(asked);
  expectNextProbe(breaker);
});

test("a client that left before anything was sent leaves the probe to the next", async () => {
  const { breaker, route } = await breakTarget("left", "up/left");
  const asked = upstream.asked.length;
  const exchange = await exchangeFor("left", cancelled());
  const failure = await failureOf(attempt(gateway.app.world, exchange, route, send));
  expect(failure).toMatchObject({ kind: "cancelled" });
  expect(exchange.attempts.map((entry) => entry.reachedUpstream)).toEqual([false]);
  expect(upstream.asked.length).toBe(asked);
  expectNextProbe(breaker);
});

test("an attempt that the caller's budget does not cover leaves the probe to the next", async () => {
  const { breaker, route } = await breakTarget("held", "up/held");
  const exchange = await exchangeFor("held", new Cancellation(), 1_000_000n);
  exchange.worstAttempt = { inputTokens: 10, outputTokensMax: 100 };
  /** The first target's answer costs all there is, and was worth nothing. */
  const costly: Send<never> = async (_, __, entry) => {
    entry.reachedUpstream = true;
    entry.status = 200;
    entry.usage = { input: 0, output: 1_000 };
    throw new Failure("upstream_empty", "Nothing came.");
  };
  expect(await failureOf(attempt(gateway.app.world, exchange, route, costly))).toMatchObject({
    kind: "upstream_empty",
  });
  expect(exchange.attempts.map((entry) => entry.target.id)).toEqual(["claude/cheap"]);
  expectNextProbe(breaker);
});

test("a probe that was sent and answered closes the breaker", async () => {
  const { breaker } = await breakTarget("plain", "up/plain");
  const response = await callApi(gateway, { api: "openai-chat", model: "plain", stream: false });
  expect(response.status).toBe(200);
  expect(breaker.state).toBe("closed");
});
