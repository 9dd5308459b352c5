/**
 * What each Claude family takes, as a table. It moves monthly: keep it data. A `claude-*` id new to us reads as the
 * newest row; a model of another maker behind this API is taken at its word.
 */
import { lookUp } from "#lib/look-up.ts";
import type { Effort } from "#model/chat.ts";
import type { Dialect } from "#protocols/protocol.ts";

export interface ModelRules {
  /** Also the default of `max_tokens`, which this API demands and others do not. */
  readonly outputTokensMax: number;
  /** Whether the row was written for this model: only then is its maximum a bound. */
  readonly isCatalogued: boolean;
  /** Values of `thinking.type` it accepts. */
  readonly thinking: readonly ("enabled" | "adaptive" | "disabled" | "between_tools")[];
  /** Whether it thinks when nothing is said. */
  readonly thinksByDefault: boolean;
  readonly efforts: readonly Effort[];
  /** `one`: temperature or top_p, not both. */
  readonly sampling: "free" | "one" | "not_while_thinking" | "refused";
  readonly takesPrefill: boolean;
  readonly takesForcedTool: boolean;
  readonly hasStructuredOutput: boolean;
  /** Role `system` between turns. */
  readonly takesMidSystem: boolean;
}

const toHigh = ["low", "medium", "high"] as const;
const toMax = ["low", "medium", "high", "max"] as const;
const all = ["low", "medium", "high", "xhigh", "max"] as const;

const plain: ModelRules = {
  outputTokensMax: 4096,
  isCatalogued: true,
  thinking: ["disabled"],
  thinksByDefault: false,
  efforts: [],
  sampling: "free",
  takesPrefill: true,
  takesForcedTool: true,
  hasStructuredOutput: false,
  takesMidSystem: false,
};
const budgeted: ModelRules = { ...plain, outputTokensMax: 64_000, thinking: ["enabled", "disabled"] };
const four5: ModelRules = { ...budgeted, sampling: "one", hasStructuredOutput: true };
const four6: ModelRules = {
  ...four5,
  outputTokensMax: 128_000,
  thinking: ["adaptive", "enabled", "disabled"],
  efforts: toMax,
  sampling: "not_while_thinking",
};
const four7: ModelRules = {
  ...four6,
  thinking: ["adaptive", "disabled"],
  efforts: all,
  sampling: "refused",
  takesPrefill: false,
};
const five: ModelRules = { ...four7, thinksByDefault: true, takesMidSystem: true };
const newest: ModelRules = { ...five, thinking: ["adaptive"], takesForcedTool: false };

const families: Readonly<Record<string, ModelRules>> = {
  "haiku-3": plain,
  "sonnet-3": plain,
  "opus-3": plain,
  "haiku-3-5": { ...plain, outputTokensMax: 8192 },
  "sonnet-3-5": { ...plain, outputTokensMax: 8192 },
  "sonnet-3-7": budgeted,
  "sonnet-4": budgeted,
  "opus-4": { ...budgeted, outputTokensMax: 32_000 },
  "opus-4-1": { ...budgeted, outputTokensMax: 32_000, sampling: "one" },
  "sonnet-4-5": four5,
  "haiku-4-5": four5,
  "opus-4-5": { ...four5, efforts: toHigh },
  "sonnet-4-6": four6,
  "opus-4-6": { ...four6, takesPrefill: false },
  "opus-4-7": four7,
  "opus-4-8": four7,
  "sonnet-5": five,
  "opus-5": five,
  "fable-5": { ...newest, takesForcedTool: true },
  "fable-5-1": newest,
  "fable-5-2": newest,
  "opus-5-5": newest,
  "sonnet-5-5": { ...newest, thinking: ["adaptive", "between_tools"] },
  "haiku-5-5": five,
};

/** One of theirs that is newer than this table. */
const unknown: ModelRules = { ...newest, isCatalogued: false };
/** Another maker's model behind this API. */
const foreign: ModelRules = {
  ...plain,
  outputTokensMax: 8192,
  isCatalogued: false,
  thinking: ["enabled", "disabled"],
};
/** One of theirs, hidden behind an alias. */
const hidden: ModelRules = { ...foreign, hasStructuredOutput: true };

export function modelRules(dialect: Dialect): ModelRules {
  const family = familyOf(dialect.model);
  if (family !== undefined) return lookUp(families, family) ?? unknown;
  return dialect.vendor === "anthropic" ? hidden : foreign;
}

/** `anthropic/claude-sonnet-4.5`, `claude-3-5-haiku-latest`, `claude-opus-4-1@20250805` -> `opus-4-1`. */
function familyOf(model: string): string | undefined {
  const id = model.toLowerCase().replaceAll(".", "-");
  const start = id.lastIndexOf("claude-");
  if (start < 0) return undefined;
  const name = id.slice(start + "claude-".length);
  const modern = /^([a-z]+)-(\d{1,2})(?:-(\d{1,2}))?(?!\d)/.exec(name);
  if (modern) return joined(modern[1], modern[2], modern[3]);
  const early = /^(\d)(?:-(\d))?-([a-z]+)/.exec(name);
  return early ? joined(early[3], early[1], early[2]) : "unknown";
}

/** `-0` is no version: `claude-opus-4-0` is Opus 4. */
function joined(name = "", major = "", minor?: string): string {
  return minor === undefined || minor === "0" ? `${name}-${major}` : `${name}-${major}-${minor}`;
}
