/**
 * Google's schema subset for `parameters` and `responseSchema`: an unknown keyword is a 400 there, and so it is
 * here. Real JSON Schema goes into `parametersJsonSchema` and `responseJsonSchema`, which are not checked.
 */
import { asArray, asObject, asString, type Json, type JsonObject } from "#lib/json.ts";
import { VendorError } from "./vendor-error.ts";

const KEYWORDS = new Set(
  (
    "type format title description nullable enum items minItems maxItems properties required propertyOrdering " +
    "minProperties maxProperties minimum maximum minLength maxLength pattern anyOf default example"
  ).split(" "),
);
const TYPES = new Set([
  "STRING",
  "NUMBER",
  "INTEGER",
  "BOOLEAN",
  "ARRAY",
  "OBJECT",
  "NULL",
  "TYPE_UNSPECIFIED",
]);
const DEPTH_MAX = 64;

export function checkGeminiSchema(schema: JsonObject, path: string, depth = 0): void {
  if (depth > DEPTH_MAX) throw refuse(`Schema at '${path}' is nested too deeply.`);
  for (const keyword of Object.keys(schema)) {
    if (KEYWORDS.has(keyword.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase()))) continue;
    throw refuse(`Invalid JSON payload received. Unknown name "${keyword}" at '${path}': Cannot find field.`);
  }
  const type = readType(schema, path);
  checkEnum(schema, type, path);
  const properties = checkProperties(schema, path, depth);
  for (const name of asArray(schema.required)) {
    if (typeof name === "string" && Object.hasOwn(properties, name)) continue;
    throw refuse(`${path}.required[${JSON.stringify(name)}]: property is not defined`);
  }
  if (type === "ARRAY" && asObject(schema.items) === undefined) throw refuse(`${path}.items: missing field.`);
  const items = asObject(schema.items);
  if (items) checkGeminiSchema(items, `${path}.items`, depth + 1);
  for (const [index, entry] of asArray(schema.anyOf).entries()) {
    checkGeminiSchema(toSchema(entry, `${path}.any_of[${index}]`), `${path}.any_of[${index}]`, depth + 1);
  }
}

function readType(schema: JsonObject, path: string): string | undefined {
  if (schema.type === undefined) return undefined;
  const type = asString(schema.type)?.toUpperCase();
  if (type === undefined || !TYPES.has(type))
    throw refuse(`Invalid value at '${path}.type': ${JSON.stringify(schema.type)}`);
  return type;
}

function checkEnum(schema: JsonObject, type: string | undefined, path: string): void {
  const values = asArray(schema.enum);
  if (values.length === 0) return;
  if (type !== "STRING") throw refuse(`${path}.enum: only allowed for STRING type`);
  if (values.some((value) => typeof value !== "string"))
    throw refuse(`Invalid value at '${path}.enum' (TYPE_STRING)`);
}

function checkProperties(schema: JsonObject, path: string, depth: number): JsonObject {
  const properties = asObject(schema.properties) ?? {};
  for (const [name, property] of Object.entries(properties)) {
    const at = `${path}.properties[${name}]`;
    checkGeminiSchema(toSchema(property, at), at, depth + 1);
  }
  return properties;
}

function toSchema(value: Json | undefined, path: string): JsonObject {
  const schema = asObject(value);
  if (schema) return schema;
  throw refuse(`Invalid value at '${path}': an object is required.`);
}

function refuse(message: string): VendorError {
  return new VendorError("invalid", message);
}
