/** Turns a loaded configuration into what requests see of it. Built whole at start and at each reload. */
import type { LoadedConfig } from "#config/load.ts";
import { listModels, resolveModel, type ResolvedModel } from "#config/model-catalogue.ts";
import type { ConnectorEnvironment } from "#connectors/connector-environment.ts";
import type { Connector } from "#connectors/connector.ts";
import { createConnectors } from "#connectors/connectors.ts";
import { createPriceBook } from "#ledger/price.ts";
import type { Chat } from "#model/chat.ts";
import type { Route, Settings } from "./world.ts";

export interface SettingsContext {
  readonly environment: ConnectorEnvironment;
  readonly inlineMedia: (
    chat: Chat,
    media: LoadedConfig["config"]["media"],
    signal: AbortSignal,
  ) => Promise<Chat>;
}

const MS_PER_HOUR = 3_600_000;
const MS_PER_MINUTE = 60_000;

export function createSettings(loaded: LoadedConfig, context: SettingsContext): Settings {
  const { config } = loaded;
  const connectors = createConnectors(config.connectors, context.environment);
  // Configured models keep one Route for their life, so a request allocates none.
  const routes = new Map<string, Route>();
  for (const [name, resolved] of loaded.models) routes.set(name, toRoute(resolved, connectors));
  const models = listModels(loaded);
  const listed = new Set(models.map((model) => model.id));
  return {
    bodyBytesMax: config.server.body_bytes_max,
    bodyTimeoutMs: config.server.body_timeout_ms,
    keeping: {
      ttlMs: Math.round(config.responses.ttl_hours * MS_PER_HOUR),
      inputBytesMax: config.responses.input_bytes_max,
    },
    thoughts: {
      ttlMs: Math.round(config.reasoning_memory.ttl_minutes * MS_PER_MINUTE),
      turnBytesMax: config.reasoning_memory.turn_bytes_max,
      rowsMax: config.reasoning_memory.rows_max,
    },
    prices: createPriceBook({ overrides: config.prices }),
    resolve(model) {
      const known = routes.get(model);
      if (known) return known;
      const resolved = resolveModel(loaded, model);
      if (!resolved) return undefined;
      return { ...toRoute(resolved, connectors), isListed: listed.has(model) };
    },
    models,
    targetIds: [
      ...new Set([...routes.values()].flatMap((route) => route.targets.map((target) => target.id))),
    ],
    inlineMedia: (chat, signal) => context.inlineMedia(chat, config.media, signal),
  };
}

function toRoute(resolved: ResolvedModel, connectors: ReadonlyMap<string, Connector>): Route {
  return {
    logicalModel: resolved.logicalModel,
    isListed: resolved.isListed,
    strategy: resolved.strategy,
    timeouts: resolved.timeouts,
    retry: resolved.retry,
    breaker: {
      windowMs: resolved.breaker.windowMs,
      outcomesMin: resolved.breaker.requestsMin,
      failureRate: resolved.breaker.failureRatio,
      cooldownMs: resolved.breaker.cooldownMs,
      cooldownMaxMs: resolved.breaker.cooldownMaxMs,
    },
    targets: resolved.targets.map((target) => {
      const connector = connectors.get(target.connector);
      if (!connector) throw new Error(`loadConfig let an unknown connector pass: ${target.connector}`);
      return { ...target, connector };
    }),
  };
}
