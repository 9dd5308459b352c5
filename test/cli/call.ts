/** Calls the command line through its own door, without a process. */
import type { Io } from "#cli/command.ts";
import { runCommandLine } from "#cli/run.ts";

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Surroundings {
  readonly env?: Io["env"];
  readonly now?: () => number;
}

export async function callXjp(
  given: readonly string[],
  { env = {}, now = Date.now }: Surroundings = {},
): Promise<Outcome> {
  const written = { stdout: "", stderr: "" };
  const io: Io = {
    env,
    now,
    signal: new AbortController().signal,
    stdout: { write: (text) => (written.stdout += text) },
    stderr: { write: (text) => (written.stderr += text) },
  };
  const code = await runCommandLine(given, io);
  return { code, ...written };
}
