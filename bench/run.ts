/**
 * The benchmark: `npm run bench`. Everybody is measured in turn, round after round, in front of one simulated provider;
 * medians of the rounds' ratios to nginx go to docs/benchmarks.md. Times of one machine say nothing about another.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startContenders, type Contender, type Contenders, type Lane } from "./contenders.ts";
import { measureLatency, shareProcessor } from "./latency.ts";
import { median, percentile } from "./median.ts";
import {
  report,
  type AddedLatency,
  type Latency,
  type Measured,
  type Memory,
  type Ratios,
} from "./report.ts";
import { loadStreams, openStreams } from "./stream-load.ts";
import { loadUnary } from "./unary-load.ts";

const UNARY_ROUNDS = 9;
const UNARY_SECONDS = 4;
const STREAM_ROUNDS = 5;
const STREAM_SECONDS = 5;
const LATENCY_ROUNDS = 9;
const LATENCY_REQUESTS = 600;
const STREAMS_OPEN = 500;
/**
 * A server runs for weeks, so what counts is its speed once its code is compiled: the last functions are after some
 * 300,000 requests, and on a slow machine those take a minute. nginx has nothing to compile.
 */
const WARM_UP_SECONDS = 60;
const NGINX_WARM_UP_SECONDS = 2;
const STREAM_WARM_UP_SECONDS = 20;
const TIME_MAX_MS = 15 * 60_000;
/** Who stands between a client and the provider. */
const between = ["nginx", "gateway", "portkey"] as const;

type StreamLane = "stream" | "stream-anthropic" | "stream-gemini";

/** The same path without pauses: at the pace of a stream it would take minutes until all is compiled. */
const warmLane: Readonly<Record<StreamLane, Lane>> = {
  stream: "warm",
  "stream-anthropic": "warm-anthropic",
  "stream-gemini": "warm-gemini",
};

const only = new Set(process.argv.slice(2));
const folder = await mkdtemp(join(tmpdir(), "xjp-bench-"));
const stack = new AsyncDisposableStack();
stack.defer(() => rm(folder, { recursive: true, force: true }));
let isEnding = false;

async function stop(code: number): Promise<void> {
  if (isEnding) return;
  isEnding = true;
  await stack.disposeAsync();
  process.exit(code);
}

for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => void stop(1));
setTimeout(() => {
  console.error(`bench: not done after ${TIME_MAX_MS / 60_000} minutes, given up`);
  void stop(1);
}, TIME_MAX_MS);
try {
  await main(await startContenders(folder, stack));
  await stop(0);
} catch (error) {
  console.error(error);
  await stop(1);
}

async function main(contenders: Contenders): Promise<void> {
  const started = residentBytes(contenders);
  const wants = (part: string) => only.size === 0 || only.has(part);
  const measured: Measured = {
    ...(wants("unary") && { unary: await measureUnary(contenders) }),
    ...(wants("stream") && { stream: await measureStreams(contenders) }),
    ...(wants("latency") && { latency: await measureAdded(contenders) }),
    ...(wants("memory") && { memory: await measureMemory(contenders, started) }),
  };
  const text = report(measured);
  console.log(text);
  if (only.size === 0) await Bun.write(join(import.meta.dir, "../docs/benchmarks.md"), text);
}

type Row = readonly [label: string, contender: Contender, lane: Lane];

async function measureUnary({ direct, nginx, gateway, portkey }: Contenders): Promise<Ratios> {
  const rows: readonly Row[] = [
    ["nginx", nginx, "whole"],
    ["gateway, same API", gateway, "whole"],
    ["gateway, Chat to Anthropic", gateway, "whole-anthropic"],
    ["Portkey, same API", portkey, "whole"],
  ];
  note("warming up");
  for (const [, contender, lane] of rows) {
    const seconds = contender === nginx ? NGINX_WARM_UP_SECONDS : WARM_UP_SECONDS;
    await loadUnary(contender, { lane, seconds, folder });
  }
  const { requestsPerSecond } = await loadUnary(direct, { lane: "whole", seconds: 3, folder });
  const rounds: number[][] = [];
  const speeds: number[] = [];
  for (let round = 0; round < UNARY_ROUNDS; round += 1) {
    const times: number[] = [];
    for (const [, contender, lane] of rows) {
      const load = await loadUnary(contender, { lane, seconds: UNARY_SECONDS, folder });
      times.push(load.processorUs);
      if (contender === gateway && lane === "whole") speeds.push(load.requestsPerSecond);
    }
    note(`unary round ${round + 1}: ${toNote(times)}`);
    rounds.push(times);
  }
  return {
    ...toRatios(rows, rounds),
    providerSpareRatio: requestsPerSecond / median(speeds),
  };
}

async function measureStreams({ nginx, gateway, portkey }: Contenders): Promise<Ratios> {
  const rows: readonly (readonly [label: string, contender: Contender, lane: StreamLane])[] = [
    ["nginx", nginx, "stream"],
    ["gateway, same API", gateway, "stream"],
    ["gateway, Chat to Anthropic", gateway, "stream-anthropic"],
    ["gateway, Chat to Gemini", gateway, "stream-gemini"],
    ["Portkey, same API", portkey, "stream"],
  ];
  note("warming up");
  for (const [, contender, lane] of rows) {
    const seconds = contender === nginx ? NGINX_WARM_UP_SECONDS : STREAM_WARM_UP_SECONDS;
    await loadUnary(contender, { lane: warmLane[lane], seconds, folder });
    await loadStreams(contender, { lane, seconds: 3 });
  }
  const rounds: number[][] = [];
  for (let round = 0; round < STREAM_ROUNDS; round += 1) {
    const times: number[] = [];
    for (const [label, contender, lane] of rows) {
      const load = await loadStreams(contender, { lane, seconds: STREAM_SECONDS });
      if (load.eventsPerSecond < 1000) throw new Error(`${label}: ${load.eventsPerSecond} chunks a second`);
      times.push(load.processorUs);
    }
    note(`stream round ${round + 1}: ${toNote(times)}`);
    rounds.push(times);
  }
  return toRatios(rows, rounds);
}

async function measureAdded(contenders: Contenders): Promise<AddedLatency> {
  const { direct } = contenders;
  const asPlaced = await measureWays(contenders);
  using _ = shareProcessor([direct, ...between.map((name) => contenders[name])]);
  return { onOneProcessor: await measureWays(contenders), asPlaced };
}

/** Median and tail of each turn against the direct way's turn in the same round; the median round counts. */
async function measureWays({ direct, ...others }: Contenders): Promise<readonly Latency[]> {
  const labels = { nginx: "nginx", gateway: "gateway", portkey: "Portkey" };
  const rounds: { readonly p50: number; readonly p99: number }[][] = [];
  for (let round = 0; round < LATENCY_ROUNDS; round += 1) {
    const ways = [direct, ...between.map((name) => others[name])];
    const [base = [], ...times] = await measureLatency(ways, LATENCY_REQUESTS);
    rounds.push(
      times.map((list) => ({
        p50: percentile(list, 0.5) - percentile(base, 0.5),
        p99: percentile(list, 0.99) - percentile(base, 0.99),
      })),
    );
  }
  return between.map((name, index) => ({
    label: labels[name],
    p50Ms: median(rounds.map((round) => round[index]?.p50 ?? Number.NaN)),
    p99Ms: median(rounds.map((round) => round[index]?.p99 ?? Number.NaN)),
  }));
}

/** At the start, before any request, and with streams open that send a token a second. */
async function measureMemory(
  contenders: Contenders,
  started: ReturnType<typeof residentBytes>,
): Promise<Memory> {
  const open: Record<string, number> = {};
  for (const name of between) {
    using streams = await openStreams(contenders[name], { lane: "idle", count: STREAMS_OPEN });
    for (let waits = 0; streams.living < STREAMS_OPEN && waits < 20; waits += 1) await Bun.sleep(500);
    await Bun.sleep(1_000);
    if (streams.living < STREAMS_OPEN)
      throw new Error(`${name}: ${streams.living} of ${STREAMS_OPEN} streams`);
    open[name] = contenders[name].child.residentBytes();
  }
  return { streams: STREAMS_OPEN, started, open };
}

function residentBytes(contenders: Contenders): Readonly<Record<string, number>> {
  return Object.fromEntries(between.map((name) => [name, contenders[name].child.residentBytes()]));
}

function toRatios(rows: readonly Row[], rounds: readonly (readonly number[])[]): Ratios {
  return {
    floorUs: median(rounds.map(([floor = Number.NaN]) => floor)),
    rows: rows.map(([label], index) => {
      const ratios = rounds.map((times) => (times[index] ?? Number.NaN) / (times[0] ?? Number.NaN));
      return { label, ratio: median(ratios), low: Math.min(...ratios), high: Math.max(...ratios) };
    }),
  };
}

function toNote(times: readonly number[]): string {
  return times.map((time) => `${time.toFixed(1)} us`).join(", ");
}

function note(text: string): void {
  console.error(`bench: ${text}`);
}
