/**
 * What the runtime reads only from the environment a process *starts* with. A process started without it begins again,
 * in the same pid, with it. `bin/xjp.mjs` sets the same.
 */

const VARIABLES: Readonly<Record<string, string>> = {
  /** Bun's HTTP client opens at most 256 connections otherwise, and lets further requests wait in silence. */
  BUN_CONFIG_MAX_HTTP_REQUESTS: "65336",
  /**
   * Milliseconds until freed memory goes back to the kernel. At the ten it has otherwise, a busy gateway gives away and
   * asks back what each collection frees: two page faults a request, a tenth of its processor time.
   */
  MIMALLOC_PURGE_DELAY: "1000",
  /**
   * Milliseconds between two looks through all memory for free pages. By itself a thread of Bun's looks all the time, which
   * takes a percent of a processor from an idle gateway, and a tenth of what a chunk of a stream costs.
   */
  MIMALLOC_PURGE_HOLES_MIN_INTERVAL: "10000",
};
/** Where the entry of a single-file executable seems to lie. */
const EMBEDDED = /[\\/](?:\$bunfs|~BUN)[\\/]/;

/** Returns where nothing need be done, or nothing can (Windows has no exec). */
export function ensureStartEnvironment(): void {
  const isComplete = Object.keys(VARIABLES).every((name) => process.env[name] !== undefined);
  if (isComplete || typeof process.execve !== "function") return;
  const [, entry = "", ...rest] = process.argv;
  const again = EMBEDDED.test(entry) ? rest : [...process.execArgv, entry, ...rest];
  process.execve(process.execPath, [process.execPath, ...again], { ...VARIABLES, ...process.env });
}
