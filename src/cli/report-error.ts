/** The one place where a command's error becomes a line on stderr and an exit code. */
import { ConfigError } from "#config/mistake.ts";
import { Failure } from "#model/failure.ts";
import { exitCodes, type Io, UsageError } from "./command.ts";

/** Codes of failures that blame the command line itself. */
const usageCodes = new Set(["invalid_value", "database_url_invalid"]);

export function reportError(error: unknown, { name, io }: { name: string | undefined; io: Io }): number {
  const who = name === undefined ? "xjp" : `xjp ${name}`;
  if (error instanceof UsageError) {
    const help = name === undefined ? "xjp --help" : `${who} --help`;
    io.stderr.write(`${who}: ${oneLine(error.message)} See \`${help}\`.\n`);
    return exitCodes.wrongUsage;
  }
  if (error instanceof ConfigError && error.mistakes.length > 1) {
    // A line for each mistake, as the error has them: run together nobody finds the second.
    io.stderr.write(`${who}: ${error.message}\n`);
    return exitCodes.failed;
  }
  if (error instanceof Failure) {
    io.stderr.write(`${who}: ${oneLine(error.message)}${adviceFor(error)}\n`);
    return usageCodes.has(error.detail.code ?? "") ? exitCodes.wrongUsage : exitCodes.failed;
  }
  io.stderr.write(`${who}: this is a mistake in xjp, please report it: ${oneLine(String(error))}\n`);
  return exitCodes.failed;
}

function adviceFor(failure: Failure): string {
  return failure.detail.code === "store_unavailable"
    ? " Check DATABASE_URL, --database or database.url, and that the server runs or the file may be written."
    : "";
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, " ").trim();
}
