/** Puts fields only Gemini knows, kept from a Gemini caller, back beside what was encoded. What was encoded wins. */
import { asObject, type JsonObject } from "#lib/json.ts";
import { lookUp } from "#lib/look-up.ts";

export function mergeExtension(encoded: JsonObject, extension: unknown): JsonObject {
  const kept = asObject(extension);
  if (!kept) return encoded;
  const merged = Object.entries(encoded).map(([name, value]) => {
    const inner = asObject(value);
    return [name, inner ? mergeExtension(inner, lookUp(kept, name)) : value] as const;
  });
  return { ...kept, ...Object.fromEntries(merged) };
}
