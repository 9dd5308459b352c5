/**
 * What `GET /v1/models` shows for connectors that came up without a list of models. It is a courtesy to clients that
 * offer a choice, not a limit: whatever name the provider knows is routed. Names as of November 2026.
 */
import type { ConnectorType } from "./connector-schema.ts";
import type { ListedModel } from "./model-catalogue.ts";
import type { Config } from "./schema.ts";

const CLAUDE = [
  "claude-opus-5",
  "claude-sonnet-5",
  "claude-opus-4-8",
  "claude-sonnet-4-6",
  "claude-haiku-4-5-20251001",
];
const GEMINI = ["gemini-3-pro-preview", "gemini-2.5-pro", "gemini-2.5-flash", "gemini-2.5-flash-lite"];
const OPENAI = [
  "gpt-5.1",
  "gpt-5",
  "gpt-5-mini",
  "gpt-4.1",
  "gpt-4o",
  "gpt-4o-mini",
  "text-embedding-3-small",
];

const BY_TYPE: Readonly<Record<ConnectorType, readonly string[]>> = {
  anthropic: CLAUDE,
  clewdr: CLAUDE,
  vertex: GEMINI,
  gemini: GEMINI,
  openai: OPENAI,
  openrouter: ["openrouter/auto"],
  "openai-compatible": [],
  demo: ["demo", "demo-lorem-100", "demo-reasoning", "demo-tools", "demo-vision", "demo-json"],
};

/** Each name once, under the first connector that has it. */
export function listKnownModels(config: Config): readonly ListedModel[] {
  const listed = new Map<string, ListedModel>();
  for (const [name, { type }] of Object.entries(config.connectors)) {
    for (const id of BY_TYPE[type]) if (!listed.has(id)) listed.set(id, { id, ownedBy: name });
  }
  return [...listed.values()];
}
