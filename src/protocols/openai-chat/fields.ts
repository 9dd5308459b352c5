/**
 * Reads an object a caller sent, field by field, and trusts no type. Whatever is not what the API says becomes a
 * `bad_request` that names the field by its path. Null counts as absent: it is legal for nearly every field.
 */
import { isObject, type Json, type JsonObject } from "#lib/json.ts";
import { Failure } from "#model/failure.ts";

interface Range {
  readonly least?: number;
  readonly most?: number;
}

export class Fields {
  readonly value: JsonObject;
  /** Where the object stands: "" for the body, `messages[2]` below it. */
  readonly path: string;

  constructor(value: JsonObject, path = "") {
    this.value = value;
    this.path = path;
  }

  /** Takes any value for an object, or refuses it. */
  static of(value: unknown, path: string): Fields {
    if (isObject(value)) return new Fields(value, path);
    throw badRequest(path, "an object");
  }

  pathOf(name: string): string {
    return this.path === "" ? name : `${this.path}.${name}`;
  }

  refuse(name: string, expected: string): Failure {
    return badRequest(this.pathOf(name), expected);
  }

  raw(name: string): Json | undefined {
    const value = this.value[name];
    return value === null ? undefined : value;
  }

  has(name: string): boolean {
    return this.raw(name) !== undefined;
  }

  string(name: string): string | undefined {
    const value = this.raw(name);
    if (value === undefined || typeof value === "string") return value;
    throw this.refuse(name, "a string");
  }

  requiredString(name: string): string {
    const value = this.string(name);
    if (value === undefined) throw this.refuse(name, "a string");
    return value;
  }

  oneOf<const Word extends string>(name: string, words: readonly Word[]): Word | undefined {
    const value = this.string(name);
    if (value === undefined) return undefined;
    for (const word of words) if (word === value) return word;
    throw this.refuse(name, `one of ${words.join(", ")}`);
  }

  boolean(name: string): boolean | undefined {
    const value = this.raw(name);
    if (value === undefined || typeof value === "boolean") return value;
    throw this.refuse(name, "true or false");
  }

  number(name: string): number | undefined {
    const value = this.raw(name);
    if (value === undefined) return undefined;
    if (typeof value === "number" && Number.isFinite(value)) return value;
    throw this.refuse(name, "a number");
  }

  integer(name: string, range: Range = {}): number | undefined {
    const value = this.number(name);
    if (value === undefined) return undefined;
    const least = range.least ?? Number.MIN_SAFE_INTEGER;
    const most = range.most ?? Number.MAX_SAFE_INTEGER;
    if (Number.isInteger(value) && value >= least && value <= most) return value;
    throw this.refuse(
      name,
      `an integer${range.least !== undefined ? ` of at least ${least}` : ""}${range.most !== undefined || value > most ? ` and at most ${most}` : ""}`,
    );
  }

  object(name: string): Fields | undefined {
    const value = this.raw(name);
    return value === undefined ? undefined : Fields.of(value, this.pathOf(name));
  }

  requiredObject(name: string): Fields {
    return Fields.of(this.raw(name), this.pathOf(name));
  }

  array(name: string): readonly Json[] | undefined {
    const value = this.raw(name);
    if (value === undefined) return undefined;
    if (isArray(value)) return value;
    throw this.refuse(name, "an array");
  }

  /** The elements of an optional array, each an object. */
  objects(name: string): readonly Fields[] {
    const values = this.array(name);
    if (values === undefined) return NO_OBJECTS;
    const path = this.pathOf(name);
    return values.map((value, index) => Fields.of(value, `${path}[${index}]`));
  }

  strings(name: string): readonly string[] | undefined {
    return this.array(name)?.map((value, index) => {
      if (typeof value === "string") return value;
      throw badRequest(`${this.pathOf(name)}[${index}]`, "a string");
    });
  }
}

const NO_OBJECTS: readonly Fields[] = [];

function isArray(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

export function badRequest(path: string, expected: string): Failure {
  return new Failure("bad_request", `Invalid value for '${path}': expected ${expected}.`, {
    param: path,
    code: "invalid_value",
  });
}
