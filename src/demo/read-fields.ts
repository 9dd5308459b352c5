/** Strict reading of request fields: what is wrong is refused by name, as the real providers do. */
import { isObject, parseJson, type Json, type JsonObject } from "#lib/json.ts";
import { VendorError } from "./vendor-error.ts";

export function requireArray(object: JsonObject, name: string): readonly Json[] {
  const value = object[name];
  if (!Array.isArray(value)) throw invalid(name, "an array is required");
  return value;
}

export function requireObject(value: Json | undefined, name: string): JsonObject {
  if (!isObject(value)) throw invalid(name, "an object is required");
  return value;
}

export function requireString(object: JsonObject, name: string, path = name): string {
  const value = object[name];
  if (typeof value !== "string") throw invalid(path, "a string is required");
  return value;
}

/** A positive integer, or undefined where it is absent or null. */
export function readCount(object: JsonObject, name: string): number | undefined {
  const value = object[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "number" || !Number.isInteger(value) || value < 1) {
    throw invalid(name, "a positive integer is required");
  }
  return value;
}

export function readStrings(value: Json | undefined): readonly string[] {
  if (typeof value === "string") return [value];
  return Array.isArray(value) ? value.filter((entry) => typeof entry === "string") : [];
}

/** The pieces of a data URL, or undefined for any other URL. */
export function readDataUrl(url: string): { readonly mime: string; readonly data: string } | undefined {
  const match = /^data:([^;,]*)(?:;[^,]*)?;base64,/.exec(url);
  return match ? { mime: match[1] ?? "", data: url.slice(match[0].length) } : undefined;
}

/** Tool arguments as the client replays them; models may have written broken JSON, so it stays text then. */
export function readArguments(text: string): Json {
  return text === "" ? {} : (parseJson(text) ?? text);
}

export function invalid(path: string, problem: string): VendorError {
  return new VendorError("invalid", `Invalid '${path}': ${problem}.`, { param: path, code: "invalid_value" });
}

/** Percent-decoded text, or the text itself where it is not well encoded. */
export function decodePercent(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
