/** Puts fields only Gemini knows, kept from a Gemini caller, back beside what was encoded. What was encoded wins. */
import { asObject, type JsonObject } from "#lib/json.ts";

export function mergeExtension(encoded: JsonObject, extension: unknown): JsonObject {
  const kept = asObject(extension);
  if (!kept) return encoded;
  const merged: Record<string, JsonObject[string]> = { ...kept, ...encoded };
  for (const [name, value] of Object.entries(encoded)) {
    const inner = asObject(value);
    const keptInner = asObject(kept[name]);
    if (inner && keptInner) merged[name] = mergeExtension(inner, keptInner);
  }
  return merged;
}
