/**
 * Strict reading of a caller's body: every wrong type is a `bad_request` that names the field, as `messages[2].content`.
 * Null counts as absent, because several client libraries write it for what was not set.
 */
import { isObject, type Json, type JsonObject } from "#lib/json.ts";
import { Failure } from "#model/failure.ts";

/** The refusal of one field. */
export function badField(path: string, expected: string): Failure {
  return new Failure("bad_request", `${path}: ${expected}`, { param: path });
}

/** `name` of `parent`, with null read as absent. */
export function fieldOf(parent: JsonObject, name: string): Json | undefined {
  return parent[name] ?? undefined;
}

export function optionalString(value: Json | undefined, path: string): string | undefined {
  if (value === undefined || typeof value === "string") return value;
  throw badField(path, "must be a string");
}

export function requiredString(value: Json | undefined, path: string): string {
  if (typeof value === "string") return value;
  throw badField(path, value === undefined ? "is required" : "must be a string");
}

export function optionalBoolean(value: Json | undefined, path: string): boolean | undefined {
  if (value === undefined || typeof value === "boolean") return value;
  throw badField(path, "must be true or false");
}

/** A number within bounds, both included. */
export function optionalNumber(
  value: Json | undefined,
  path: string,
  bounds: { readonly min: number; readonly max?: number; readonly isInteger?: boolean },
): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== "number" || !Number.isFinite(value)) throw badField(path, "must be a number");
  if (bounds.isInteger === true && !Number.isSafeInteger(value)) throw badField(path, "must be an integer");
  if (value < bounds.min) throw badField(path, `must be at least ${bounds.min}`);
  if (bounds.max !== undefined && value > bounds.max) throw badField(path, `must be at most ${bounds.max}`);
  return value;
}

export function optionalObject(value: Json | undefined, path: string): JsonObject | undefined {
  if (value === undefined || isObject(value)) return value;
  throw badField(path, "must be an object");
}

export function requiredObject(value: Json | undefined, path: string): JsonObject {
  if (isObject(value)) return value;
  throw badField(path, value === undefined || value === null ? "is required" : "must be an object");
}

export function optionalArray(value: Json | undefined, path: string): readonly Json[] | undefined {
  if (value === undefined || isList(value)) return value;
  throw badField(path, "must be an array");
}

export function optionalStrings(value: Json | undefined, path: string): readonly string[] | undefined {
  return optionalArray(value, path)?.map((entry, index) => requiredString(entry, `${path}[${index}]`));
}

/** `Array.isArray` does not narrow a union with readonly arrays. */
function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}
