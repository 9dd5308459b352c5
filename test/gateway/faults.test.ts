/**
 * Every fault an upstream can have, behind each upstream API, asked through each client API, whole and streamed. With
 * a healthy second target the client must not notice; without one it must get its own API's error, never half an
 * answer that looks whole.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { startDemoUpstream, type RunningDemo } from "../demo/start-demo.ts";
import { askAndRead, clientApis, type ClientApi } from "./read-answer.ts";
import { startGateway, type TestGateway } from "./start-gateway.ts";

const upstreamApis = ["openai-chat", "anthropic-messages", "gemini"] as const;

/** Faults before the first content: another target takes over unseen. */
const early = [
  "401",
  "402",
  "403",
  "404",
  "429-600",
  "quota",
  "500",
  "502",
  "503",
  "529",
  "html",
  "reset",
  "hang",
  "error-first",
  "error-200",
  "empty",
  "context",
] as const;

/** Faults after content was sent: the client's own error event, and no proper end. */
const late = ["cut", "eof", "stall", "error-mid"] as const;

/** A whole answer has no events that could go wrong in these ways. */
const streamOnly: ReadonlySet<string> = new Set(["error-first", "error-mid", "cut", "eof", "stall"]);

/** What looks odd and is none. */
const harmless = ["slow-200", "bytes", "not-sse", "no-terminator"] as const;

/** Gemini has no terminator but its finish, and a whole answer has none at all: there, cut is cut. Nor has Gemini a 402. */
const exists = ({ upstream, stream }: Cell, fault: string) =>
  fault === "no-terminator" ? stream && upstream !== "gemini" : !(fault === "402" && upstream === "gemini");

interface Cell {
  readonly upstream: (typeof upstreamApis)[number];
  readonly client: ClientApi;
  readonly stream: boolean;
}

const cells: readonly Cell[] = upstreamApis.flatMap((upstream) =>
  clientApis.flatMap((client) => [true, false].map((stream) => ({ upstream, client, stream }))),
);

let demo: RunningDemo;
let gateway: TestGateway;

/** Each cell has targets of its own: a pause that one fault earned must not spare the next cell its fault. */
const nameOf = (cell: Cell, fault: string, targets: number) =>
  `${fault}-${cell.upstream}-${cell.client}-${cell.stream}-${targets}`;

const counterOf = (cell: Cell) => `${cell.client}.${cell.stream}`.replaceAll("-", "_");

const model = (name: string, targets: readonly string[]) => `
  ${name}:
    targets: [${targets.join(", ")}]
    timeouts_ms: { connect: 1000, first_token: 400, idle: 400, total: 1500 }
    retry: { attempts_max: 3, backoff_ms: 5, backoff_max_ms: 10 }
    breaker: { requests_min: 1000 }`;

beforeAll(async () => {
  demo = await startDemoUpstream();
  const connectors = upstreamApis.map(
    (api) => `  ${api}: { type: demo, base_url: "${demo.url}", protocol: ${api} }`,
  );
  const models = cells.flatMap((cell) =>
    [...early, ...late, ...harmless, "filter"].flatMap((fault) => {
      const bad = `{ connector: ${cell.upstream}, model: demo-fault-${fault}-k${counterOf(cell)} }`;
      const good = "{ connector: well, model: demo }";
      return [model(nameOf(cell, fault, 1), [bad]), model(nameOf(cell, fault, 2), [bad, good])];
    }),
  );
  gateway = await startGateway({
    config: `connectors:\n${connectors.join("\n")}\n  well: { type: demo, base_url: "${demo.url}" }\nmodels:${models.join("")}\n`,
  });
});

afterAll(async () => {
  await gateway.stop();
  await demo.stop();
});

for (const cell of cells) {
  const { upstream, client, stream } = cell;
  describe(`${client} client, ${upstream} upstream, ${stream ? "streamed" : "whole"}`, () => {
    for (const fault of early.filter((kind) => exists(cell, kind) && (stream || !streamOnly.has(kind)))) {
      test(`${fault}: the second target answers and the client sees nothing of it`, async () => {
        const seen = await askAndRead(gateway, { api: client, model: nameOf(cell, fault, 2), stream });
        expect(seen.error).toBeUndefined();
        expect(seen.status).toBe(200);
        expect(seen.text).toContain("Say something.");
        expect(seen.endedWell).toBe(true);
        expect(seen.headers.get("x-xjp-target")).toBe("well/demo");
        expect(seen.headers.get("x-xjp-attempts")).toBe("2");
      });
    }

    for (const fault of late.filter((kind) => stream || !streamOnly.has(kind))) {
      test(`${fault}: an answer that broke never looks whole`, async () => {
        const seen = await askAndRead(gateway, { api: client, model: nameOf(cell, fault, 1), stream });
        expect(seen.error).toBeDefined();
        expect(seen.endedWell).toBe(false);
        expect(seen.status).toBe(stream ? 200 : fault === "stall" ? 504 : 502);
      });
    }

    test("a slow first token, answers in bytes and a missing last event are no faults", async () => {
      for (const fault of harmless.filter((kind) => exists(cell, kind))) {
        const seen = await askAndRead(gateway, { api: client, model: nameOf(cell, fault, 1), stream });
        expect({ fault, error: seen.error, endedWell: seen.endedWell }).toEqual({
          fault,
          error: undefined,
          endedWell: true,
        });
        expect(seen.text).toContain("Say something.");
        expect(seen.headers.get("content-type")).toStartWith(
          stream ? "text/event-stream" : "application/json",
        );
      }
    });

    test("a content filter is told, not retried", async () => {
      const seen = await askAndRead(gateway, { api: client, model: nameOf(cell, "filter", 2), stream });
      expect(seen.headers.get("x-xjp-attempts")).toBe("1");
      expect(seen.raw).toMatch(/content_filter|refusal/);
    });

    test("a single failing target gives the client its own API's error", async () => {
      for (const [fault, status] of [
        ["500", 502],
        ["reset", 502],
        ["hang", 504],
      ] as const) {
        const seen = await askAndRead(gateway, { api: client, model: nameOf(cell, fault, 1), stream });
        expect(seen.status).toBe(status);
        expect(seen.error?.["blame"]).toBe("upstream");
        expect(seen.error?.["message"]).toEqual(expect.any(String));
        expect(seen.endedWell).toBe(false);
      }
    });
  });
}
