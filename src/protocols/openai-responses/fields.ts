/**
 * Reads a client's fields without trusting a type: a wrong one is `bad_request` naming its path. `null` counts as
 * absent everywhere, because this API allows it on every optional field.
 */
import { asArray, isObject, type Json, type JsonObject } from "#lib/json.ts";
import { Failure } from "#model/failure.ts";

export class Fields {
  readonly object: JsonObject;
  /** Where the object stands in the body, "" for the body itself. */
  readonly at: string;

  /** Throws where `value` is no object. */
  constructor(value: unknown, at: string) {
    if (!isObject(value)) throw badField(at === "" ? "body" : at, "must be an object");
    this.object = value;
    this.at = at;
  }

  path(name: string): string {
    return this.at === "" ? name : `${this.at}.${name}`;
  }

  string(name: string): string | undefined {
    const value = this.object[name] ?? undefined;
    if (value === undefined || typeof value === "string") return value;
    throw this.wrong(name, "must be a string");
  }

  requiredString(name: string): string {
    const value = this.string(name);
    if (value === undefined) throw this.wrong(name, "is required");
    return value;
  }

  boolean(name: string): boolean | undefined {
    const value = this.object[name] ?? undefined;
    if (value === undefined || typeof value === "boolean") return value;
    throw this.wrong(name, "must be true or false");
  }

  number(name: string, least: number, most: number): number | undefined {
    const value = this.object[name] ?? undefined;
    if (value === undefined) return undefined;
    if (typeof value !== "number" || !Number.isFinite(value)) throw this.wrong(name, "must be a number");
    if (value < least || value > most) throw this.wrong(name, `must be from ${least} to ${most}`);
    return value;
  }

  integer(name: string, least: number, most = Number.MAX_SAFE_INTEGER): number | undefined {
    const value = this.number(name, least, most);
    if (value !== undefined && !Number.isInteger(value)) throw this.wrong(name, "must be a whole number");
    return value;
  }

  oneOf<const T extends string>(name: string, values: readonly T[]): T | undefined {
    const value = this.string(name);
    if (value === undefined) return undefined;
    const known = values.find((candidate) => candidate === value);
    if (known === undefined) throw this.wrong(name, `must be one of ${values.join(", ")}`);
    return known;
  }

  child(name: string): Fields | undefined {
    const value = this.object[name] ?? undefined;
    return value === undefined ? undefined : new Fields(value, this.path(name));
  }

  list(name: string): readonly Json[] | undefined {
    const value = this.object[name] ?? undefined;
    if (value === undefined) return undefined;
    if (!Array.isArray(value)) throw this.wrong(name, "must be a list");
    return asArray(value);
  }

  /** The elements of a list of objects, each with its own path. */
  children(name: string): readonly Fields[] {
    return (this.list(name) ?? []).map((value, index) => new Fields(value, `${this.path(name)}[${index}]`));
  }

  /** What is present and not named here. */
  rest(known: ReadonlySet<string>): JsonObject {
    const entries = Object.entries(this.object);
    return Object.fromEntries(
      entries.filter(([name, value]) => !known.has(name) && value !== null && value !== undefined),
    );
  }

  wrong(name: string, rule: string): Failure {
    return badField(this.path(name), rule);
  }
}

export function badField(param: string, rule: string): Failure {
  return new Failure("bad_request", `${param} ${rule}.`, { param });
}
