/** What environment variables configure by themselves: connectors where there is no file, and a few settings. */
import { asObject, type JsonObject, type MutableJsonObject } from "#lib/json.ts";
import type { Variables } from "./interpolate.ts";
import type { Path } from "./mistake.ts";

export const DEMO_CONNECTOR: JsonObject = { type: "demo" };

/** A value that the environment brought, where a number is text. */
export interface Filled {
  readonly path: Path;
  readonly variable: string;
}

interface ConnectorVariables {
  readonly type: string;
  /** By the connector's field. */
  readonly fields: Readonly<Record<string, string>>;
  /** Variables of which one at least must be set for the connector to come up. */
  readonly startedBy: readonly string[];
}

const CONNECTORS: readonly ConnectorVariables[] = [
  withKey("openrouter", "OPENROUTER_API_KEY"),
  {
    type: "vertex",
    fields: { project: "VERTEX_PROJECT", region: "VERTEX_REGION", api_key: "VERTEX_API_KEY" },
    startedBy: ["VERTEX_PROJECT", "VERTEX_API_KEY"],
  },
  {
    type: "clewdr",
    fields: { base_url: "CLEWDR_URL", api_key: "CLEWDR_API_KEY" },
    startedBy: ["CLEWDR_URL", "CLEWDR_API_KEY"],
  },
  withKey("anthropic", "ANTHROPIC_API_KEY"),
  withKey("openai", "OPENAI_API_KEY"),
  withKey("gemini", "GEMINI_API_KEY"),
];

function withKey(type: string, variable: string): ConnectorVariables {
  return { type, fields: { api_key: variable }, startedBy: [variable] };
}

/** Connectors whose variables are set, in the order in which a bare model name looks for one. */
export function connectorsFromEnvironment(variables: Variables): JsonObject {
  const found: MutableJsonObject = {};
  for (const { type, fields, startedBy } of CONNECTORS) {
    if (startedBy.every((variable) => valueOf(variables, variable) === "")) continue;
    const given = Object.entries(fields).map(([field, variable]) => [field, valueOf(variables, variable)]);
    found[type] = { type, ...Object.fromEntries(given.filter(([, value]) => value !== "")) };
  }
  return found;
}

/** The variable that such a connector has its field from. */
export function connectorVariable([section, name, field]: Path): string | undefined {
  if (section !== "connectors") return undefined;
  return CONNECTORS.find(({ type }) => type === name)?.fields[String(field)];
}

function valueOf(variables: Variables, name: string): string {
  return variables[name]?.trim() ?? "";
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
  readonly filled: readonly Filled[];
}

export function applyEnvironment(file: JsonObject, variables: Variables): Settled {
  const settled: MutableJsonObject = { ...file };
  const filled: Filled[] = [];
  for (const [variable, section, field] of SETTINGS) {
    const value = valueOf(variables, variable);
    const present = settled[section] ?? {};
    const fields = asObject(present);
    if (value === "" || !fields) continue;
    settled[section] = { ...fields, [field]: value };
    filled.push({ path: [section, field], variable });
  }
  return { file: settled, filled };
}
