/** The OpenAPI subset a Gemini caller writes, as JSON Schema: lower-case types, `nullable` as a type. Total and pure. */
import { asObject, type Json, type JsonObject } from "#lib/json.ts";
import { camelCase } from "./field-names.ts";

/** Callers' schemas may be hostile; what lies deeper is left open. */
const DEPTH_MAX = 64;

export function fromGeminiSchema(schema: JsonObject, depth = 0): JsonObject {
  if (depth > DEPTH_MAX) return {};
  const isNullable = schema["nullable"] === true;
  const entries = Object.entries(schema).flatMap(([name, value]): readonly [string, Json | undefined][] => {
    // Keywords may be snake_case like every field; data and the names of properties are never touched.
    const keyword = name.startsWith("_") || name.startsWith("$") ? name : camelCase(name);
    return convertKeyword(keyword, value, { isNullable, depth });
  });
  return Object.fromEntries(entries);
}

interface Place {
  readonly isNullable: boolean;
  readonly depth: number;
}

function convertKeyword(
  name: string,
  value: Json | undefined,
  { isNullable, depth }: Place,
): readonly [string, Json | undefined][] {
  switch (name) {
    case "nullable":
    case "propertyOrdering":
      return [];
    case "type":
      return [[name, convertType(value, isNullable)]];
    case "example":
      return [["examples", [value ?? null]]];
    case "minItems":
    case "maxItems":
    case "minLength":
    case "maxLength":
    case "minProperties":
    case "maxProperties":
      // int64 fields, which proto-JSON may write as text.
      return [[name, typeof value === "string" && value !== "" ? Number(value) : value]];
    case "properties":
    case "$defs":
    case "defs":
      return [[name === "defs" ? "$defs" : name, convertMap(value, depth)]];
    case "items":
    case "additionalProperties":
      return [[name, convertMember(value, depth)]];
    case "anyOf":
    case "oneOf":
    case "prefixItems":
      return [[name, convertList(value, depth)]];
  }
  return [[name, value]];
}

function convertType(value: Json | undefined, isNullable: boolean): Json | undefined {
  const type = typeof value === "string" ? value.toLowerCase() : value;
  return isNullable && typeof type === "string" && type !== "null" ? [type, "null"] : type;
}

function convertMap(value: Json | undefined, depth: number): Json | undefined {
  const map = asObject(value);
  if (!map) return value;
  return Object.fromEntries(
    Object.entries(map).map(([name, member]) => [name, convertMember(member, depth)]),
  );
}

function convertList(value: Json | undefined, depth: number): Json | undefined {
  if (!Array.isArray(value)) return value;
  return value.map((member: Json) => convertMember(member, depth) ?? null);
}

function convertMember(value: Json | undefined, depth: number): Json | undefined {
  const schema = asObject(value);
  return schema ? fromGeminiSchema(schema, depth + 1) : value;
}
