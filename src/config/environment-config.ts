/** What environment variables configure by themselves: connectors where there is no file, and a few settings. */
import { asObject, type JsonObject, type MutableJsonObject } from "#lib/json.ts";
import type { Variables } from "./interpolate.ts";
import type { Path } from "./mistake.ts";

export const DEMO_CONNECTOR: JsonObject = { type: "demo" };

/** Connectors whose variables are set, in the order in which a bare model name looks for one. */
export function connectorsFromEnvironment(variables: Variables): JsonObject {
  const found: MutableJsonObject = {};
  for (const [name, read] of Object.entries(READERS)) {
    const connector = read((variable) => variables[variable]?.trim() || undefined);
    if (connector) found[name] = connector;
  }
  return found;
}

type Read = (variable: string) => string | undefined;

const READERS: Readonly<Record<string, (read: Read) => JsonObject | undefined>> = {
  openrouter: (read) => withKey("openrouter", read("OPENROUTER_API_KEY")),
  vertex: readVertex,
  clewdr: readClewdr,
  anthropic: (read) => withKey("anthropic", read("ANTHROPIC_API_KEY")),
  openai: (read) => withKey("openai", read("OPENAI_API_KEY")),
  gemini: (read) => withKey("gemini", read("GEMINI_API_KEY")),
};

function withKey(type: string, key: string | undefined): JsonObject | undefined {
  return key === undefined ? undefined : { type, api_key: key };
}

function readVertex(read: Read): JsonObject | undefined {
  const project = read("VERTEX_PROJECT");
  const region = read("VERTEX_REGION");
  const key = read("VERTEX_API_KEY");
  if (project === undefined && key === undefined) return undefined;
  return {
    type: "vertex",
    ...(project !== undefined && { project }),
    ...(region !== undefined && { region }),
    ...(key !== undefined && { api_key: key }),
  };
}

function readClewdr(read: Read): JsonObject | undefined {
  const url = read("CLEWDR_URL");
  const key = read("CLEWDR_API_KEY");
  if (url === undefined && key === undefined) return undefined;
  return {
    type: "clewdr",
    ...(url !== undefined && { base_url: url }),
    ...(key !== undefined && { api_key: key }),
  };
}

/**
 * Settings the environment gives before the file: commands that read no file (`xjp keygen`) must find the same
 * database, and one file serves several deployments.
 */
const SETTINGS: readonly (readonly [variable: string, section: string, field: string])[] = [
  ["HOST", "server", "host"],
  ["PORT", "server", "port"],
  ["DATABASE_URL", "database", "url"],
  ["LOG_LEVEL", "log", "level"],
];

export interface Settled {
  readonly file: JsonObject;
  /** Paths set by the environment, where a number is text. */
  readonly filled: readonly Path[];
}

export function applyEnvironment(file: JsonObject, variables: Variables): Settled {
  const settled: MutableJsonObject = { ...file };
  const filled: Path[] = [];
  for (const [variable, section, field] of SETTINGS) {
    const value = variables[variable]?.trim() ?? "";
    const present = settled[section] ?? {};
    const fields = asObject(present);
    if (value === "" || !fields) continue;
    settled[section] = { ...fields, [field]: value };
    filled.push([section, field]);
  }
  return { file: settled, filled };
}
