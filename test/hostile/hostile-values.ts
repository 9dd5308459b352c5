/** Values nobody expects, put into the fields of real traffic one at a time. */
import { isObject, type Json } from "#lib/json.ts";
import { Failure, failureKinds } from "#model/failure.ts";

/** Words that every plain object answers to. */
export const hostileWords = ["constructor", "toString", "__proto__", "hasOwnProperty", "valueOf"] as const;

/** Where a count, a time, a position or a price is meant. */
export const hostileNumbers = [-1, 0.5, 1.7e308, -1.7e308, 2 ** 53, "1e999", "-3", "many"] as const;

/** Where a text stands inside a JSON value. */
export type Path = readonly (string | number)[];

export interface Site {
  readonly path: Path;
  /** The place without list positions, and what kind of object it is in: one visit is enough for each. */
  readonly shape: string;
}

/** The places of all texts, of all numbers, or of all objects. */
export function sitesOf(value: Json | undefined, wanted: "string" | "number" | "object"): readonly Site[] {
  const visit = (node: Json | undefined, path: Path, shape: string): readonly Site[] => {
    if (typeof node !== "object" && typeof node === wanted) return [{ path, shape }];
    if (Array.isArray(node)) {
      return node.flatMap((item: Json, index) => visit(item, [...path, index], `${shape}[]`));
    }
    if (!isObject(node)) return [];
    const type = typeof node["type"] === "string" ? `(${node["type"]})` : "";
    const inner = Object.entries(node).flatMap(([name, item]) =>
      visit(item, [...path, name], `${shape}${type}.${name}`),
    );
    return wanted === "object" ? [{ path, shape: `${shape}${type}` }, ...inner] : inner;
  };
  return visit(value, [], "");
}

/** A copy in which `change` has made something else of what stands at `path`. */
export function withLeaf(
  value: Json | undefined,
  path: Path,
  change: (found: Json | undefined) => Json,
): Json {
  const [step, ...rest] = path;
  if (step === undefined) return change(value);
  if (Array.isArray(value)) {
    return value.map((item: Json, index) => (index === step ? withLeaf(item, rest, change) : item));
  }
  if (!isObject(value)) return change(value);
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [name, name === step ? withLeaf(item, rest, change) : item]),
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
  if (!failureKinds.includes(failure.kind)) return `${place} has kind ${failure.kind}`;
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
