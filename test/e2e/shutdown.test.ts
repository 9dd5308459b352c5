/** How the process ends: drained, drained too late, and killed outright, each in the middle of answers. */
import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { allClientApis, callApi, type AnyClientApi } from "../gateway/call-api.ts";
import { until } from "../gateway/until.ts";
import { checkStream } from "../matrix/check-stream.ts";
import { childrenOf, freshFolder, startServe, type Running } from "./start-process.ts";

const MINUTE_MS = 60_000;

interface Row {
  readonly id: string;
  readonly kind: string;
  readonly outcome: string;
  readonly request_id: string;
}

function rowsIn(folder: string): readonly Row[] {
  using database = new Database(join(folder, "data", "xjp.db"));
  return database.query<Row, []>("SELECT id, kind, outcome, request_id FROM usage_logs").all();
}

async function start(folder: string, drainMs: number): Promise<Running & { readonly key: string }> {
  const path = join(folder, "xjp.yaml");
  const models = ["demo", "demo-lorem-40-d20", "demo-lorem-5000-d20", "demo-fault-hang"].map(
    (name) => `  ${name}: { targets: [{ connector: d, model: ${name} }] }\n`,
  );
  const connectors = allClientApis.map((api) => `  ${api}: { type: demo, protocol: ${api} }\n`);
  const long = allClientApis.map(
    (api) => `  long-on-${api}: { targets: [{ connector: ${api}, model: demo-lorem-5000-d20 }] }\n`,
  );
  await writeFile(
    path,
    `server: { drain_ms: ${drainMs} }
connectors:\n  d: { type: demo }\n${connectors.join("")}
models:\n${models.join("")}${long.join("")}`,
  );
  const running = await startServe(folder, ["--config", path]);
  return { ...running, key: /XJP_[\w-]{43}/.exec(running.stdout())?.[0] ?? "" };
}

const ask = (running: { url: string; key: string }, name: string, stream = true) =>
  callApi(running, { api: "openai-chat", model: name, stream });

test(
  "SIGTERM: readyz says so, answers under way end whole, every row is written, exit code 0",
  async () => {
    await using folder = await freshFolder();
    const running = await start(folder.path, 10_000);
    const open = await Promise.all(Array.from({ length: 10 }, () => ask(running, "demo-lorem-40-d20")));
    running.kill("SIGTERM");
    const readyz = await until("readyz 503", async () => {
      const response = await fetch(`${running.url}/readyz`).catch(() => undefined);
      return response === undefined || response.status === 503 ? { status: response?.status } : undefined;
    });
    // Over a kept connection it is told; a new one is no longer taken, which a balancer reads the same way.
    expect(readyz.status ?? 503).toBe(503);
    const texts = await Promise.all(open.map((response) => response.text()));
    expect(texts.filter((text) => !text.includes("[DONE]"))).toEqual([]);
    expect(await running.exited).toBe(0);
    const requests = rowsIn(folder.path).filter((row) => row.kind === "request");
    expect(requests.map((row) => row.outcome)).toEqual(Array.from({ length: 10 }, () => "ok"));
  },
  MINUTE_MS,
);

test(
  "SIGTERM past drain_ms: every open stream ends with its API's error event, forwarded or translated, and has its row",
  async () => {
    await using folder = await freshFolder();
    const running = await start(folder.path, 300);
    const streams = allClientApis.flatMap((api) =>
      [api, "other"].map((lane) => ({ api, model: `long-on-${lane === "other" ? otherThan(api) : lane}` })),
    );
    const open = await Promise.all(streams.map((asked) => callApi(running, { ...asked, stream: true })));
    const reading = open.map((response) => response.text());
    running.kill("SIGTERM");
    const texts = await Promise.all(reading);
    for (const [index, { api, model }] of streams.entries()) {
      const text = (texts[index] ?? "").replaceAll("\r\n", "\n");
      expect({ api, model, end: checkStream(api, text) }).toEqual({ api, model, end: "error" });
      expect(text.slice(-1000)).toContain("shutting down");
    }
    expect(await running.exited).toBe(0);
    const requests = rowsIn(folder.path).filter((row) => row.kind === "request");
    expect(requests.map((row) => row.outcome)).toEqual(streams.map(() => "failed"));
  },
  MINUTE_MS,
);

const otherThan = (api: AnyClientApi) => (api === "openai-chat" ? "gemini" : "openai-chat");

test(
  "kill -9 under load: what a client saw whole has its row once, what was admitted is interrupted",
  async () => {
    await using folder = await freshFolder();
    const running = await start(folder.path, 300);
    const whole: string[] = [];
    const hanging = Array.from({ length: 5 }, () => ask(running, "demo-fault-hang").catch(() => undefined));
    const isKilled = { yes: false };
    const load = Array.from({ length: 8 }, async (_, index) => {
      while (!isKilled.yes) {
        try {
          const response = await ask(running, "demo", index % 2 === 0);
          const text = await response.text();
          const isWhole = index % 2 === 0 ? text.includes("[DONE]") : text.includes('"usage"');
          if (isWhole) whole.push(response.headers.get("x-request-id") ?? "");
        } catch {
          return;
        }
      }
    });
    await until("some load", () => (whole.length > 200 ? true : undefined));
    const processes = await childrenOf(running.pid);
    for (const pid of processes) process.kill(pid, "SIGKILL");
    isKilled.yes = true;
    await Promise.all([...load, ...hanging]);
    await running.exited;

    const again = await start(folder.path, 300);
    await until("all rows", () => {
      const ids = new Set(rowsIn(folder.path).map((row) => row.request_id));
      return whole.every((id) => ids.has(id)) ? true : undefined;
    });
    await until("the interrupted", () => {
      const interrupted = rowsIn(folder.path).filter(
        (row) => row.kind === "request" && row.outcome === "interrupted",
      );
      return interrupted.length >= hanging.length ? true : undefined;
    });
    again.kill("SIGTERM");
    await again.exited;
    const requests = rowsIn(folder.path).filter((row) => row.kind === "request");
    const counts = new Map<string, number>();
    for (const row of requests) counts.set(row.request_id, (counts.get(row.request_id) ?? 0) + 1);
    expect([...counts].filter(([, count]) => count !== 1)).toEqual([]);
    const outcomes = new Map(requests.map((row) => [row.request_id, row.outcome]));
    expect(whole.filter((id) => outcomes.get(id) !== "ok")).toEqual([]);
  },
  MINUTE_MS,
);
