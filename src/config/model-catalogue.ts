/**
 * From a model's name to where it is served. Configured names and aliases come first, in one map lookup however
 * many there are. Names that are not listed are read: `connector/model` goes to that connector, `claude-...`,
 * `gpt-...`, `gemini-...` and `demo...` to the first kind of connector that has them.
 */
import type { ConnectorType } from "./connector-schema.ts";
import type { LoadedConfig } from "./load.ts";
import { listKnownModels } from "./known-models.ts";
import { type BreakerConfig, type Config, modelDefaults, type ModelConfig } from "./schema.ts";

export interface ResolvedModel {
  /** The name limits, metrics and rows know it by: an alias resolves to its model's. */
  readonly logicalModel: string;
  /** False where the name came from the request alone: then it must not become a metric label. */
  readonly isListed: boolean;
  readonly strategy: ModelConfig["strategy"];
  readonly targets: readonly ResolvedTarget[];
  readonly timeouts: {
    readonly connectMs: number;
    readonly firstTokenMs: number;
    readonly idleMs: number;
    readonly wholeMs?: number;
    readonly totalMs: number;
  };
  readonly retry: {
    readonly attemptsMax: number;
    readonly backoffMs: number;
    readonly backoffMaxMs: number;
  };
  readonly breaker: {
    readonly failureRatio: number;
    readonly requestsMin: number;
    readonly windowMs: number;
    readonly cooldownMs: number;
    readonly cooldownMaxMs: number;
  };
}

interface ResolvedTarget {
  /** `connector/model`. */
  readonly id: string;
  /** The connector's name. */
  readonly connector: string;
  readonly model: string;
  readonly weight: number;
  readonly publisher?: string;
}

export interface ListedModel {
  readonly id: string;
  /** The connector of its first target. */
  readonly ownedBy: string;
}

export type ModelIndex = ReadonlyMap<string, ResolvedModel>;

export function resolveModel(loaded: ResolvableConfig, model: string): ResolvedModel | undefined {
  const { config } = loaded;
  const listed = loaded.models.get(model);
  // The built-in demo was asked for by name (`--demo`), so its models are there beside any list.
  const isDemo = loaded.hasAddedDemo && DEMO_NAME.test(model);
  if (listed || !(isDemo || allowsUnlisted(config))) return listed;
  const target = targetByConnector(config, model) ?? targetByPattern(config, model);
  return target && toResolved(model, { ...modelDefaults, targets: [target] }, false);
}

type ResolvableConfig = Pick<LoadedConfig, "config" | "models" | "hasAddedDemo">;
type Target = ModelConfig["targets"][number];

/** For `GET /v1/models`: what is configured, or what the connectors are known to serve. Aliases are not repeated. */
export function listModels({ config, models, hasAddedDemo }: ResolvableConfig): readonly ListedModel[] {
  const listed = [...new Set(models.values())].map(({ logicalModel, targets }) => ({
    id: logicalModel,
    ownedBy: targets[0]?.connector ?? "",
  }));
  // A configured name hides the connector's model of the same name, in routing and so in the list.
  const others = listKnownModels(config).filter(({ id }) => !models.has(id));
  if (allowsUnlisted(config)) return [...listed, ...others];
  return hasAddedDemo ? [...listed, ...others.filter(({ id }) => DEMO_NAME.test(id))] : listed;
}

/** Built once a load. */
export function indexModels(config: Config): ModelIndex {
  const index = new Map<string, ResolvedModel>();
  for (const [name, model] of Object.entries(config.models)) {
    const resolved = toResolved(name, model, true);
    for (const known of [name, ...model.aliases]) index.set(known, resolved);
  }
  return index;
}

function allowsUnlisted(config: Config): boolean {
  if (config.unlisted_models !== "auto") return config.unlisted_models === "allow";
  return Object.keys(config.models).length === 0;
}

function toResolved(name: string, model: ModelConfig, isListed: boolean): ResolvedModel {
  const { timeouts_ms, retry } = model;
  return {
    logicalModel: name,
    isListed,
    strategy: model.strategy,
    targets: model.targets.map(({ connector, model, weight, publisher }) => ({
      id: `${connector}/${model}`,
      connector,
      model,
      weight,
      ...(publisher !== undefined && { publisher }),
    })),
    timeouts: {
      connectMs: timeouts_ms.connect,
      firstTokenMs: timeouts_ms.first_token,
      idleMs: timeouts_ms.idle,
      ...(timeouts_ms.whole !== undefined && { wholeMs: timeouts_ms.whole }),
      totalMs: timeouts_ms.total,
    },
    retry: {
      attemptsMax: retry.attempts_max,
      backoffMs: retry.backoff_ms,
      backoffMaxMs: retry.backoff_max_ms,
    },
    breaker: toBreaker(model.breaker),
  };
}

function toBreaker(breaker: BreakerConfig): ResolvedModel["breaker"] {
  return {
    failureRatio: breaker.failure_ratio,
    requestsMin: breaker.requests_min,
    windowMs: breaker.window_ms,
    cooldownMs: breaker.cooldown_ms,
    cooldownMaxMs: breaker.cooldown_max_ms,
  };
}

function targetByConnector(config: Config, model: string): Target | undefined {
  const slash = model.indexOf("/");
  const name = model.slice(0, Math.max(0, slash));
  const rest = model.slice(slash + 1);
  if (rest === "" || !Object.hasOwn(config.connectors, name)) return undefined;
  const connector = config.connectors[name];
  // A project's own endpoints are for configured targets: a number in a request must not open any of them.
  if (!connector || (connector.type === "vertex" && rest.startsWith("endpoints/"))) return undefined;
  const id = connector.type === "openrouter" ? withVendor(rest) : spell(connector.type, rest);
  return { connector: name, model: id, weight: 1 };
}

interface Pattern {
  readonly fits: RegExp;
  /** As OpenRouter prefixes it. */
  readonly vendor: string;
  /** Kinds of connector that serve it, best first. */
  readonly types: readonly ConnectorType[];
}

const DEMO_NAME = /^demo(?:$|-)/;

const PATTERNS: readonly Pattern[] = [
  { fits: /^claude-/, vendor: "anthropic", types: ["anthropic", "clewdr", "vertex", "openrouter"] },
  { fits: /^(?:gpt-|chatgpt-|o\d|codex-)/, vendor: "openai", types: ["openai", "openrouter"] },
  { fits: /^text-embedding-/, vendor: "openai", types: ["openai", "openrouter"] },
  { fits: /^gemini-/, vendor: "google", types: ["gemini", "vertex", "openrouter"] },
  { fits: DEMO_NAME, vendor: "demo", types: ["demo"] },
];

function targetByPattern(config: Config, model: string): Target | undefined {
  const pattern = PATTERNS.find(({ fits }) => fits.test(model));
  for (const type of pattern?.types ?? []) {
    const connector = firstOf(config, type);
    if (!pattern || connector === undefined || !serves(config, connector, pattern)) continue;
    const id = type === "openrouter" ? `${pattern.vendor}/${spell(type, model)}` : spell(type, model);
    return { connector, model: id, weight: 1 };
  }
  if (pattern) return undefined;
  // `author/slug` is how OpenRouter names everything it has.
  if (/^[^/]+\/[^/]/.test(model)) return asTarget(firstOf(config, "openrouter"), model);
  return asTarget(loneCompatible(config), model);
}

/** OpenRouter's ids name a vendor, its own for what it routes itself: `openrouter/auto`. */
function withVendor(model: string): string {
  if (model.includes("/")) return model;
  const vendor = PATTERNS.find(({ fits }) => fits.test(model))?.vendor ?? "openrouter";
  return `${vendor}/${spell("openrouter", model)}`;
}

function asTarget(connector: string | undefined, model: string): Target | undefined {
  return connector === undefined ? undefined : { connector, model, weight: 1 };
}

function firstOf(config: Config, type: ConnectorType): string | undefined {
  return Object.entries(config.connectors).find(([, connector]) => connector.type === type)?.[0];
}

/** Vertex without a project (express mode) has only Google's own models. */
function serves(config: Config, connector: string, { vendor }: Pattern): boolean {
  const found = config.connectors[connector];
  return found?.type !== "vertex" || found.project !== undefined || vendor === "google";
}

/** A single server of one's own (Ollama, vLLM) needs no prefix: every name can only mean it. */
function loneCompatible(config: Config): string | undefined {
  const [only, ...others] = Object.entries(config.connectors);
  return only && others.length === 0 && only[1].type === "openai-compatible" ? only[0] : undefined;
}

/** Claude's versions are written with a dot and without a date by OpenRouter, with dashes by everybody else. */
function spell(type: ConnectorType, model: string): string {
  if (!model.startsWith("claude-")) return model;
  switch (type) {
    case "openrouter":
      return model.replace(/-20\d{6}$/, "").replace(/(\d)-(\d)(?!\d)/, "$1.$2");
    case "anthropic":
    case "clewdr":
    case "vertex":
      return model.replace(/(\d)\.(\d)/, "$1-$2");
    case "openai":
    case "gemini":
    case "openai-compatible":
    case "demo":
      return model;
  }
}
