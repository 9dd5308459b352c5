/**
 * Reads the configuration: file, environment, or nothing at all. Every mistake is reported at once, with its path
 * and, where the file tells, its line. What it gives is complete and checked; nobody validates again.
 */
import { readFileSync } from "node:fs";
import type { z } from "zod";
import { asObject, isObject, type Json, type JsonObject } from "#lib/json.ts";
import { checkReferences } from "./check-references.ts";
import { brokenYamlLine } from "./broken-yaml-line.ts";
import { describeIssue } from "./describe-issue.ts";
import {
  applyEnvironment,
  connectorsFromEnvironment,
  connectorVariable,
  DEMO_CONNECTOR,
  type Filled,
} from "./environment-config.ts";
import { interpolate, pathKey, type Variables } from "./interpolate.ts";
import { ConfigError, type Mistake, type Path } from "./mistake.ts";
import { indexModels, type ModelIndex } from "./model-catalogue.ts";
import { type Config, configSchema } from "./schema.ts";
import { readYamlLines, type YamlLines } from "./yaml-lines.ts";

export interface ConfigSource {
  /** The file; or its text, with `path` only as its name. Neither: the environment. */
  readonly path?: string;
  readonly text?: string;
  readonly environment: Variables;
  /** Add the built-in demo upstream, whatever else is configured. */
  readonly demo?: boolean;
}

export interface LoadedConfig {
  readonly config: Config;
  /** Every configured name and alias, looked up in one step however many there are. */
  readonly models: ModelIndex;
  readonly path?: string;
  /** The demo connector stands in no file: `--demo` asked for it, or nothing else was configured. */
  readonly hasAddedDemo: boolean;
  /** Whether a demo connector wants the built-in demo upstream started. */
  readonly needsDemo: boolean;
}

/** Throws `ConfigError` with all mistakes. */
export function loadConfig(source: ConfigSource): LoadedConfig {
  const text = source.text ?? (source.path === undefined ? undefined : readText(source.path));
  const lines = text === undefined ? undefined : readYamlLines(text);
  const parsed = text === undefined ? {} : parseYaml(text, source.path);
  const interpolated = interpolate(parsed, source.environment);
  const written = asObject(interpolated.value) ?? {};
  const { file, filled } = applyEnvironment(withConnectors(written, source), source.environment);
  const touched = new Set([...interpolated.touched, ...filled.map(({ path }) => pathKey(path))]);

  const result = parseLeniently(file, touched);
  const variableOf = findVariables(filled, written);
  const schemaMistakes = result.success
    ? []
    : result.error.issues.flatMap(toMistakes).map((mistake) => withVariable(mistake, variableOf));
  const mistakes = [
    ...interpolated.mistakes,
    ...(lines?.repeated ?? []),
    ...schemaMistakes,
    ...checkReferences(file),
  ];
  if (!result.success || mistakes.length > 0) throw new ConfigError(inOrder(mistakes, lines), source.path);
  const config = result.data;
  return {
    config,
    models: indexModels(config),
    ...(source.path !== undefined && { path: source.path }),
    hasAddedDemo: asObject(file["connectors"])?.["demo"] === DEMO_CONNECTOR,
    needsDemo: Object.values(config.connectors).some(
      (connector) => connector.type === "demo" && connector.base_url === undefined,
    ),
  };
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unreadable";
    throw new ConfigError([{ path: [], message: `cannot read the file (${code})` }], path);
  }
}

function parseYaml(text: string, path: string | undefined): Json {
  try {
    const value: unknown = Bun.YAML.parse(text);
    if (value === null || value === undefined) return {};
    if (isObject(value)) return value;
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace("YAML Parse error: ", "") : "unreadable";
    const line = brokenYamlLine(text);
    const message = `not valid YAML${line === undefined ? "" : " from here on"}: ${reason}`;
    throw new ConfigError([{ path: [], message, ...(line !== undefined && { line }) }], path);
  }
  throw new ConfigError(
    [{ path: [], message: "the file must be a mapping (server:, connectors:, ...)" }],
    path,
  );
}

/** A file's connectors stand alone; where it has none, the environment's come up; without those, the demo's. */
function withConnectors(file: JsonObject, source: ConfigSource): JsonObject {
  const own = file["connectors"] ?? connectorsFromEnvironment(source.environment);
  const connectors = asObject(own);
  if (!connectors) return file;
  const wantsDemo = source.demo === true || Object.keys(connectors).length === 0;
  const hasDemo = Object.values(connectors).some((connector) => asObject(connector)?.["type"] === "demo");
  if (!wantsDemo || hasDemo || connectors["demo"] !== undefined) return { ...file, connectors };
  return { ...file, connectors: { ...connectors, demo: DEMO_CONNECTOR } };
}

type ParseResult = z.ZodSafeParseResult<Config>;

/** Text from a variable may stand where a number or a truth value is wanted, and only there is it read as one. */
function parseLeniently(file: JsonObject, touched: ReadonlySet<string>): ParseResult {
  const first = configSchema.safeParse(file);
  if (first.success) return first;
  let mended: Json = file;
  for (const issue of first.error.issues) {
    const path = toPath(issue.path);
    if (issue.code !== "invalid_type" || !touched.has(pathKey(path))) continue;
    mended = mend(mended, path, issue.expected);
  }
  return mended === file ? first : configSchema.safeParse(mended);
}

function mend(value: Json, path: Path, expected: string): Json {
  const [step, ...rest] = path;
  if (step === undefined) return typeof value === "string" ? read(value, expected) : value;
  if (Array.isArray(value)) {
    return value.map((item: Json, index) => (index === step ? mend(item, rest, expected) : item));
  }
  const inner = isObject(value) ? value[step] : undefined;
  return inner === undefined || !isObject(value) ? value : { ...value, [step]: mend(inner, rest, expected) };
}

function read(text: string, expected: string): Json {
  if (expected === "boolean" && (text === "true" || text === "false")) return text === "true";
  const isNumber = expected === "number" || expected === "int";
  return isNumber && /^-?\d+(?:\.\d+)?$/.test(text.trim()) ? Number(text) : text;
}

function toMistakes(issue: z.core.$ZodIssue): readonly Mistake[] {
  const path = toPath(issue.path);
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({ path: [...path, key], message: "unknown field" }));
  }
  if (issue.code === "invalid_key") return issue.issues.map(({ message }) => ({ path, message }));
  return [{ path, message: describeIssue(issue) }];
}

function toPath(path: readonly PropertyKey[]): Path {
  return path.map((step) => (typeof step === "number" ? step : String(step)));
}

/** Which variable brought what stands at a path. A file's own connectors owe the environment nothing. */
function findVariables(filled: readonly Filled[], written: JsonObject): (path: Path) => string | undefined {
  const variables = new Map(filled.map(({ path, variable }) => [pathKey(path), variable]));
  return (path) =>
    variables.get(pathKey(path)) ??
    (written["connectors"] === undefined ? connectorVariable(path) : undefined);
}

function withVariable(mistake: Mistake, variableOf: (path: Path) => string | undefined): Mistake {
  const variable = variableOf(mistake.path);
  return variable === undefined ? mistake : { ...mistake, variable };
}

/** By line, and one mistake a place: a missing variable must not be reported a second time as an empty value. */
function inOrder(mistakes: readonly Mistake[], lines: YamlLines | undefined): readonly Mistake[] {
  const first = new Map<string, Mistake>();
  for (const mistake of mistakes) {
    const key = pathKey(mistake.path);
    if (!first.has(key)) first.set(key, withLine(mistake, lines));
  }
  return [...first.values()].sort((a, b) => (a.line ?? 0) - (b.line ?? 0));
}

function withLine(mistake: Mistake, lines: YamlLines | undefined): Mistake {
  const line = mistake.line ?? (mistake.variable === undefined ? lines?.lineOf(mistake.path) : undefined);
  return line === undefined ? mistake : { ...mistake, line };
}
