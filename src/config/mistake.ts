/** One mistake in the configuration, with the place a person has to look at. */
import { Failure } from "#model/failure.ts";

export type Path = readonly (string | number)[];

export interface Mistake {
  readonly path: Path;
  readonly message: string;
  /** From 1, where the file tells. */
  readonly line?: number;
  /** The environment variable it came from: then it stands in no file. */
  readonly variable?: string;
}

/** More would bury the first under a screen of text, at a start and in a log line. */
const SHOWN_MAX = 3;

/** All mistakes of one file at once; its message has a line for each of the first, and says where the rest is told. */
export class ConfigError extends Failure {
  readonly mistakes: readonly Mistake[];

  constructor(mistakes: readonly Mistake[], file?: string) {
    const count = mistakes.length === 1 ? "1 mistake" : `${mistakes.length} mistakes`;
    const shown = file === undefined ? mistakes : mistakes.slice(0, SHOWN_MAX);
    const list = shown.map((mistake) => `  ${formatMistake(mistake, file)}`);
    const left = mistakes.length - shown.length;
    if (left > 0) list.push(`  and ${left} more: \`xjp config check ${file}\` lists them all`);
    super("internal", [`The configuration has ${count}:`, ...list].join("\n"), { code: "bad_config" });
    this.mistakes = mistakes;
  }
}

/** `gateway.yaml:12: models.fast.targets[0].connector: unknown connector 'x'` */
export function formatMistake({ path, message, line, variable }: Mistake, file?: string): string {
  const place = variable === undefined ? [file, line].filter((part) => part !== undefined).join(":") : "";
  const name = variable === undefined ? formatPath(path) : `${formatPath(path)} (${variable})`;
  return [place, name, message].filter((part) => part !== "").join(": ");
}

function formatPath(path: Path): string {
  return path
    .map((step, index) => {
      if (typeof step === "number") return `[${step}]`;
      const name = /^[\w-]+$/.test(step) ? step : JSON.stringify(step);
      return index === 0 ? name : `.${name}`;
    })
    .join("");
}
