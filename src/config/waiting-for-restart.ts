/** Which settings a reload cannot bring into force: what was opened with them at the start stays open. */
import type { Config } from "./schema.ts";

const SECTIONS = ["server", "database", "journal", "log", "limits"] as const;
/** Of these sections, what each request reads anew. */
const RELOADED = new Set(["server.body_bytes_max", "server.body_timeout_ms"]);

/** Names alone, such as `server.port`: a value may be a secret. `started` is the configuration of the start. */
export function waitingForRestart(started: Config, loaded: Config): readonly string[] {
  return SECTIONS.flatMap((section) => {
    const before = new Map<string, unknown>(Object.entries(started[section]));
    const now = new Map<string, unknown>(Object.entries(loaded[section]));
    const fields = [...new Set([...before.keys(), ...now.keys()])];
    return fields
      .filter((field) => before.get(field) !== now.get(field))
      .map((field) => `${section}.${field}`)
      .filter((name) => !RELOADED.has(name));
  });
}
