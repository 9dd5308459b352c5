/**
 * Reads an object a caller sent as proto-JSON does: names in camelCase or snake_case, null as absent, numbers perhaps as
 * text, a lone object where a list stands. Any other type is a `bad_request` naming the field as the caller spelled it.
 * It remembers what was read, so that what nobody asked for can be kept.
 */
import { asNumber, isObject, type Json, type JsonObject } from "#lib/json.ts";
import { Failure } from "#model/failure.ts";
import { snakeCase } from "./field-names.ts";

export interface Item {
  readonly value: Json;
  readonly path: string;
}

export class Fields {
  readonly value: JsonObject;
  /** Where the object stands: "" for the body. */
  readonly path: string;
  readonly #read = new Set<string>();

  constructor(value: JsonObject, path = "") {
    this.value = value;
    this.path = path;
  }

  static of(value: Json | undefined, path: string): Fields {
    if (isObject(value)) return new Fields(value, path);
    throw badRequest(path, "an object");
  }

  /** Where a field stands, as the caller spelled it. */
  pathOf(name: string): string {
    const key = this.#keyOf(name);
    return this.path === "" ? key : `${this.path}.${key}`;
  }

  refuse(name: string, expected: string): Failure {
    return badRequest(this.pathOf(name), expected);
  }

  raw(name: string): Json | undefined {
    const key = this.#keyOf(name);
    this.#read.add(key);
    return this.value[key] ?? undefined;
  }

  has(name: string): boolean {
    return (this.value[this.#keyOf(name)] ?? undefined) !== undefined;
  }

  string(name: string): string | undefined {
    const value = this.raw(name);
    if (value === undefined || typeof value === "string") return value;
    throw this.refuse(name, "a string");
  }

  boolean(name: string): boolean | undefined {
    const value = this.raw(name);
    if (value === undefined || typeof value === "boolean") return value;
    throw this.refuse(name, "true or false");
  }

  number(name: string): number | undefined {
    const value = this.raw(name);
    if (value === undefined) return undefined;
    const number = asNumber(value);
    if (number === undefined) throw this.refuse(name, "a number");
    return number;
  }

  integer(name: string): number | undefined {
    const number = this.number(name);
    if (number === undefined || Number.isSafeInteger(number)) return number;
    throw this.refuse(name, "a whole number");
  }

  object(name: string): Fields | undefined {
    const value = this.raw(name);
    return value === undefined ? undefined : Fields.of(value, this.pathOf(name));
  }

  /** A list, or a lone object standing for a list of one. */
  items(name: string): readonly Item[] {
    const value = this.raw(name);
    const path = this.pathOf(name);
    if (value === undefined) return [];
    if (isObject(value)) return [{ value, path }];
    if (!Array.isArray(value)) throw this.refuse(name, "a list");
    return value.map((item: Json, index) => ({ value: item, path: `${path}[${index}]` }));
  }

  strings(name: string): readonly string[] | undefined {
    if (!this.has(name)) return undefined;
    return this.items(name).map(({ value, path }) => {
      if (typeof value === "string") return value;
      throw badRequest(path, "a string");
    });
  }

  /** An object of texts, like labels. */
  texts(name: string): Readonly<Record<string, string>> | undefined {
    const object = this.object(name);
    if (!object) return undefined;
    const entries = Object.entries(object.value).map(([key, value]): [string, string] => {
      if (typeof value === "string") return [key, value];
      throw badRequest(object.pathOf(key), "a string");
    });
    return Object.fromEntries(entries);
  }

  /** What was not read, as spelled. */
  rest(): JsonObject {
    return Object.fromEntries(Object.entries(this.value).filter(([key]) => !this.#read.has(key)));
  }

  #keyOf(name: string): string {
    const snake = snakeCase(name);
    if (snake === name || !Object.hasOwn(this.value, snake)) return name;
    // Forwarded, one of the two would count, and nobody knows which.
    if (Object.hasOwn(this.value, name)) throw badRequest(this.pathOf(snake), `left out beside \`${name}\``);
    return snake;
  }
}

export function badRequest(path: string, expected: string): Failure {
  return new Failure("bad_request", `\`${path}\` must be ${expected}.`, { param: path });
}
