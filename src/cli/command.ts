/**
 * What a command of `xjp` is. A command never touches the process: it gets its arguments and an `Io`, and gives an
 * exit code, so tests call it as they are. It throws to fail: a `UsageError` is exit code 2, everything else 1
 * (see report-error.ts).
 */
import { parseArgs, type ParseArgsOptionsConfig } from "node:util";

export interface Command {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** What `--help` prints: the forms, the options, an example. */
  readonly usage: string;
  /** Runs until `io.signal`: Ctrl-C asks it to stop. Other commands are ended by Ctrl-C at once. */
  readonly runsUntilStopped?: true;
  run(given: readonly string[], io: Io): Promise<number>;
}

export interface Io {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdout: TextSink;
  readonly stderr: TextSink;
  readonly now: () => number;
  /** Aborted when the process is asked to stop. */
  readonly signal: AbortSignal;
}

interface TextSink {
  write(text: string): unknown;
}

export const exitCodes = { done: 0, failed: 1, wrongUsage: 2 } as const;

/** The command line itself is wrong; `message` says what to write instead. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** Options every command that opens the database takes. */
export const databaseOptions = {
  database: { type: "string" },
  json: { type: "boolean", default: false },
} as const satisfies ParseArgsOptionsConfig;

export interface ArgumentsShape<Options extends ParseArgsOptionsConfig> {
  readonly options: Options;
  /** How many positional arguments the command takes at most. */
  readonly positionalsMax: number;
  /** Names of those that are counts, by place: `-5` there is a bad number, and no option. */
  readonly counts?: Readonly<Record<number, string>>;
}

/** Splits arguments into options and positionals. Unknown options and surplus arguments are a `UsageError`. */
export function parseArguments<const Options extends ParseArgsOptionsConfig>(
  given: readonly string[],
  shape: ArgumentsShape<Options>,
) {
  refuseNegativeCounts(given, shape);
  const parsed = parseStrictly(given, shape.options);
  const surplus = parsed.positionals[shape.positionalsMax];
  if (surplus !== undefined) throw new UsageError(`"${surplus}" is one argument too many.`);
  return parsed;
}

/** `parseArgs` takes `-5` for an option named 5, which says nothing to whoever meant a number. */
function refuseNegativeCounts(
  given: readonly string[],
  { options, counts = {} }: ArgumentsShape<ParseArgsOptionsConfig>,
): void {
  const parsed = parseArgs({
    args: [...given],
    options,
    allowPositionals: true,
    strict: false,
    tokens: true,
  });
  let place = 0;
  for (const token of parsed.tokens) {
    if (token.kind === "positional") place += 1;
    const name = counts[place];
    if (token.kind === "option" && /^-\d$/.test(token.rawName) && name !== undefined)
      parseCount(name, given[token.index]);
  }
}

function parseStrictly<const Options extends ParseArgsOptionsConfig>(
  given: readonly string[],
  options: Options,
) {
  try {
    return parseArgs({ args: [...given], options, allowPositionals: true, strict: true });
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    // The first sentence names the option; what follows explains `parseArgs` to programmers.
    throw new UsageError(`${error.message.split(/\. |\n/)[0] ?? ""}.`);
  }
}

/** A whole number from 1, or undefined where the option was not given. */
export function parseCount(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const count = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(count) && count > 0) return count;
  throw new UsageError(`${name} must be a whole number above 0, not "${text}".`);
}

/** One of a few words, or undefined where the option was not given. */
export function parseChoice<const Choice extends string>(
  name: string,
  text: string | undefined,
  choices: readonly Choice[],
): Choice | undefined {
  if (text === undefined) return undefined;
  const choice = choices.find((candidate) => candidate === text);
  if (choice !== undefined) return choice;
  throw new UsageError(`${name} must be ${choices.join(", ")}, not "${text}".`);
}
