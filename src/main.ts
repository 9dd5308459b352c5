/** The process: argv to a command, signals and broken pipes to an orderly end. The only `process.exit`. */
import { constants } from "node:os";
import { ensureStartEnvironment } from "./cli/start-environment.ts";
import { runCommandLine } from "./cli/run.ts";

// Only the gateway itself opens many connections; every other command starts faster without this.
if (process.argv[2] === "serve") ensureStartEnvironment();

/** A signal to the whole process group reaches us twice, once through our launcher: that is still one request. */
const SAME_SIGNAL_MS = 1_000;

const stopping = new AbortController();
const running = { untilStopped: false, askedToStopAtMs: Number.POSITIVE_INFINITY };

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    const nowMs = performance.now();
    const isRepeat = nowMs - running.askedToStopAtMs > SAME_SIGNAL_MS;
    // Once more, or in a command that has nothing to finish: the person means now.
    if (!running.untilStopped || isRepeat) process.exit(128 + constants.signals[signal]);
    running.askedToStopAtMs = Math.min(running.askedToStopAtMs, nowMs);
    stopping.abort();
  });
}
// `xjp keys list | head` closes the pipe early. That is no error, and there is nobody left to write for.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));
}

const io = {
  env: process.env,
  stdout: process.stdout,
  stderr: process.stderr,
  now: Date.now,
  signal: stopping.signal,
};
const code = await runCommandLine(process.argv.slice(2), io, (command) => {
  running.untilStopped = command.runsUntilStopped ?? false;
});
// A pipe takes what was written in its own time; leaving before would cut it off.
await Promise.all([flushed(process.stdout), flushed(process.stderr)]);
process.exit(code);

function flushed(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => stream.end(() => resolve()));
}
