/** JSON values as they come off a wire, and the few guards that read them without trusting them. */

export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [name: string]: Json | undefined;
}
/** An object under construction. Assignable to `JsonObject` when finished. */
export interface MutableJsonObject {
  [name: string]: Json | undefined;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function asObject(value: unknown): JsonObject | undefined {
  return isObject(value) ? value : undefined;
}

const NOTHING: readonly Json[] = [];

/** The elements of an array, or none: for reading optional lists from upstreams. */
export function asArray(value: unknown): readonly Json[] {
  return Array.isArray(value) ? value : NOTHING;
}

export function asString(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/** A finite number, also when an upstream spells an int64 as a string. */
export function asNumber(value: unknown): number | undefined {
  if (typeof value === "number") return Number.isFinite(value) ? value : undefined;
  if (typeof value !== "string" || value.trim() === "") return undefined;
  const parsed = Number(value);
  return Number.isFinite(parsed) ? parsed : undefined;
}

/** Parses text, or gives undefined where it is not JSON. `JSON.parse` returns `any`, hence the one place. */
export function parseJson(text: string): Json | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
