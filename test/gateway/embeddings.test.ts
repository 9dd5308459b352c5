/** What an embeddings request leaves behind: rows, cost, metrics, and its estimate flagged as one. */
import { afterEach, expect, test } from "bun:test";
import { asNumber, asObject, parseJson, type JsonObject } from "#lib/json.ts";
import { startDemoUpstream, type RunningDemo } from "../demo/start-demo.ts";
import { startGateway, type TestGateway } from "./start-gateway.ts";

let demo: RunningDemo;
let gateway: TestGateway;

afterEach(async () => {
  await gateway.stop();
  await demo.stop();
});

async function start(): Promise<void> {
  demo = await startDemoUpstream();
  gateway = await startGateway({
    config: `connectors:
  openai: { type: demo, base_url: "${demo.url}", protocol: openai-chat }
  google: { type: demo, base_url: "${demo.url}", protocol: gemini }
models:
  counted: { targets: [{ connector: openai, model: demo-embed }] }
  uncounted: { targets: [{ connector: google, model: demo-embed }] }
  moved: { targets: [{ connector: openai, model: demo-fault-500 }, { connector: google, model: demo-embed }], retry: { attempts_max: 2 } }
prices:
  openai/demo-embed: { input_usd_per_mtok: 1, output_usd_per_mtok: 1 }
  google/demo-embed: { input_usd_per_mtok: 1, output_usd_per_mtok: 1 }
`,
  });
}

const ask = (model: string, input: unknown) =>
  fetch(`${gateway.url}/v1/embeddings`, {
    method: "POST",
    headers: { authorization: `Bearer ${gateway.key}` },
    body: JSON.stringify({ model, input }),
  });

const usageOf = async (response: Response): Promise<JsonObject> =>
  asObject(asObject(parseJson(await response.text()))?.["usage"]) ?? {};

test("what the upstream counted is booked to the token, with its price", async () => {
  await start();
  const response = await ask("counted", ["some words to embed"]);
  const usage = await usageOf(response);
  expect(response.headers.get("x-xjp-estimated")).toBeNull();
  expect(response.headers.get("x-xjp-target")).toBe("openai/demo-embed");
  const tokens = asNumber(usage["prompt_tokens"]) ?? 0;
  for (const row of await gateway.rows(2)) {
    expect(row).toMatchObject({ outcome: "ok", cost_source: "config" });
    const numbers = [row["input_tokens"], row["output_tokens"], row["cost_nano_usd"]].map(Number);
    expect(numbers).toEqual([tokens, 0, tokens * 1000]);
  }
  const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
  expect(metrics).toMatch(/xjp_requests_total\{[^}]*logical_model="counted"[^}]*\} 1/);
});

test("what nobody counted is estimated, and says so in the answer and in the row", async () => {
  await start();
  const response = await ask("uncounted", ["sixteen letters!", "four"]);
  const usage = await usageOf(response);
  expect(usage).toEqual({ prompt_tokens: 5, total_tokens: 5 });
  expect(response.headers.get("x-xjp-estimated")).toBe("true");
  for (const row of await gateway.rows(2)) {
    expect([row["input_tokens"], row["output_tokens"]].map(Number)).toEqual([5, 0]);
    expect(row["cost_source"]).toBe("estimated");
  }
});

test("a failed attempt has its row beside the one that answered", async () => {
  await start();
  const response = await ask("moved", "a");
  expect(response.headers.get("x-xjp-attempts")).toBe("2");
  await response.text();
  const rows = await gateway.rows(3);
  const outcomes = rows.map((row) => [row["kind"], row["outcome"], row["target"]]);
  expect(outcomes).toContainEqual(["attempt", "failed", "openai/demo-fault-500"]);
  expect(outcomes).toContainEqual(["attempt", "ok", "google/demo-embed"]);
  expect(outcomes).toContainEqual(["request", "ok", "google/demo-embed"]);
});
