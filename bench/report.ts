/** The page docs/benchmarks.md. Ratios to nginx of the same run are the result; bare times are given as its setting. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { arch, cpus, release } from "node:os";
import { join } from "node:path";

export interface Measured {
  readonly unary?: Ratios;
  readonly stream?: Ratios;
  readonly latency?: AddedLatency;
  readonly memory?: Memory;
}

export interface Ratios {
  /** What nginx took on this machine. */
  readonly floorUs: number;
  readonly rows: readonly RatioRow[];
  /** The provider's requests a second without anybody in between, over those through the gateway. */
  readonly providerSpareRatio?: number;
}

interface RatioRow {
  readonly label: string;
  readonly ratio: number;
  readonly low: number;
  readonly high: number;
}

export interface AddedLatency {
  readonly onOneProcessor: readonly Latency[];
  readonly asPlaced: readonly Latency[];
}

export interface Latency {
  readonly label: string;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export interface Memory {
  readonly streams: number;
  readonly started: Readonly<Record<string, number>>;
  readonly open: Readonly<Record<string, number>>;
}

const MIB = 1024 * 1024;

export function report({ unary, stream, latency, memory }: Measured): string {
  const parts = [
    head(),
    unary &&
      `## Processor time of a request\n\nWhole answers, about 1 KB of JSON each way.\n\n${ratioTable(unary)}`,
    stream &&
      `## Processor time of a streamed chunk\n\n32 streams, a chunk every 20 ms in each, not in step.\n\n${ratioTable(stream)}`,
    latency && `## Latency added at concurrency 1\n\n${latencyTable(latency)}`,
    memory && `## Memory\n\n${memoryTable(memory)}`,
    method(unary),
  ];
  return `${parts.filter((part) => part !== undefined).join("\n\n")}\n`;
}

function head(): string {
  const processors = cpus();
  return `# Benchmarks

Written by \`npm run bench\`; run it on your own machine. nginx's \`proxy_pass\` is the floor: what it costs to pass a request on
and do nothing else. The gateway has everything on: key check, rate limits, token limit, budget, usage journal, SQLite ledger,
metrics and a log line a request. Portkey proxies only.

${new Date().toISOString().slice(0, 10)}, ${processors.length} cores (${processors[0]?.model ?? "unknown"}, ${arch()}), Linux ${release()}.
Bun ${Bun.version}, ${version("nginx", "-v")}, ${version("wrk", "-v")}, Node ${version("node", "--version")}, Portkey ${portkeyVersion()}.`;
}

function ratioTable({ rows, floorUs }: Ratios): string {
  const lines = rows.map(
    ({ label, ratio, low, high }) => `| ${label} | ${fixed(ratio)} x | ${fixed(low)} to ${fixed(high)} |`,
  );
  return `| | processor time, nginx = 1 | over the rounds |
|---|---|---|
${lines.join("\n")}

nginx took ${floorUs.toFixed(1)} µs in this run.`;
}

function latencyTable({ onOneProcessor, asPlaced }: AddedLatency): string {
  const lines = onOneProcessor.map(({ label, p50Ms, p99Ms }, index) => {
    const placed = asPlaced[index];
    return `| ${label} | ${fixed(p50Ms)} ms | ${fixed(p99Ms)} ms | ${fixed(placed?.p50Ms)} ms | ${fixed(placed?.p99Ms)} ms |`;
  });
  return `| | p50 | p99 | p50, as placed | p99, as placed |
|---|---|---|---|---|
${lines.join("\n")}

One client, one request after the other, in turns. What is told is above the direct way to the provider, which took its turns
in the same run. In the first two columns the main threads of client, provider and whoever stands between them share a
processor. In the last two the kernel placed them as it liked: a way may then have two hops more between processors than
another, and each hop wakes one, which on a virtual machine takes longer than to pass a request on.`;
}

function memoryTable({ streams, started, open }: Memory): string {
  const lines = Object.keys(started).map(
    (name) => `| ${name === "portkey" ? "Portkey" : name} | ${mib(started[name])} | ${mib(open[name])} |`,
  );
  return `| | RSS after start | RSS with ${streams} open streams, after the load above |
|---|---|---|
${lines.join("\n")}`;
}

function method(unary: Ratios | undefined): string {
  const spare = unary?.providerSpareRatio;
  return `## How it was measured

- One simulated provider (\`src/demo\`, a process of its own) serves all.${spare === undefined ? "" : ` Asked directly it answered ${fixed(spare)} times as many requests a second as through the gateway, so it does not hold the gateway up.`}
- One process each: nginx with keep-alive to the provider, \`proxy_buffering off\` and no access log; the gateway from
  \`bin/xjp.mjs serve\`; Portkey under Node with a custom host.
- Processor time is that of all threads of the process, from the kernel's scheduler (\`/proc/PID/task/*/schedstat\`), work done
  after the answers (rows to SQL, log) included, divided by requests or by chunks the client received.
- Whole answers are asked by \`wrk\` over 32 connections; streams are read over bare sockets, in the middle of the stream.
- All are warmed up first, then measured in turn, round after round. A ratio is taken within a round; the median counts.
- Machines shared with others are noisy: the ratios vary less than the times, and still vary.`;
}

function version(command: string, flag: string): string {
  const { stdout, stderr } = spawnSync(command, [flag], { encoding: "utf8" });
  const [line = ""] = `${stdout}${stderr}`.split("\n");
  return line
    .replace(/^nginx version: nginx\//, "nginx ")
    .replace(/^wrk (?:debian\/)?(\S+).*/, "wrk $1")
    .replace(/^v/, "");
}

function portkeyVersion(): string {
  const path = join(import.meta.dir, "node_modules/@portkey-ai/gateway/package.json");
  return String(JSON.parse(readFileSync(path, "utf8")).version);
}

function fixed(value = Number.NaN): string {
  return value.toFixed(2);
}

function mib(bytes: number | undefined): string {
  return bytes === undefined ? "" : `${Math.round(bytes / MIB)} MiB`;
}
