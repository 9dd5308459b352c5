/** The metrics of contract.md after traffic: every name is there, and no label value came from a client. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { allClientApis, callApi } from "./call-api.ts";
import { model, startMatrix, upstreamApis, type Matrix } from "./start-matrix.ts";
import { until } from "./until.ts";

const names = [
  "xjp_requests_total",
  "xjp_request_duration_seconds",
  "xjp_tokens_total",
  "xjp_active_connections",
  "xjp_rate_limit_hits_total",
  "xjp_auth_errors_total",
  "xjp_time_to_first_token_seconds",
  "xjp_overhead_seconds",
  "xjp_attempts_total",
  "xjp_breaker_state",
  "xjp_upstream_cancel_seconds",
  "xjp_cost_nano_usd_total",
  "xjp_journal_backlog",
  "xjp_event_loop_lag_seconds",
];

let matrix: Matrix;
beforeAll(async () => {
  matrix = await startMatrix({
    models: ["demo", "demo-reasoning", "demo-fault-500", "demo-fault-hang"],
    settings: ["retry: { attempts_max: 1 }"],
    config: `unlisted_models: allow\nprices:\n${upstreamApis.map((api) => `  ${api}/demo: { input_usd_per_mtok: 1, output_usd_per_mtok: 1 }\n`).join("")}`,
  });
});
afterAll(() => matrix.stop());

const scrape = async () => await (await fetch(`${matrix.gateway.url}/metrics`)).text();

test("all are there after traffic, bounded in labels, and nothing stays open", async () => {
  const { gateway } = matrix;
  const limited = await gateway.createKey({ limits: { requestsPerMinute: 1 } });
  for (const api of allClientApis) {
    for (const upstream of upstreamApis) {
      for (const stream of [true, false]) {
        const asked = {
          api,
          stream,
          headers: { "x-tenant-id": "forged-tenant", "x-xjp-tags": "forged-tag=1" },
        };
        await (await callApi(gateway, { ...asked, model: model("demo", upstream) })).text();
        await (
          await callApi(gateway, { ...asked, model: `${upstream}/forged-model-${api}-${stream}` })
        ).text();
      }
    }
    await (await callApi(gateway, { api, model: "forged-nowhere", stream: false })).text();
    await (await callApi(gateway, { api, model: model("demo-fault-500", "gemini"), stream: false })).text();
    await (
      await callApi(gateway, { api, model: model("demo", "gemini"), stream: false, key: limited.secret })
    ).text();
    await (
      await callApi(gateway, { api, model: model("demo", "gemini"), stream: false, key: "forged-key" })
    ).text();
  }
  const abort = new AbortController();
  const hanging = callApi(gateway, {
    api: "openai-chat",
    model: model("demo-fault-hang", "gemini"),
    stream: true,
    signal: abort.signal,
  });
  await until("a connection counted", async () =>
    (await scrape()).includes("xjp_active_connections 1") ? true : undefined,
  );
  abort.abort();
  await hanging.catch(() => undefined);
  const text = await until("no connection left", async () => {
    const found = await scrape();
    return found.includes("\nxjp_active_connections 0\n") ? found : undefined;
  });

  expect(names.filter((name) => !text.includes(`# TYPE ${name} `))).toEqual([]);
  expect(text).not.toContain("forged");
  const buckets = new Set(
    [...text.matchAll(/^xjp_request_duration_seconds_bucket\{.*?le="([^"]+)"/gm)].map((match) => match[1]),
  );
  buckets.delete("+Inf");
  expect(buckets.size).toBe(9);
  const values = (label: string) =>
    new Set([...text.matchAll(new RegExp(`[{,]${label}="([^"]*)"`, "g"))].map((match) => match[1]));
  const providers = values("provider");
  providers.delete("none");
  expect(providers).toEqual(new Set(upstreamApis));
  expect(values("tenant_id").isSubsetOf(new Set(["acme", ""]))).toBe(true);
  const known = new Set([...gateway.app.world.settings().models.map(({ id }) => id), "unlisted", ""]);
  expect(values("logical_model").isSubsetOf(known)).toBe(true);
  expect(values("status")).toEqual(new Set(["200", "401", "404", "429", "499", "502"]));
  expect(values("type")).toEqual(new Set(["input", "output"]));
  expect(Number(/^xjp_upstream_cancel_seconds_count (\d+)$/m.exec(text)?.[1])).toBe(1);
  expect(text).toMatch(/^xjp_cost_nano_usd_total\{tenant_id="acme",.*\} \d+$/m);
});
