/**
 * What a request waits for before it tries a target, told by a clock that moves only here: pauses it sits out, an open
 * breaker hardly, and all waits together no longer than a first token may take.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { attempt, type Send } from "#gateway/attempt.ts";
import { Exchange, type Attempt } from "#gateway/exchange.ts";
import { settle } from "#gateway/settle.ts";
import type { Route, World } from "#gateway/world.ts";
import { HealthRegistry, type TargetHealth } from "#health/target-health.ts";
import { Cancellation } from "#lib/cancellation.ts";
import { VirtualClock } from "#lib/virtual-clock.ts";
import { Failure } from "#model/failure.ts";
import { bareRequest } from "./bare-request.ts";
import { startGateway, type TestGateway } from "./start-gateway.ts";

const FIRST_TOKEN_MS = 30_000;
const BACKOFF_MAX_MS = 4_000;

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await startGateway({
    config: `connectors:
  up: { type: openai-compatible, base_url: "http://127.0.0.1:1/v1", api_key: k }
models:
  one:
    targets: [{ connector: up, model: one }]
    timeouts_ms: { first_token: ${FIRST_TOKEN_MS} }
    retry: { attempts_max: 10, backoff_ms: 100, backoff_max_ms: ${BACKOFF_MAX_MS} }
`,
  });
});

afterAll(() => gateway.stop());

interface Scene {
  readonly world: World;
  readonly clock: VirtualClock;
  readonly exchange: Exchange;
  readonly route: Route;
  readonly health: TargetHealth;
}

function open(): Scene {
  const { world: real } = gateway.app;
  const clock = new VirtualClock();
  const world: World = { ...real, clock, random: () => 0, health: new HealthRegistry() };
  const route = world.settings().resolve("one");
  const [target] = route?.targets ?? [];
  if (!route || !target) throw new Error("no such model");
  const exchange = new Exchange({
    id: world.newId(),
    inbound: { request: bareRequest(new Cancellation()), protocol: world.protocols["openai-chat"] },
    settings: world.settings(),
    startedMs: clock.monotonicMs(),
    createdAtMs: clock.nowMs(),
  });
  return { world, clock, exchange, route, health: world.health.of(target.id, route) };
}

/** Opens the breaker for its cooldown of five seconds. */
function breakNow({ health, clock }: Scene): void {
  for (let failures = 0; failures < 5; failures++)
    health.acquire(clock.monotonicMs())?.fail(clock.monotonicMs());
  expect(health.breaker.state).toBe("open");
}

/** How it ended, and when; the clock runs until then. */
async function ended(
  scene: Scene,
  send: Send<string>,
): Promise<{ readonly told: unknown; readonly atMs: number }> {
  const { world, clock, exchange, route } = scene;
  let atMs = Number.NaN;
  const told = attempt(world, exchange, route, send)
    .catch((error: unknown) => error)
    .finally(() => (atMs = clock.monotonicMs()));
  for (let step = 0; step < 400 && Number.isNaN(atMs); step++) await clock.advance(500);
  return { told: await told, atMs };
}

const answers: Send<string> = () => Promise.resolve("answer");
const failsWith =
  (failure: () => Failure): Send<string> =>
  async (_world: World, _exchange: Exchange, entry: Attempt) => {
    entry.reachedUpstream = true;
    throw failure();
  };

test("a target with an open breaker is not waited for: the client is told when to come back", async () => {
  const scene = open();
  breakNow(scene);
  const { told, atMs } = await ended(scene, answers);
  expect(told).toMatchObject({ kind: "no_target", status: 503, detail: { retryAfterMs: 5_000 } });
  expect(atMs).toBe(0);
  expect(scene.exchange.waitedMs).toBe(0);
});

test("one that closes as soon as a retry would come is waited for", async () => {
  const scene = open();
  breakNow(scene);
  await scene.clock.advance(5_000 - BACKOFF_MAX_MS);
  const { told, atMs } = await ended(scene, answers);
  expect(told).toBe("answer");
  expect(atMs).toBeGreaterThanOrEqual(5_000);
  expect(scene.exchange.waitedMs).toBeGreaterThanOrEqual(BACKOFF_MAX_MS);
});

test("a pause that the provider asked for is sat out", async () => {
  const scene = open();
  scene.health.pause(scene.clock.monotonicMs(), 20_000);
  const { told, atMs } = await ended(scene, answers);
  expect(told).toBe("answer");
  expect(atMs).toBeGreaterThanOrEqual(20_000);
});

test("all pauses together are no longer than a first token may take", async () => {
  const scene = open();
  const slow = () => new Failure("upstream_rate_limited", "Slow down.", { retryAfterMs: 12_000 });
  const { told, atMs } = await ended(scene, failsWith(slow));
  expect(told).toMatchObject({ kind: "upstream_rate_limited" });
  // Two of them fit, a third does not.
  expect(scene.exchange.attempts).toHaveLength(3);
  expect(atMs).toBeLessThan(FIRST_TOKEN_MS);
  expect(scene.exchange.waitedMs).toBeGreaterThanOrEqual(24_000);
});

test("waiting is not the gateway's own time, nor is what failed attempts took", async () => {
  const scene = open();
  const { clock, exchange } = scene;
  const slow: Send<string> = async (_world, _exchange, entry) => {
    entry.reachedUpstream = true;
    await new Promise<void>((resolve) => void clock.schedule(3_000, resolve));
    throw new Failure("upstream_rate_limited", "Slow down.", { retryAfterMs: 12_000 });
  };
  await ended(scene, slow);
  const told: { readonly totalMs: number; readonly overheadMs: number }[] = [];
  const telemetry: World["telemetry"] = {
    ...scene.world.telemetry,
    requestEnded: ({ totalMs }, { overheadMs }) => void told.push({ totalMs, overheadMs }),
  };
  settle({ ...scene.world, telemetry }, exchange, { outcome: "failed", status: 503 });
  const [first] = told;
  expect(first?.totalMs).toBeGreaterThan(30_000);
  expect(first?.overheadMs).toBeLessThan(1_000);
});
