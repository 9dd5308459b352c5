/** Whether a schema meets OpenAI's conditions for strict mode: objects closed, every property required. */
import { asArray, asObject, type Json, type JsonObject } from "#lib/json.ts";

/** Deep enough for real schemas; deeper ones are not worth the walk and go as not strict. */
const DEPTH_MAX = 12;

export function isStrictSchema(schema: JsonObject): boolean {
  return schema["type"] === "object" && isClosed(schema, 0);
}

function isClosed(value: Json | undefined, depth: number): boolean {
  const schema = asObject(value);
  if (!schema || depth > DEPTH_MAX) return false;
  const properties = asObject(schema["properties"]) ?? {};
  if (schema["type"] === "object" || schema["properties"] !== undefined) {
    const required = new Set(asArray(schema["required"]));
    if (schema["additionalProperties"] !== false) return false;
    if (!Object.keys(properties).every((name) => required.has(name))) return false;
  }
  if (REFUSED.some((keyword) => schema[keyword] !== undefined)) return false;
  const children = [
    ...Object.values(properties),
    ...Object.values(asObject(schema["$defs"]) ?? {}),
    ...asArray(schema["anyOf"]),
    ...(schema["items"] === undefined ? [] : [schema["items"]]),
  ];
  return children.every((child) => isClosed(child, depth + 1));
}

const REFUSED = [
  "allOf",
  "oneOf",
  "not",
  "if",
  "then",
  "else",
  "dependentRequired",
  "patternProperties",
] as const;
