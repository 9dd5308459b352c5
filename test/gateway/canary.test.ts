/**
 * Secrets and content stay where they belong: canaries as caller's key, provider's key, prompt, tool arguments and
 * picture go through success and every failure, and turn up in no log line, metric, error, row, database or journal.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { GREEN_PNG } from "../demo/samples.ts";
import { startDemoUpstream, type RunningDemo } from "../demo/start-demo.ts";
import { allClientApis, callApi } from "./call-api.ts";
import { startGateway, type TestGateway } from "./start-gateway.ts";
import { upstreamApis } from "./start-matrix.ts";

const PROVIDER_KEY = "sk-canary-provider-7f3a9c";
const PROMPT = "canary-prompt-51d2e8";
const ARGUMENT = "canary-argument-c04b77";
const faults = [
  "400",
  "401",
  "403",
  "404",
  "413",
  "429",
  "quota",
  "500",
  "503",
  "context",
  "html",
  "reset",
  "hang",
];
const streamFaults = [
  "cut",
  "stall",
  "error-first",
  "error-mid",
  "malformed",
  "error-200",
  "empty",
  "filter",
];
const models = ["demo", ...[...faults, ...streamFaults].map((fault) => `demo-fault-${fault}`)];

let demo: RunningDemo;
let gateway: TestGateway;
beforeAll(async () => {
  demo = await startDemoUpstream({ requireKey: PROVIDER_KEY });
  const base = (api: string) => (api.startsWith("openai-") ? `${demo.url}/v1` : demo.url);
  const connectors = upstreamApis.map(
    (api) =>
      `  ${api}: { type: openai-compatible, base_url: "${base(api)}", protocol: ${api}, api_key: "${PROVIDER_KEY}" }\n`,
  );
  const entries = models.flatMap((name) =>
    upstreamApis.map(
      (api) =>
        `  ${name}-on-${api}: { targets: [{ connector: ${api}, model: ${name} }], retry: { attempts_max: 1 }, breaker: { requests_min: 1000 }, timeouts_ms: { first_token: 150, idle: 150, total: 1000 } }\n`,
    ),
  );
  // Answers kept for Responses clients are content by their nature (docs/decisions/0012); here nothing is kept.
  gateway = await startGateway({
    config: `connectors:\n${connectors.join("")}models:\n${entries.join("")}responses: { ttl_hours: 0 }\n`,
  });
});
afterAll(async () => {
  await gateway.stop();
  await demo.stop();
});

function bytesBelow(folder: string): readonly (readonly [string, string])[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => [path, readFileSync(path, "latin1")] as const);
}

/** Content beside the prompt, in the one API where it is shortest to say. */
const rich = {
  messages: [
    {
      role: "user",
      content: [
        { type: "text", text: PROMPT },
        { type: "image_url", image_url: { url: `data:image/png;base64,${GREEN_PNG}` } },
      ],
    },
    {
      role: "assistant",
      tool_calls: [
        {
          id: "call_1",
          type: "function",
          function: { name: "clock", arguments: JSON.stringify({ a: ARGUMENT }) },
        },
      ],
    },
    { role: "tool", tool_call_id: "call_1", content: PROMPT },
  ],
};

test("no canary reaches any sink but the answer it belongs to", async () => {
  const revoked = await gateway.createKey();
  await gateway.app.keys.deactivate(revoked.id);
  const callerKeys = [gateway.key, revoked.secret, `XJP_${"Canary0".repeat(6)}x`];
  const failures: string[] = [];
  let requests = 0;
  const ask = async (call: Parameters<typeof callApi>[1]) => {
    const response = await callApi(gateway, call);
    requests += 1;
    const headers = JSON.stringify([...response.headers]);
    const body = await response.text();
    // A refusal may hold nothing of what was sent; an answer quotes the prompt, and never a key.
    failures.push(headers, response.ok ? body.replaceAll(PROMPT, "") : body);
  };
  for (const name of models) {
    await Promise.all(
      upstreamApis.flatMap((upstream) =>
        allClientApis.flatMap((api) =>
          [true, false].map((stream) => ask({ api, model: `${name}-on-${upstream}`, stream, text: PROMPT })),
        ),
      ),
    );
    await ask({ api: "openai-chat", model: `${name}-on-gemini`, stream: false, fields: rich });
  }
  for (const api of allClientApis) {
    for (const key of callerKeys.slice(1))
      await ask({ api, model: "demo-on-gemini", stream: false, text: PROMPT, key });
    await ask({ api, model: "missing", stream: false, text: PROMPT });
    await ask({
      api,
      model: "demo-on-gemini",
      stream: false,
      text: PROMPT,
      fields: { temperature: PROMPT, max_tokens: ARGUMENT },
    });
  }
  expect(requests).toBeGreaterThan(700);
  const seen = await demo.requests();
  expect(seen.some((request) => JSON.stringify(request.headers).includes(PROVIDER_KEY))).toBe(true);
  await gateway.rows(700);
  const rows = JSON.stringify(await gateway.rows(0), (_, value: unknown) =>
    typeof value === "bigint" ? String(value) : value,
  );
  const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
  const sinks: readonly (readonly [string, string])[] = [
    ["log", gateway.logLines.join("")],
    ["metrics", metrics],
    ["answers", failures.join("\n")],
    ["rows", rows],
    ...bytesBelow(gateway.folder),
  ];
  expect(gateway.logLines.length).toBeGreaterThan(700);
  const canaries = [...callerKeys, PROVIDER_KEY, PROMPT, ARGUMENT, GREEN_PNG.slice(0, 60)];
  const leaks = sinks.flatMap(([sink, text]) =>
    canaries.filter((canary) => text.includes(canary)).map((canary) => `${canary.slice(0, 16)} in ${sink}`),
  );
  expect(leaks).toEqual([]);
}, 60_000);
