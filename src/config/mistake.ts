/** One mistake in the configuration, with the place a person has to look at. */
import { Failure } from "#model/failure.ts";

export type Path = readonly (string | number)[];

export interface Mistake {
  readonly path: Path;
  readonly message: string;
  /** From 1, where the file tells. */
  readonly line?: number;
}

/** All mistakes of one file at once; its message has a line for each. */
export class ConfigError extends Failure {
  readonly mistakes: readonly Mistake[];

  constructor(mistakes: readonly Mistake[], file?: string) {
    const count = mistakes.length === 1 ? "1 mistake" : `${mistakes.length} mistakes`;
    const list = mistakes.map((mistake) => `  ${formatMistake(mistake, file)}`);
    super("internal", [`The configuration has ${count}:`, ...list].join("\n"), { code: "bad_config" });
    this.mistakes = mistakes;
  }
}

/** `gateway.yaml:12: models.fast.targets[0].connector: unknown connector 'x'` */
export function formatMistake({ path, message, line }: Mistake, file?: string): string {
  const place = [file, line].filter((part) => part !== undefined).join(":");
  return [place, formatPath(path), message].filter((part) => part !== "").join(": ");
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
