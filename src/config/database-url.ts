/**
 * Only where the database is, from a configuration file that may be incomplete here: whoever makes a key need not have
 * the providers' secrets in their environment.
 */
import { readFileSync } from "node:fs";
import { asObject, asString } from "#lib/json.ts";
import { interpolate, type Variables } from "./interpolate.ts";
import { ConfigError } from "./mistake.ts";

/** Undefined where the file does not say. Throws `ConfigError` where it cannot be read. */
export function readDatabaseUrl(path: string, environment: Variables): string | undefined {
  try {
    const parsed: unknown = Bun.YAML.parse(readFileSync(path, "utf8"));
    const database = asObject(asObject(parsed)?.["database"]) ?? {};
    return asString(asObject(interpolate(database, environment).value)?.["url"]);
  } catch (error) {
    throw new ConfigError(
      [{ path: [], message: `cannot read where the database is: ${String(error)}` }],
      path,
    );
  }
}
