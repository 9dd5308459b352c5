import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { UsageRecord } from "#model/usage-record.ts";
import { openDatabase } from "#store/database.ts";
import { createUsageStore } from "#store/usage-store.ts";
import { encodeUsage } from "#store/usage-text.ts";
import type { Io } from "./command.ts";
import { usage } from "./usage.ts";

const NOW_MS = Date.UTC(2026, 2, 10, 12);
const HOUR_MS = 3_600_000;

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "usage-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function row(id: string, more: Partial<UsageRecord>): UsageRecord {
  return {
    kind: "request",
    id,
    requestId: id,
    tenantId: "acme",
    keyId: "key-1",
    logicalModel: "claude",
    target: "clewdr/claude-x",
    protocolIn: "openai-chat",
    isStream: false,
    outcome: "ok",
    status: 200,
    usage: {},
    costSource: "config",
    totalMs: 1,
    attempts: 1,
    createdAtMs: NOW_MS - HOUR_MS,
    ...more,
  };
}

const ROWS = [
  row("r1", {
    usage: { input: 1_200_000, cacheRead: 5, output: 30, reasoning: 10 },
    costNanoUsd: 9_007_199_254_740_991,
  }),
  row("r1.1", {
    kind: "attempt",
    requestId: "r1",
    usage: { input: 1_200_000 },
    costNanoUsd: 9_007_199_254_740_991,
  }),
  row("r2", { costNanoUsd: 9_007_199_254_740_990, createdAtMs: NOW_MS - 40 * HOUR_MS }),
  row("r3", {
    logicalModel: "local",
    target: "local/m",
    costSource: "unknown",
    outcome: "failed",
    status: 502,
  }),
  row("r4", { tenantId: "other", logicalModel: "gpt", target: "openai/gpt", costNanoUsd: 1 }),
  row("r5", { tenantId: "other", logicalModel: "gpt", target: "openai/gpt", costSource: "unknown" }),
  row("old", { logicalModel: "old", costNanoUsd: 5, createdAtMs: NOW_MS - 8 * 24 * HOUR_MS }),
];

async function run(...given: string[]): Promise<string> {
  const database = `sqlite:${join(folder, "usage.db")}`;
  const opened = await openDatabase(database);
  await createUsageStore(opened).insert([encodeUsage(ROWS)]);
  await opened.close();
  let text = "";
  const io: Io = {
    env: { DATABASE_URL: database },
    stdout: { write: (more) => (text += more) },
    stderr: { write: () => true },
    now: () => NOW_MS,
    signal: new AbortController().signal,
  };
  expect(await usage.run(given, io)).toBe(0);
  return text;
}

describe("xjp usage", () => {
  test("shows a line per model with exact sums, and says unknown where a price is", async () => {
    expect(await run()).toBe(
      [
        "MODEL   REQUESTS  NOT OK  ATTEMPTS      INPUT  CACHE READ  CACHE WRITE  OUTPUT  REASONING                        COST USD",
        "claude         2       0         1  1,200,000           5            0      30         10              18014398.509481981",
        "gpt            2       0         0          0           0            0       0          0         0.000000001 + 1 unknown",
        "local          1       1         0          0           0            0       0          0                       1 unknown",
        "TOTAL          5       1         1  1,200,000           5            0      30         10  18014398.509481982 + 2 unknown",
        "",
      ].join("\n"),
    );
  });

  const groups = [
    { by: "day", found: ["2026-03-08", "2026-03-10"] },
    { by: "target", found: ["clewdr/claude-x", "openai/gpt", "local/m"] },
    { by: "key", found: ["key-1"] },
    { by: "tenant", found: ["acme", "other"] },
  ];
  for (const { by, found } of groups) {
    test(`groups by ${by}`, async () => {
      const lines = (await run("--by", by)).trimEnd().split("\n");
      expect(lines.map((line) => line.split(" ")[0])).toEqual([by.toUpperCase(), ...found, "TOTAL"]);
    });
  }

  test("is exact in JSON, where costs are text", async () => {
    const value = JSON.parse(await run("--json", "--tenant", "acme"));
    expect(value).toMatchObject({
      by: "model",
      since: "2026-03-03T12:00:00.000Z",
      until: "2026-03-10T12:00:00.000Z",
      rows: [
        { group: "claude", cost_usd: "18014398.509481981" },
        { group: "local", cost_unknown_requests: 1 },
      ],
      total: {
        requests: 3,
        input_tokens: 1_200_000,
        cost_usd: "18014398.509481981",
        cost_unknown_requests: 1,
      },
    });
  });

  test("is a plain table in CSV", async () => {
    expect((await run("--csv", "--tenant", "other")).split("\r\n")).toEqual([
      "model,requests,requests_not_ok,attempts,input_tokens,cache_read_tokens,cache_write_tokens,output_tokens,reasoning_tokens,cost_usd,cost_unknown_requests",
      "gpt,2,0,0,0,0,0,0,0,0.000000001,1",
      "",
    ]);
  });

  test("looks back as far as it is told", async () => {
    expect(await run("--since", "9d")).toContain("old");
    expect(await run("--since", "30m")).toBe("No requests in this time.\n");
  });

  const mistakes = [
    { given: ["--by", "colour"], says: "--by must be" },
    { given: ["--since", "soon"], says: "--since must be" },
    { given: ["--json", "--csv"], says: "not both" },
    { given: ["surplus"], says: "too many" },
  ];
  for (const { given, says } of mistakes) {
    test(`refuses ${given.join(" ")}`, async () => {
      const error: unknown = await run(...given).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ name: "UsageError", message: expect.stringContaining(says) });
    });
  }
});
