/** The database goes away under traffic and comes back: known keys never notice, nothing is lost, nobody restarts. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { startDemoUpstream, type RunningDemo } from "../demo/start-demo.ts";
import { startPostgres, type Postgres } from "../store/postgres.ts";
import { allClientApis, callApi } from "./call-api.ts";
import { startGateway, type TestGateway } from "./start-gateway.ts";
import { until } from "./until.ts";

const MINUTE_MS = 60_000;
let postgres: Postgres;
let demo: RunningDemo;
let gateway: TestGateway;

beforeAll(async () => {
  postgres = await startPostgres();
  demo = await startDemoUpstream();
  gateway = await startGateway({
    databaseUrl: await postgres.createDatabase(),
    config: `connectors: { d: { type: demo, base_url: "${demo.url}" } }\nmodels: { m: { targets: [{ connector: d, model: demo }] } }\n`,
  });
}, MINUTE_MS);
afterAll(async () => {
  await gateway.stop();
  await demo.stop();
  await postgres.stop();
}, MINUTE_MS);

const plain = { api: "openai-chat", model: "m", stream: true } as const;
const statusOf = async (path: string) => (await fetch(`${gateway.url}${path}`)).status;

test(
  "known keys work, unknown ones get 503 and never 401, and every row arrives after",
  async () => {
    const unseen = await gateway.createKey();
    const requestIds: string[] = [];
    const ask = async (key = gateway.key, api: (typeof allClientApis)[number] = "openai-chat") => {
      const response = await callApi(gateway, { ...plain, api, key });
      const text = await response.text();
      if (response.ok) requestIds.push(response.headers.get("x-request-id") ?? "");
      return { status: response.status, text };
    };
    expect((await ask()).status).toBe(200);

    await postgres.kill();
    for (let round = 0; round < 5; round += 1) {
      for (const api of allClientApis) {
        expect((await ask(gateway.key, api)).status).toBe(200);
        const unknown = await ask(unseen.secret, api);
        expect(unknown.status).toBe(503);
        expect(unknown.text).toContain("store");
        expect((await ask(`XJP_${"b".repeat(43)}`, api)).status).toBe(503);
        expect((await ask("nonsense", api)).status).toBe(401);
      }
    }
    expect(await statusOf("/healthz")).toBe(200);
    // It can still serve whom it knows: a balancer that took it away would make an outage of it.
    expect(await statusOf("/readyz")).toBe(200);
    const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
    expect(Number(/^xjp_journal_backlog (\d+)$/m.exec(metrics)?.[1])).toBeGreaterThan(0);

    await postgres.restart();
    await until("the unseen key known", async () =>
      (await ask(unseen.secret)).status === 200 ? true : undefined,
    );
    expect((await ask(`XJP_${"b".repeat(43)}`)).status).toBe(401);
    const wanted = new Set(requestIds);
    const rows = await until(
      "every row",
      async () => {
        const found = [
          ...(await gateway.database
            .sql`SELECT request_id FROM usage_logs WHERE kind = 'request' AND outcome = 'ok'`),
        ];
        return wanted.isSubsetOf(new Set(found.map((row) => String(row.request_id)))) ? found : undefined;
      },
      30_000,
    );
    expect(rows).toHaveLength(wanted.size);
  },
  MINUTE_MS,
);
