import { expect, test } from "bun:test";
import fc from "fast-check";
import { asObject, parseJson } from "#lib/json.ts";
import { VirtualClock } from "#lib/virtual-clock.ts";
import { Failure } from "#model/failure.ts";
import type { UsageRecord } from "#model/usage-record.ts";
import { createLog } from "./log.ts";
import { createMetrics } from "./metrics.ts";
import type { EndContext } from "./request-lines.ts";
import { createTelemetry } from "./telemetry.ts";

const record: UsageRecord = {
  kind: "request",
  id: "r1",
  requestId: "r1",
  tenantId: "acme",
  keyId: "k",
  logicalModel: "m",
  protocolIn: "openai-chat",
  isStream: false,
  outcome: "ok",
  status: 200,
  usage: { input: 1, output: 0 },
  costSource: "none",
  totalMs: 5,
  attempts: 1,
  createdAtMs: 0,
};
const context: EndContext = {
  attempts: [],
  overheadMs: 1,
  keyPrefix: undefined,
  failure: undefined,
  modelLabel: "m",
};

function open(level = "info", write?: (line: string) => void) {
  const lines: string[] = [];
  const metrics = createMetrics();
  const clock = new VirtualClock();
  const log = createLog({ level, write: write ?? ((line) => lines.push(line)) });
  const telemetry = createTelemetry(metrics, log, clock);
  const count = async () => (await metrics.requests.get()).values.reduce((sum, { value }) => sum + value, 0);
  return { lines, metrics, clock, telemetry, count };
}

test("every line is JSON and says what was meant, whatever the names are", () => {
  const text = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom('"}\n{"', "\u2028", "\ud800", "__proto__"),
  );
  fc.assert(
    fc.property(
      text,
      text,
      text,
      fc.array(text),
      fc.boolean(),
      (tenantId, logicalModel, target, dropped, isBroken) => {
        const { lines, telemetry } = open();
        const failure = isBroken ? new Failure("upstream_broken", "x") : undefined;
        telemetry.requestEnded(
          { ...record, tenantId, logicalModel, target, servedModel: target, dropped },
          { ...context, failure },
        );
        telemetry.flush();
        expect(lines.length).toBe(1);
        expect(lines[0]?.endsWith("}\n")).toBe(true);
        const line = asObject(parseJson(lines[0] ?? ""));
        expect(line).toMatchObject({ request_id: "r1", msg: "request", level: failure ? 40 : 30 });
        expect(line?.["tenant"] ?? "").toBe(tenantId);
      },
    ),
  );
});

test("a key in any field is masked", () => {
  const { lines, telemetry } = open();
  for (const tenantId of ["XJP_abcdefSECRETSECRET", "_1XJP_abcdefSECRETSECRET"]) {
    telemetry.requestEnded({ ...record, tenantId }, context);
    telemetry.flush();
    const line = lines.pop();
    expect(line).toContain("XJP_abcdef...");
    expect(line).not.toContain("SECRET");
  }
});

test("lines come in order, below the level not at all, and a gauge does not wait", async () => {
  const { lines, metrics, clock, telemetry } = open("warn");
  for (const id of ["a", "b", "c"]) {
    telemetry.requestStarted();
    const failure = id === "b" ? undefined : new Failure("upstream_broken", "x");
    telemetry.requestEnded({ ...record, id }, { ...context, failure });
  }
  expect((await metrics.activeConnections.get()).values[0]?.value).toBe(0);
  expect(lines).toEqual([]);
  await clock.advance(5);
  expect(lines.map((line) => asObject(parseJson(line))?.["request_id"])).toEqual(["a", "c"]);
});

test("a line about a bug of ours stands where its request ended", async () => {
  const { lines, telemetry, clock } = open();
  for (const id of ["a", "b", "c"]) {
    const failure = id === "b" ? new Failure("internal", "x") : undefined;
    telemetry.requestEnded({ ...record, id }, { ...context, failure });
  }
  await clock.advance(5);
  const told = lines.map((line) => asObject(parseJson(line)));
  expect(told.map((line) => [line?.["request_id"], line?.["level"]])).toEqual([
    ["a", 30],
    ["b", 50],
    ["c", 30],
  ]);
});

test("requests told together count as those told one by one", async () => {
  const name = fc.constantFrom("a", "b", "a\n", "");
  const count = fc.option(fc.nat(1_000), { nil: undefined });
  const ended = fc.record({
    tenantId: name,
    modelLabel: name,
    provider: fc.option(name, { nil: undefined }),
    status: fc.constantFrom(200, 429, 503),
    outcome: fc.constantFrom("ok" as const, "failed" as const),
    attempts: fc.nat(2),
    costNanoUsd: count,
    usage: fc.record({ input: count, cacheRead: count, cacheWrite: count, output: count, reasoning: count }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(ended, { maxLength: 30 }), async (all) => {
      const [together, apart] = [open(), open()];
      for (const { modelLabel, provider, costNanoUsd, usage, ...rest } of all) {
        const one: UsageRecord = {
          ...record,
          ...rest,
          usage: Object.fromEntries(Object.entries(usage).filter(([, value]) => value !== undefined)),
          ...(provider !== undefined && { provider }),
          ...(costNanoUsd !== undefined && { costNanoUsd }),
        };
        const told = { ...context, modelLabel, attempts: Array.from({ length: rest.attempts }, () => one) };
        for (const { telemetry } of [together, apart]) telemetry.requestEnded(one, told);
        apart.telemetry.flush();
      }
      together.telemetry.flush();
      expect(sorted(await together.metrics.registry.metrics())).toEqual(
        sorted(await apart.metrics.registry.metrics()),
      );
      expect(together.lines).toEqual(apart.lines);
    }),
  );
});

/** What a scrape says, whatever was counted first. */
function sorted(scrape: string): readonly string[] {
  return scrape.split("\n").sort();
}

test("without time passing no more than some hundreds wait", () => {
  const { lines, telemetry } = open();
  for (let index = 0; index < 1000; index += 1) telemetry.requestEnded(record, context);
  expect(lines.length).toBeGreaterThanOrEqual(1000 - 256);
});

test("a log that throws costs no request its end, and no metric", async () => {
  const { telemetry, clock, count } = open("info", () => {
    throw new Error("closed");
  });
  for (let index = 0; index < 300; index += 1) telemetry.requestEnded(record, context);
  await clock.advance(5);
  telemetry.flush();
  expect(await count()).toBe(300);
});

test("a request that no metric can take is still logged, and so are those behind it", async () => {
  const { lines, telemetry, clock, count } = open();
  telemetry.requestEnded(
    { ...record, id: "bad", totalMs: Number.NaN },
    { ...context, overheadMs: Number.NaN },
  );
  telemetry.requestEnded({ ...record, id: "good" }, context);
  await clock.advance(5);
  const ids = lines.map((line) => asObject(parseJson(line))?.["request_id"]);
  expect(ids.filter((id) => id !== undefined)).toEqual(["bad", "good"]);
  expect(await count()).toBe(2);
});
