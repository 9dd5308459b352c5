/** Words that every plain object answers to, put into the string fields of real traffic one at a time. */
import { isObject, type Json } from "#lib/json.ts";
import { Failure, failureKinds } from "#model/failure.ts";

export const hostileWords = ["constructor", "toString", "__proto__", "hasOwnProperty", "valueOf"] as const;

/** Where a text stands inside a JSON value. */
export type Path = readonly (string | number)[];

export interface Site {
  readonly path: Path;
  /** The place without list positions, and what kind of object it is in: one visit is enough for each. */
  readonly shape: string;
}

export function sitesOf(value: Json | undefined, path: Path = [], shape = ""): readonly Site[] {
  if (typeof value === "string") return [{ path, shape }];
  if (Array.isArray(value)) {
    return value.flatMap((item: Json, index) => sitesOf(item, [...path, index], `${shape}[]`));
  }
  if (!isObject(value)) return [];
  const type = typeof value["type"] === "string" ? `(${value["type"]})` : "";
  return Object.entries(value).flatMap(([name, item]) =>
    sitesOf(item, [...path, name], `${shape}${type}.${name}`),
  );
}

/** A copy with `word` in the place of what stands at `path`. */
export function withWord(value: Json | undefined, path: Path, word: string): Json {
  const [step, ...rest] = path;
  if (step === undefined) return word;
  if (Array.isArray(value)) {
    return value.map((item: Json, index) => (index === step ? withWord(item, rest, word) : item));
  }
  if (!isObject(value)) return word;
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [name, name === step ? withWord(item, rest, word) : item]),
  );
}

/** Where a value holds something no wire could have brought: a function, a failure without a known kind. */
export function findUnreal(value: unknown, place = "value"): string | undefined {
  if (typeof value === "function" || typeof value === "symbol") return `${place} is a ${typeof value}`;
  if (typeof value === "string") return value.includes("[native code]") ? `${place} quotes code` : undefined;
  if (value instanceof Failure) return findUnrealFailure(value, place);
  if (typeof value !== "object" || value === null || value instanceof Error) return undefined;
  for (const [name, item] of Object.entries(value)) {
    const found = findUnreal(item, `${place}.${name}`);
    if (found !== undefined) return found;
  }
  return undefined;
}

function findUnrealFailure(failure: Failure, place: string): string | undefined {
  if (!failureKinds.includes(failure.kind)) return `${place} has kind ${String(failure.kind)}`;
  if (!Number.isInteger(failure.status)) return `${place} has no status`;
  return findUnreal(failure.message, `${place}.message`) ?? findUnreal(failure.detail, `${place}.detail`);
}

/** Runs `work`; an operating error is an answer too, anything else thrown is a bug and goes on. */
export function orFailure<Value>(work: () => Value): Value | Failure {
  try {
    return work();
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
}
