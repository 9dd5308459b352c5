/** `xjp config`: checks a configuration file, prints its JSON Schema or its reference page. */
import { renderConfigReference } from "#config/config-reference.ts";
import { loadConfig, type LoadedConfig } from "#config/load.ts";
import { ConfigError, formatMistake } from "#config/mistake.ts";
import { configJsonSchema } from "#config/schema.ts";
import { type Command, exitCodes, type Io, parseArguments, UsageError } from "./command.ts";

const usage = `xjp config check FILE [--json]
xjp config schema
xjp config reference

\`check\` tells every mistake at once, each with its line and path, and exits with 1 if there is one. Environment
variables named in the file must be set.
\`schema\` prints the file's JSON Schema, for editors; \`reference\` the reference page.

  --json           mistakes for scripts
`;

export const config: Command = {
  name: "config",
  summary: "check a configuration file, or print its schema",
  usage,
  async run(given, io) {
    const options = { json: { type: "boolean", default: false } } as const;
    const { values, positionals } = parseArguments(given, { options, positionalsMax: 2 });
    const [action = "", path] = positionals;
    switch (action) {
      case "check":
        if (path === undefined) throw new UsageError("config check needs a FILE.");
        return check(path, values.json, io);
      case "schema":
        if (path !== undefined) throw new UsageError(`"${path}" is one argument too many.`);
        io.stdout.write(`${JSON.stringify(configJsonSchema(), undefined, 2)}\n`);
        return exitCodes.done;
      case "reference":
        if (path !== undefined) throw new UsageError(`"${path}" is one argument too many.`);
        io.stdout.write(renderConfigReference(configJsonSchema()));
        return exitCodes.done;
      default:
        throw new UsageError("write config check FILE, config schema or config reference.");
    }
  },
};

function check(path: string, json: boolean, io: Io): number {
  try {
    const loaded = loadConfig({ path, environment: io.env });
    io.stdout.write(json ? '{"ok":true,"mistakes":[]}\n' : `${path}: ok, ${summaryOf(loaded)}\n`);
    return exitCodes.done;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const { mistakes } = error;
    if (json) io.stdout.write(`${JSON.stringify({ ok: false, mistakes })}\n`);
    else for (const mistake of mistakes) io.stderr.write(`${formatMistake(mistake, path)}\n`);
    return exitCodes.failed;
  }
}

function summaryOf({ config }: LoadedConfig): string {
  const connectors = Object.keys(config.connectors);
  const models = Object.keys(config.models);
  return `connectors: ${connectors.join(", ")}; models: ${models.length === 0 ? "by name" : models.join(", ")}`;
}
