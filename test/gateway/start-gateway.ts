/** A listening gateway for tests: the real app on a real port, with its own database and journal in a fresh folder. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createApp, type App } from "../../src/app.ts";
import { loadConfig } from "#config/load.ts";
import { systemClock } from "#lib/clock.ts";
import { ConnectionPool } from "#lib/connection-pool.ts";
import { createFetchClient } from "#lib/fetch-client.ts";
import { resolveHost } from "#lib/safe-fetch.ts";
import { Turn } from "#lib/turn.ts";
import { listen } from "#server/listen.ts";
import { openDatabase, type Database } from "#store/database.ts";
import type { NewKey } from "#store/key-store.ts";
import { createLog } from "#telemetry/log.ts";

export interface GatewayOptions {
  /** YAML of `connectors`, `models` and whatever else; server, database and journal are ours. */
  readonly config: string;
  readonly variables?: Readonly<Record<string, string>>;
  /** Another database than a fresh SQLite file. */
  readonly databaseUrl?: string;
  readonly bodyBytesMax?: number;
  readonly bodyTimeoutMs?: number;
  readonly drainMs?: number;
  /** Upstreams without a socket, where a test decides over every network chunk. */
  readonly upstream?: (url: string, init: RequestInit) => Promise<Response>;
}

export interface TestGateway {
  readonly url: string;
  /** A key without limits. */
  readonly key: string;
  readonly keyId: string;
  readonly app: App;
  readonly database: Database;
  readonly folder: string;
  readonly logLines: readonly string[];
  createKey(key?: Partial<NewKey>): Promise<{ readonly secret: string; readonly id: string }>;
  /** Usage rows once `count` of them are there, oldest first. Throws where they do not come. */
  rows(count: number): Promise<readonly UsageRow[]>;
  stop(): Promise<void>;
}

export type UsageRow = Readonly<Record<string, unknown>>;

const ROWS_TIMEOUT_MS = 5_000;
const POLL_MS = 20;

export async function startGateway(options: GatewayOptions): Promise<TestGateway> {
  const folder = await mkdtemp(join(tmpdir(), "xjp-gateway-"));
  const variables = options.variables ?? {};
  const bytes = options.bodyBytesMax === undefined ? "" : `, body_bytes_max: ${options.bodyBytesMax}`;
  const bound =
    options.bodyTimeoutMs === undefined ? bytes : `${bytes}, body_timeout_ms: ${options.bodyTimeoutMs}`;
  const own = `server: { host: 127.0.0.1, port: 0, drain_ms: ${options.drainMs ?? 500}${bound} }
database: { url: "${options.databaseUrl ?? `sqlite:${folder}/xjp.db`}" }
journal: { folder: "${folder}/journal" }
`;
  const loaded = loadConfig({ text: own + options.config, environment: variables });
  const database = await openDatabase(loaded.config.database.url);
  const logLines: string[] = [];
  const turn = new Turn();
  const app = await createApp({
    loaded,
    database,
    clock: systemClock,
    random: Math.random,
    http: options.upstream ? createFetchClient(options.upstream) : new ConnectionPool(systemClock, turn),
    fetch: (url, init) => fetch(url, init),
    media: { fetch: (url, init) => fetch(url, init), resolve: resolveHost },
    variables,
    log: createLog({ level: "info", write: (line) => logLines.push(line) }),
  });
  const bugs: unknown[] = [];
  const { host, port, drain_ms: drainMs } = loaded.config.server;
  const listener = listen({
    host,
    port,
    drainMs,
    turn,
    answer: (request) => app.answer(request),
    onDrainOver: () => app.cutAnswers(),
    onBug: (bug) => bugs.push(bug),
  });
  const createKey = async (key: Partial<NewKey> = {}) => {
    const created = await app.keys.create({ tenantId: "acme", ...key });
    return { secret: created.secret, id: created.key.id };
  };
  const first = await createKey();
  return {
    url: listener.url,
    key: first.secret,
    keyId: first.id,
    app,
    database,
    folder,
    get logLines() {
      app.world.telemetry.flush();
      return logLines;
    },
    createKey,
    rows: (count) => waitForRows(database, count),
    async stop() {
      await listener.close();
      await app.close();
      await database.close();
      await rm(folder, { recursive: true, force: true });
      if (bugs.length > 0) throw new AggregateError(bugs, "bugs outside a request");
    },
  };
}

/** The writer moves rows within a fraction of a second; a test waits for the rows, not for a time. */
async function waitForRows(database: Database, count: number): Promise<readonly UsageRow[]> {
  const deadlineMs = performance.now() + ROWS_TIMEOUT_MS;
  for (;;) {
    const rows = await database.sql`SELECT * FROM usage_logs ORDER BY created_at, id`;
    if (rows.length >= count) return [...rows];
    if (performance.now() > deadlineMs) throw new Error(`${rows.length} usage rows came, not ${count}`);
    await Bun.sleep(POLL_MS);
  }
}
