/**
 * A strict reading of the schemas Gemini takes, written from Google's reference and apart from the translation, so that
 * the two can disagree. Lists every violation with its path; an empty list means the API would take the schema.
 */
import { asString, isObject, type Json, type JsonObject } from "#lib/json.ts";

const ANNOTATIONS = ["title", "description", "nullable", "default", "example"];
const BY_TYPE: Record<string, readonly string[]> = {
  STRING: ["format", "enum", "pattern", "minLength", "maxLength"],
  NUMBER: ["format", "minimum", "maximum"],
  INTEGER: ["format", "minimum", "maximum"],
  BOOLEAN: [],
  ARRAY: ["items", "minItems", "maxItems"],
  OBJECT: ["properties", "required", "propertyOrdering", "minProperties", "maxProperties"],
  NULL: [],
};
const FORMATS: Record<string, readonly string[]> = {
  STRING: ["enum", "date-time"],
  NUMBER: ["float", "double"],
  INTEGER: ["int32", "int64"],
};
const DEPTH_MAX = 100;

/** The OpenAPI subset of `parameters` and `responseSchema`. */
export function subsetErrors(schema: unknown, path = "$", depth = 0): readonly string[] {
  if (!isObject(schema)) return [`${path}: not an object`];
  if (depth > DEPTH_MAX) return [`${path}: too deep`];
  const errors: string[] = [];
  const fail = (message: string) => errors.push(`${path}: ${message}`);
  checkAnnotations(schema, fail);
  const type = schema["type"];
  if (schema["anyOf"] !== undefined) {
    unknownKeys(schema, [...ANNOTATIONS, "anyOf"], fail);
    const members = schema["anyOf"];
    if (!Array.isArray(members) || members.length === 0) fail("anyOf must be a non-empty list");
    else
      members.forEach((member, at) =>
        errors.push(...subsetErrors(member, `${path}.anyOf[${at}]`, depth + 1)),
      );
    return errors;
  }
  if (typeof type !== "string" || BY_TYPE[type] === undefined) {
    fail(`type ${JSON.stringify(type)}`);
    return errors;
  }
  unknownKeys(schema, [...ANNOTATIONS, "type", ...BY_TYPE[type]], fail);
  const format = schema["format"];
  if (format !== undefined && !FORMATS[type]?.includes(asString(format) ?? "")) {
    fail(`format ${JSON.stringify(format)}`);
  }
  checkNumbers(schema, fail);
  if (type === "STRING") checkEnum(schema, fail);
  if (type === "ARRAY") errors.push(...subsetErrors(schema["items"], `${path}.items`, depth + 1));
  if (type === "OBJECT") errors.push(...objectErrors(schema, { path, depth, fail }));
  return errors;
}

type Fail = (message: string) => void;

function checkAnnotations(schema: JsonObject, fail: Fail): void {
  for (const name of ["title", "description"]) {
    if (schema[name] !== undefined && typeof schema[name] !== "string") fail(`${name} must be text`);
  }
  if (schema["nullable"] !== undefined && typeof schema["nullable"] !== "boolean")
    fail("nullable must be true or false");
  if (schema["default"] === null) fail("default null");
}

function unknownKeys(schema: JsonObject, known: readonly string[], fail: Fail): void {
  for (const key of Object.keys(schema)) if (!known.includes(key)) fail(`Unknown name "${key}"`);
}

function checkNumbers(schema: JsonObject, fail: Fail): void {
  const counts = ["minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"];
  for (const name of counts) {
    const value = schema[name];
    if (value !== undefined && !(typeof value === "number" && Number.isInteger(value) && value >= 0))
      fail(name);
  }
  for (const name of ["minimum", "maximum"]) {
    if (schema[name] !== undefined && typeof schema[name] !== "number") fail(name);
  }
  if (schema["pattern"] !== undefined && typeof schema["pattern"] !== "string") fail("pattern must be text");
}

function checkEnum(schema: JsonObject, fail: Fail): void {
  const values = schema["enum"];
  if (values === undefined) {
    if (schema["format"] === "enum") fail("format enum without enum");
    return;
  }
  if (!Array.isArray(values) || values.length === 0) return fail("enum must be a non-empty list");
  if (values.some((value: Json) => typeof value !== "string" || value === ""))
    fail("enum of other than texts");
  if (new Set(values).size !== values.length) fail("enum repeats itself");
}

interface Place {
  readonly path: string;
  readonly depth: number;
  readonly fail: Fail;
}

function objectErrors(schema: JsonObject, { path, depth, fail }: Place): readonly string[] {
  const properties = schema["properties"];
  if (properties === undefined) {
    if (schema["required"] !== undefined) fail("required without properties");
    return [];
  }
  if (!isObject(properties)) return [`${path}: properties must be an object`];
  if (Object.keys(properties).length === 0) fail("properties should be non-empty for OBJECT type");
  for (const name of ["required", "propertyOrdering"]) {
    const names = schema[name];
    if (names === undefined) continue;
    if (!Array.isArray(names) || new Set(names).size !== names.length)
      fail(`${name} must be a list of names`);
    else if (names.some((item: Json) => typeof item !== "string" || !Object.hasOwn(properties, item))) {
      fail(`${name}: property is not defined`);
    }
  }
  return Object.entries(properties).flatMap(([name, value]) =>
    subsetErrors(value, `${path}.properties.${name}`, depth + 1),
  );
}

const JSON_SCHEMA_KEYWORDS = new Set([
  "$id",
  "$defs",
  "$ref",
  "$anchor",
  "type",
  "format",
  "title",
  "description",
  "enum",
  "items",
  "prefixItems",
  "minItems",
  "maxItems",
  "minimum",
  "maximum",
  "anyOf",
  "oneOf",
  "properties",
  "additionalProperties",
  "required",
  "propertyOrdering",
]);

/** The closed keyword list of `parametersJsonSchema`: references local, nothing beside a `$ref` but `$` fields. */
export function jsonSchemaErrors(schema: unknown, path = "$"): readonly string[] {
  if (!isObject(schema)) return [`${path}: not an object`];
  const errors = Object.keys(schema)
    .filter((name) => !JSON_SCHEMA_KEYWORDS.has(name))
    .map((name) => `${path}: Unknown name "${name}"`);
  const reference = schema["$ref"];
  if (reference !== undefined) {
    const beside = Object.keys(schema).filter((name) => !name.startsWith("$"));
    if (path !== "$" && beside.length > 0) errors.push(`${path}: ${beside.join()} beside $ref`);
    if (typeof reference !== "string" || !reference.startsWith("#"))
      errors.push(`${path}: $ref ${JSON.stringify(reference)}`);
  }
  for (const name of ["properties", "$defs"]) {
    const map = schema[name];
    if (!isObject(map)) continue;
    for (const [key, value] of Object.entries(map))
      errors.push(...jsonSchemaErrors(value, `${path}.${name}.${key}`));
  }
  for (const name of ["anyOf", "oneOf", "prefixItems"]) {
    const list = schema[name];
    if (!Array.isArray(list)) continue;
    list.forEach((value, at) => errors.push(...jsonSchemaErrors(value, `${path}.${name}[${at}]`)));
  }
  if (schema["items"] !== undefined) errors.push(...jsonSchemaErrors(schema["items"], `${path}.items`));
  const additional = schema["additionalProperties"];
  if (additional !== undefined && typeof additional !== "boolean") {
    errors.push(...jsonSchemaErrors(additional, `${path}.additionalProperties`));
  }
  return errors;
}
