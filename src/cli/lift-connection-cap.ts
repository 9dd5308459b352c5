/**
 * Bun's HTTP client opens at most 256 connections and lets further requests wait in silence, unless the environment
 * the process *starts* with says otherwise. So a process started without it begins again, in the same pid, with it.
 */

const VARIABLE = "BUN_CONFIG_MAX_HTTP_REQUESTS";
const CONNECTIONS_MAX = "65336";
/** Where the entry of a single-file executable seems to lie. */
const EMBEDDED = /[\\/](?:\$bunfs|~BUN)[\\/]/;

/** Returns where nothing need be done, or nothing can (Windows has no exec). */
export function liftConnectionCap(): void {
  if (process.env[VARIABLE] !== undefined || typeof process.execve !== "function") return;
  const [, entry = "", ...rest] = process.argv;
  const again = EMBEDDED.test(entry) ? rest : [...process.execArgv, entry, ...rest];
  process.execve(process.execPath, [process.execPath, ...again], {
    ...process.env,
    [VARIABLE]: CONNECTIONS_MAX,
  });
}
