/**
 * JSON Schema as `parametersJsonSchema` and `responseJsonSchema` take it: real references, but a closed list of
 * keywords; what is not on it is ignored by some models and refused by others, so it is left out here.
 *
 * Invariants: pure; built from known keywords only; data (`enum`, `const`) is copied, never read as schema; a schema
 * with `$ref` has nothing beside it, which Google demands.
 */
import {
  asArray,
  asObject,
  asString,
  isObject,
  type Json,
  type JsonObject,
  type MutableJsonObject,
} from "#lib/json.ts";
import { resolveReference, SCHEMAS_MAX } from "./schema-reference.ts";

/** Deeper is hostile: what lies below is left open. */
const DEPTH_MAX = 64;

export function toGeminiJsonSchema(schema: JsonObject): JsonObject {
  return convert(schema, { root: schema, budget: { left: SCHEMAS_MAX } }, 0);
}

interface Scope {
  readonly root: JsonObject;
  /** Schemas that may still be looked at: references in `allOf` could multiply without end. */
  readonly budget: { left: number };
}

/** Keywords whose value is copied as it is. */
const COPIED = [
  "$id",
  "$anchor",
  "format",
  "title",
  "description",
  "minItems",
  "maxItems",
  "minimum",
  "maximum",
  "required",
  "propertyOrdering",
];
/** Keywords that map names to schemas. */
const MAPS = ["properties", "$defs"];
/** Keywords that list schemas. */
const LISTS = ["anyOf", "oneOf", "prefixItems"];

function convert(schema: JsonObject, scope: Scope, depth: number): JsonObject {
  const asked = asString(schema["$ref"]);
  // A reference to nowhere, or out of the document, leaves the schema open.
  const reference = resolveReference(scope.root, asked) ? asked : undefined;
  if (reference !== undefined && depth > 0) return { $ref: localReference(reference) };
  scope.budget.left -= 1;
  if (depth > DEPTH_MAX || scope.budget.left < 0) return {};
  const merged = mergeAllOf(schema, scope, depth);
  const result: MutableJsonObject = {};
  if (reference !== undefined) result["$ref"] = localReference(reference);
  Object.assign(result, typeOf(merged), enumOf(merged));
  for (const name of COPIED) if (merged[name] !== undefined) result[name] = merged[name];
  result["minimum"] ??= numberOrNothing(merged["exclusiveMinimum"]);
  result["maximum"] ??= numberOrNothing(merged["exclusiveMaximum"]);
  for (const name of MAPS) {
    const map = asObject(merged[name]);
    if (map) result[name] = convertMap(map, scope, depth);
  }
  const definitions = asObject(merged["definitions"]);
  if (definitions)
    result["$defs"] = { ...asObject(result["$defs"]), ...convertMap(definitions, scope, depth) };
  for (const name of LISTS) {
    if (Array.isArray(merged[name]))
      result[name] = merged[name].map((value) => convertMember(value, scope, depth));
  }
  Object.assign(result, itemsOf(merged, scope, depth), additionalOf(merged, scope, depth));
  return withoutAbsent(result);
}

function convertMap(map: JsonObject, scope: Scope, depth: number): JsonObject {
  return Object.fromEntries(
    Object.entries(map).map(([name, value]) => [name, convertMember(value, scope, depth)]),
  );
}

/** `true` means anything, which an empty schema says; `false` cannot be said and is left open. */
function convertMember(value: Json | undefined, scope: Scope, depth: number): JsonObject {
  const schema = asObject(value);
  return schema ? convert(schema, scope, depth + 1) : {};
}

function itemsOf(schema: JsonObject, scope: Scope, depth: number): JsonObject {
  const items = schema["items"];
  if (Array.isArray(items)) return { prefixItems: items.map((value) => convertMember(value, scope, depth)) };
  return asObject(items) ? { items: convertMember(items, scope, depth) } : {};
}

function additionalOf(schema: JsonObject, scope: Scope, depth: number): JsonObject {
  const additional = schema["additionalProperties"];
  if (typeof additional === "boolean") return { additionalProperties: additional };
  return asObject(additional) ? { additionalProperties: convertMember(additional, scope, depth) } : {};
}

function typeOf(schema: JsonObject): JsonObject {
  const type = schema["type"];
  if (schema["nullable"] === true && typeof type === "string") return { type: [type, "null"] };
  return type === undefined ? {} : { type };
}

function enumOf(schema: JsonObject): JsonObject {
  if (schema["const"] !== undefined) return { enum: [schema["const"]] };
  return Array.isArray(schema["enum"]) ? { enum: schema["enum"] } : {};
}

/**
 * `allOf` is not on the list. A lone reference in it (pydantic's way to describe one) stays a reference; several
 * members become one schema, references among them looked up.
 */
function mergeAllOf(schema: JsonObject, scope: Scope, depth: number): JsonObject {
  const members = asArray(schema["allOf"]).filter(isObject);
  scope.budget.left -= members.length;
  if (members.length === 0) return schema;
  const { allOf: _, ...own } = schema;
  if (depth > DEPTH_MAX || scope.budget.left < 0) return own;
  if (members.length === 1 && members[0]?.["$ref"] !== undefined) return { ...own, anyOf: members };
  const resolved = members.map((member) => resolveReference(scope.root, asString(member["$ref"])) ?? member);
  const all = [...resolved.map((member) => mergeAllOf(member, scope, depth + 1)), own];
  const properties = Object.assign({}, ...all.map((member) => asObject(member["properties"])));
  const required = [...new Set(all.flatMap((member) => asArray(member["required"])))];
  return {
    ...Object.assign({}, ...all),
    ...(Object.keys(properties).length > 0 && { properties }),
    ...(required.length > 0 && { required }),
  };
}

function localReference(reference: string): string {
  return reference.replace(/^#\/definitions\//, "#/$defs/");
}

function numberOrNothing(value: Json | undefined): number | undefined {
  return typeof value === "number" ? value : undefined;
}

function withoutAbsent(object: MutableJsonObject): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
}
