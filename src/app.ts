/**
 * The composition root: configuration and the outside world in, what answers requests out. The only file that wires.
 */
import { readGauges, createTelemetry } from "#telemetry/telemetry.ts";
import { createMetrics } from "#telemetry/metrics.ts";
import type { Log } from "#telemetry/log.ts";
import type { LoadedConfig } from "#config/load.ts";
import type { MediaConfig } from "#config/schema.ts";
import type { Chat } from "#model/chat.ts";
import { toNanoUsd } from "#model/money.ts";
import { inlineMedia, type MediaEnvironment } from "#connectors/inline-media.ts";
import { createSettings } from "#gateway/create-settings.ts";
import { createSealer } from "#gateway/seal-opaque.ts";
import { createThoughtSealer } from "#gateway/seal-thoughts.ts";
import { createThoughtMemory } from "#gateway/thought-memory.ts";
import type { World } from "#gateway/world.ts";
import { HealthRegistry } from "#health/target-health.ts";
import { openJournal } from "#ledger/journal.ts";
import { createSpentReader } from "#ledger/read-spent.ts";
import { createWriter, type WriterEvent } from "#ledger/writer.ts";
import type { Clock } from "#lib/clock.ts";
import type { HttpClient } from "#lib/http-client.ts";
import type { IncomingRequest, OutgoingReply } from "#lib/http-server.ts";
import { createNewId } from "#lib/new-id.ts";
import { Shutdown } from "#lib/shutdown.ts";
import { createLimiter } from "#limits/limiter.ts";
import { anthropicMessages } from "#protocols/anthropic-messages/anthropic-messages.ts";
import { gemini } from "#protocols/gemini/gemini.ts";
import { openaiChat } from "#protocols/openai-chat/openai-chat.ts";
import { openaiResponses } from "#protocols/openai-responses/openai-responses.ts";
import { dispatch } from "#server/routes.ts";
import { createKeyStore, type KeyStore } from "#store/key-store.ts";
import type { Database } from "#store/database.ts";
import { readOrCreateSecret } from "#store/secret-store.ts";
import { createResponseStore } from "#store/response-store.ts";
import { createThoughtStore } from "#store/thought-store.ts";
import { createUsageStore } from "#store/usage-store.ts";
import { createStatusPages, type StatusPages } from "#server/status-pages.ts";

export interface AppOptions {
  readonly loaded: LoadedConfig;
  readonly database: Database;
  readonly clock: Clock;
  readonly random: () => number;
  /** For upstreams. Closed with the app. */
  readonly http: HttpClient;
  /** For what connectors ask beside, such as access tokens. */
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  /** How media that callers name by URL are fetched; guarded against private addresses. */
  readonly media: MediaEnvironment;
  readonly variables: Readonly<Record<string, string | undefined>>;
  readonly log: Log;
  /** Origin of the built-in demo upstream, where one runs. */
  readonly demoUrl?: string;
}

export interface App {
  answer(request: IncomingRequest): OutgoingReply | Promise<OutgoingReply>;
  readonly keys: KeyStore;
  readonly world: World;
  readonly status: StatusPages;
  /** Swaps the configuration; requests under way keep theirs. */
  reload(loaded: LoadedConfig): void;
  /** The drain is over: answers still under way end now, with an error in their own API. */
  cutAnswers(): void;
  /** Writes down what is still in memory and journal. The data port must be closed before. */
  close(): Promise<void>;
}

const SEAL_SECRET = "seal-opaque";
const KEY_FLUSH_MS = 5_000;
/** What has expired is unknown at once; this only gives its space back. */
const PURGE_MS = 600_000;
const LAG_SAMPLE_MS = 1_000;
const CLOSE_MS = 10_000;

export async function createApp(options: AppOptions): Promise<App> {
  const { clock, database, log } = options;
  const now = () => clock.nowMs();
  const metrics = createMetrics();
  const keys = createKeyStore({ database, now, onFailure: (error) => log.warn({ err: error }, "key store") });
  const usage = createUsageStore(database);
  database.startInserts();
  const { journal: journalConfig } = options.loaded.config;
  const journal = openJournal(journalConfig.folder, {
    clock,
    fsync: journalConfig.fsync === "never" ? "never" : { intervalMs: journalConfig.fsync_interval_ms },
    onDamage: (damage) => log.error({ damage }, "journal damaged"),
  });
  const writer = createWriter(journal, usage, {
    clock,
    random: options.random,
    onEvent: (event) => logWriter(log, event),
  });
  const responses = createResponseStore({
    database,
    now,
    onFailure: (error) => log.warn({ err: error }, "an answer could not be kept for its client"),
  });
  const sealSecret = await readOrCreateSecret({ database, name: SEAL_SECRET, now });
  const thoughtStore = createThoughtStore(database, now);
  const thoughts = createThoughtMemory({
    store: thoughtStore,
    sealer: createThoughtSealer(sealSecret),
    clock,
    onFailure: (error) => log.warn({ err: error }, "reasoning could not be kept or found for its client"),
  });
  const context = {
    environment: {
      variables: options.variables,
      nowMs: now,
      fetch: options.fetch,
      ...(options.demoUrl !== undefined && { demoUrl: options.demoUrl }),
    },
    inlineMedia: (chat: Chat, media: MediaConfig, signal: AbortSignal) =>
      inlineMedia(chat, media, { environment: options.media, signal }),
  };
  const ceilingUsd = options.loaded.config.limits.unknown_price_ceiling_usd;
  const ceiling =
    ceilingUsd === undefined ? {} : { unknownPriceCeilingNanoUsd: Number(toNanoUsd(ceilingUsd)) };
  const current = { loaded: options.loaded, settings: createSettings(options.loaded, context) };
  const shutdown = new Shutdown();
  const world: World = {
    clock,
    random: options.random,
    newId: createNewId(now, (count) => crypto.getRandomValues(new Uint8Array(count))),
    http: options.http,
    protocols: {
      "openai-chat": openaiChat,
      "openai-responses": openaiResponses,
      "anthropic-messages": anthropicMessages,
      gemini,
    },
    keys,
    limiter: createLimiter({ clock, restore: createSpentReader(writer, usage), ...ceiling }),
    journal,
    health: new HealthRegistry(),
    sealer: createSealer(sealSecret),
    responses,
    thoughts,
    shutdown,
    telemetry: createTelemetry(metrics, log, clock),
    settings: () => current.settings,
  };
  const status = createStatusPages({
    readMetrics: () => {
      world.telemetry.flush();
      const { targetIds } = current.settings;
      readGauges(metrics, { health: world.health, targetIds, journalBacklog: journal.backlog.records });
      return metrics.registry.metrics();
    },
    metricsToken: () => current.loaded.config.metrics.token?.reveal(),
    unreadyReason: () =>
      current.settings.models.length === 0 ? "no models: configure a connector" : undefined,
  });
  const purge = async () => {
    await responses.purge();
    await thoughtStore.purge(current.settings.thoughts.rowsMax);
  };
  const stopTimers = startTimers(clock, { keys, metrics, log, purge });
  return {
    answer: (request) => status.answer(request) ?? dispatch(world, request),
    keys,
    world,
    status,
    reload(loaded) {
      current.loaded = loaded;
      current.settings = createSettings(loaded, context);
    },
    cutAnswers: () => shutdown.begin(),
    async close() {
      stopTimers();
      options.http.close();
      world.telemetry.flush();
      await keys.close();
      if (!(await writer.close(CLOSE_MS))) log.warn("usage rows are left in the journal for the next start");
      journal.close();
      // Requests whose connection was cut at the end of the drain may have ended only now.
      world.telemetry.flush();
    },
  };
}

interface Timed {
  readonly keys: KeyStore;
  readonly metrics: ReturnType<typeof createMetrics>;
  readonly log: Log;
  /** Sweeps out what has expired. */
  readonly purge: () => Promise<void>;
}

function startTimers(clock: Clock, { keys, metrics, log, purge }: Timed): () => void {
  const stops = [
    every(clock, KEY_FLUSH_MS, () => {
      keys
        .flush()
        .catch((error: unknown) => log.warn({ err: error }, "last_used_at not written, will be retried"));
    }),
    every(clock, PURGE_MS, () => {
      purge().catch((error: unknown) =>
        log.warn({ err: error }, "expired rows not swept out, will be retried"),
      );
    }),
    every(clock, LAG_SAMPLE_MS, (lateMs) => metrics.eventLoopLag.observe(lateMs / 1000)),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}

/** Calls back after each interval with how late the timer fired, until stopped. */
function every(clock: Clock, intervalMs: number, callback: (lateMs: number) => void): () => void {
  const arm = () => {
    const dueMs = clock.monotonicMs() + intervalMs;
    return clock.schedule(intervalMs, () => {
      callback(Math.max(0, clock.monotonicMs() - dueMs));
      timer = arm();
    });
  };
  let timer = arm();
  return () => timer.cancel();
}

function logWriter(log: Log, event: WriterEvent): void {
  switch (event.type) {
    case "failed":
      log.warn(
        { reason: event.failure.message, retry_in_ms: event.retryInMs },
        "usage rows wait in the journal",
      );
      return;
    case "recovered":
      if (event.recovery.owners > 0) log.info(event.recovery, "journal of an earlier process replayed");
      return;
    case "refused":
      log.error({ rows: event.rows.length }, "the database refused usage rows; they are in refused.rows");
      return;
    case "damaged":
      log.error({ damage: event.damage }, "journal damaged");
  }
}
