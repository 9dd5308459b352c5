import { expect, test } from "bun:test";
import { loadConfig } from "./load.ts";
import { waitingForRestart } from "./waiting-for-restart.ts";

const configOf = (text: string) => loadConfig({ text, environment: {} }).config;

test("settings of the start wait for a restart, named without their values", () => {
  const text = `server: { port: 1, host: "::1", drain_ms: 5, drain_delay_ms: 3, body_bytes_max: 9, body_timeout_ms: 9 }
database: { url: "postgres://user:hunter2@h/x" }
journal: { folder: other }
log: { level: warn }
limits: { unknown_price_ceiling_usd: 1 }
metrics: { token: hunter2 }
media: { fetch_urls: false }
`;
  expect(waitingForRestart(configOf(""), configOf(text))).toEqual([
    "server.host",
    "server.port",
    "server.drain_delay_ms",
    "server.drain_ms",
    "database.url",
    "journal.folder",
    "log.level",
    "limits.unknown_price_ceiling_usd",
  ]);
});

test("a setting that is taken out again waits too, and what is as at the start does not", () => {
  const limited = configOf("limits: { unknown_price_ceiling_usd: 1 }");
  expect(waitingForRestart(limited, configOf(""))).toEqual(["limits.unknown_price_ceiling_usd"]);
  expect(waitingForRestart(limited, configOf("limits: { unknown_price_ceiling_usd: 1 }"))).toEqual([]);
});
