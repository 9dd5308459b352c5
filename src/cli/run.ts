/** Finds and runs the command that argv asks for. Exit codes: 0 done, 1 failed, 2 wrong usage. */
import packageJson from "../../package.json" with { type: "json" };
import { type Command, exitCodes, type Io, UsageError } from "./command.ts";
import { commands } from "./commands.ts";
import { reportError } from "./report-error.ts";
import { formatFields } from "./table.ts";

/** Gives the exit code; never throws. `onStart` hears which command runs, before it does. */
export async function runCommandLine(
  given: readonly string[],
  io: Io,
  onStart: (command: Command) => void = () => {},
): Promise<number> {
  const [name, ...rest] = given;
  try {
    if (name === undefined || name === "help" || name === "--help" || name === "-h") {
      (name === undefined ? io.stderr : io.stdout).write(await listCommands());
      return name === undefined ? exitCodes.wrongUsage : exitCodes.done;
    }
    if (name === "--version" || name === "version") {
      io.stdout.write(`${packageJson.version}\n`);
      return exitCodes.done;
    }
    const entry = commands.find((candidate) => candidate.name === name);
    if (!entry) return reportError(new UsageError(`there is no command "${name}".`), { name: undefined, io });
    const command = await entry.load();
    if (asksForHelp(rest)) {
      io.stdout.write(command.usage);
      return exitCodes.done;
    }
    onStart(command);
    return await command.run(rest, io);
  } catch (error) {
    return reportError(error, { name, io });
  }
}

/** After `--`, everything is an argument. */
function asksForHelp(given: readonly string[]): boolean {
  const end = given.indexOf("--");
  const optionsPart = end === -1 ? given : given.slice(0, end);
  return optionsPart.includes("--help") || optionsPart.includes("-h");
}

async function listCommands(): Promise<string> {
  const loaded = await Promise.all(commands.map((entry) => entry.load()));
  const list = formatFields(loaded.map(({ name, summary }) => [name, summary] as const));
  return `xjp COMMAND [options]\n\n${list}\n\`xjp COMMAND --help\` says more.\n`;
}
