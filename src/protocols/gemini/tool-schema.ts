/**
 * JSON Schema to the OpenAPI subset that Gemini's `parameters` and `responseSchema` take. Unknown keywords are a hard
 * 400 there, so the result is built from known keywords only, never by deleting from the input.
 *
 * Invariants: pure and total (any JSON in, a valid subset schema out); `$ref` is inlined and recursion cut with a
 * plain OBJECT; data (`default`, `enum`, `example`) is copied, never read as schema; a property may be named like a
 * keyword. `parametersJsonSchema` takes real JSON Schema; that path is json-schema.ts.
 */
import { asArray, asNumber, asObject, asString, type Json, type JsonObject } from "#lib/json.ts";
import { dereference, SCHEMAS_MAX, type Scope } from "./schema-reference.ts";

export interface SchemaOptions {
  /** Write `propertyOrdering`: before Gemini 2.5, answers come in alphabetical order without it. */
  readonly ordered?: boolean;
}

/** The subset schema for a JSON Schema. */
export function toGeminiSchema(schema: JsonObject, options: SchemaOptions = {}): JsonObject {
  return convert(schema, { root: schema, trail: [], budget: { left: SCHEMAS_MAX }, options });
}

interface Context extends Scope {
  readonly options: SchemaOptions;
}

function convert(value: Json | undefined, outer: Context): JsonObject {
  const { schema: resolved, scope } = dereference(value, outer);
  // A schema may be `true` (anything) or damaged; an untyped schema is refused, so it becomes an object.
  if (!resolved) return { type: "OBJECT" };
  const context = { ...scope, options: outer.options };
  const { schema, context: merged } = mergeAllOf(resolved, context);
  const { types, nullable } = readTypes(schema);
  const union = readUnion(schema, merged);
  const described = { ...annotations(schema), ...((nullable || union?.nullable) && { nullable: true }) };
  if (union) return convertUnion({ schema, union: union.members, described }, merged);
  if (types.length > 1) {
    const anyOf = types.map((type) => ({ ...typed(type, schema, merged) }));
    return { ...described, anyOf };
  }
  const type = types[0] ?? inferType(schema);
  if (type === undefined)
    return nullable ? { ...annotations(schema), type: "NULL" } : { ...described, type: "OBJECT" };
  return { ...described, ...typed(type, schema, merged) };
}

// ---- unions ---------------------------------------------------------------------------------------------------

interface Union {
  readonly schema: JsonObject;
  readonly union: readonly JsonObject[];
  readonly described: JsonObject;
}

/** One alternative is no union; what stood beside the `anyOf` is kept where the member does not say it. */
function convertUnion({ schema, union, described }: Union, context: Context): JsonObject {
  const only = union[0];
  if (union.length === 1 && only) return { ...only, ...described };
  const { anyOf: _, oneOf: __, ...beside } = schema;
  const properties = asObject(beside["properties"]);
  // An object with `anyOf: [{required: [..]}, ..]` says which fields go together; the subset cannot, so only the
  // object itself is kept.
  if (properties && union.every((member) => member["properties"] === undefined)) {
    return { ...described, ...typed("OBJECT", beside, context) };
  }
  return { ...described, anyOf: union };
}

function readUnion(
  schema: JsonObject,
  context: Context,
): { readonly members: readonly JsonObject[]; readonly nullable: boolean } | undefined {
  const members = [...asArray(schema["anyOf"]), ...asArray(schema["oneOf"])];
  if (members.length === 0) return undefined;
  const real = members.filter((member) => !isNullSchema(member));
  const nullable = real.length < members.length;
  if (real.length === 0) return { members: [{ type: "NULL" }], nullable: false };
  return { members: real.map((member) => convert(member, context)), nullable };
}

function isNullSchema(value: Json): boolean {
  const schema = asObject(value);
  if (!schema) return false;
  const type = schema["type"];
  if (typeof type === "string") return type.toLowerCase() === "null";
  const values = schema["enum"];
  return schema["const"] === null || (Array.isArray(values) && values.length === 1 && values[0] === null);
}

/** Later members win, but `properties` and `required` add up. Members' own references are resolved first. */
function mergeAllOf(schema: JsonObject, context: Context): { schema: JsonObject; context: Context } {
  const members = asArray(schema["allOf"]);
  if (members.length === 0) return { schema, context };
  const { allOf: _, ...own } = schema;
  let merged: JsonObject = {};
  const trail = new Set(context.trail);
  for (const member of members) {
    const found = dereference(member, context);
    if (!found.schema) continue;
    const inner = mergeAllOf(found.schema, { ...found.scope, options: context.options });
    for (const pointer of inner.context.trail) trail.add(pointer);
    merged = mergeTwo(merged, inner.schema);
  }
  return {
    schema: mergeTwo(merged, own),
    context: { ...context, trail: [...context.trail, ...trail.difference(new Set(context.trail))] },
  };
}

function mergeTwo(first: JsonObject, second: JsonObject): JsonObject {
  const properties = { ...asObject(first["properties"]), ...asObject(second["properties"]) };
  const required = [...new Set([...asArray(first["required"]), ...asArray(second["required"])])];
  return {
    ...first,
    ...second,
    ...(Object.keys(properties).length > 0 && { properties }),
    ...(required.length > 0 && { required }),
  };
}

// ---- one type -------------------------------------------------------------------------------------------------

type GeminiType = "STRING" | "NUMBER" | "INTEGER" | "BOOLEAN" | "ARRAY" | "OBJECT";

const GEMINI_TYPES: ReadonlyMap<string, GeminiType> = new Map([
  ["string", "STRING"],
  ["number", "NUMBER"],
  ["integer", "INTEGER"],
  ["boolean", "BOOLEAN"],
  ["array", "ARRAY"],
  ["object", "OBJECT"],
]);

function readTypes(schema: JsonObject): {
  readonly types: readonly GeminiType[];
  readonly nullable: boolean;
} {
  const declared = schema["type"];
  const names = (Array.isArray(declared) ? declared : [declared]).map((name) =>
    asString(name)?.toLowerCase(),
  );
  const values = asArray(schema["enum"]);
  const types = names.flatMap((name) => GEMINI_TYPES.get(name ?? "") ?? []);
  const nullable = names.includes("null") || schema["nullable"] === true || values.includes(null);
  return { types: [...new Set(types)], nullable };
}

/** Schemas often leave `type` out where another keyword tells. */
function inferType(schema: JsonObject): GeminiType | undefined {
  const values = enumValues(schema);
  if (values) return typeOfValues(values);
  if (schema["properties"] !== undefined || schema["additionalProperties"] !== undefined) return "OBJECT";
  if (schema["items"] !== undefined || schema["prefixItems"] !== undefined) return "ARRAY";
  if (schema["pattern"] !== undefined || schema["minLength"] !== undefined) return "STRING";
  if (schema["minimum"] !== undefined || schema["maximum"] !== undefined) return "NUMBER";
  return undefined;
}

function typeOfValues(values: readonly Json[]): GeminiType {
  if (values.length > 0 && values.every((value) => typeof value === "boolean")) return "BOOLEAN";
  return "STRING";
}

function typed(type: GeminiType, schema: JsonObject, context: Context): JsonObject {
  const values = enumValues(schema);
  // Enums are strings in the subset: numbers are spelled out. Booleans keep their type and lose the enum.
  if (values && type !== "BOOLEAN" && type !== "ARRAY" && type !== "OBJECT") return enumSchema(values);
  switch (type) {
    case "STRING":
      return { type, ...stringFormat(schema), ...pick(schema, ["pattern"], asString), ...lengths(schema) };
    case "NUMBER":
    case "INTEGER":
      return { type, ...numberFormat(schema, type), ...bounds(schema) };
    case "BOOLEAN":
      return { type };
    case "ARRAY":
      return { type, items: itemsOf(schema, context), ...pick(schema, ["minItems", "maxItems"], count) };
    case "OBJECT":
      return { type, ...objectFields(schema, context) };
  }
}

function enumValues(schema: JsonObject): readonly Json[] | undefined {
  const values = schema["const"] === undefined ? schema["enum"] : [schema["const"]];
  if (!Array.isArray(values)) return undefined;
  const real = values.filter((value) => value !== null);
  return real.length === 0 ? undefined : real;
}

/** Empty strings are refused as enum members; an enum of only those says nothing. */
function enumSchema(values: readonly Json[]): JsonObject {
  const texts = values.map((value) => (typeof value === "string" ? value : JSON.stringify(value)));
  const members = [...new Set(texts)].filter((text) => text !== "");
  return members.length === 0 ? { type: "STRING" } : { type: "STRING", format: "enum", enum: members };
}

const STRING_FORMATS = new Set(["date-time"]);
const NUMBER_FORMATS = { NUMBER: new Set(["float", "double"]), INTEGER: new Set(["int32", "int64"]) };

function stringFormat(schema: JsonObject): JsonObject {
  const format = asString(schema["format"]);
  return format !== undefined && STRING_FORMATS.has(format) ? { format } : {};
}

function numberFormat(schema: JsonObject, type: "NUMBER" | "INTEGER"): JsonObject {
  const format = asString(schema["format"]);
  return format !== undefined && NUMBER_FORMATS[type].has(format) ? { format } : {};
}

function lengths(schema: JsonObject): JsonObject {
  return pick(schema, ["minLength", "maxLength"], count);
}

/** Exclusive bounds become inclusive ones: a little wider, never narrower. */
function bounds(schema: JsonObject): JsonObject {
  const minimum = realNumber(schema["minimum"]) ?? realNumber(schema["exclusiveMinimum"]);
  const maximum = realNumber(schema["maximum"]) ?? realNumber(schema["exclusiveMaximum"]);
  return { ...(minimum !== undefined && { minimum }), ...(maximum !== undefined && { maximum }) };
}

function itemsOf(schema: JsonObject, context: Context): JsonObject {
  const items = schema["items"];
  const positions = Array.isArray(items) ? items : asArray(schema["prefixItems"]);
  if (positions.length > 0) {
    const anyOf = uniqueSchemas(positions.map((item) => convert(item, context)));
    const only = anyOf[0];
    return anyOf.length === 1 && only ? only : { anyOf };
  }
  return asObject(items) ? convert(items, context) : { type: "STRING" };
}

function uniqueSchemas(schemas: readonly JsonObject[]): JsonObject[] {
  return [...new Map(schemas.map((schema) => [JSON.stringify(schema), schema])).values()];
}

/** Names in `required` must exist in `properties`, and an empty `properties` is refused: both are left out then. */
function objectFields(schema: JsonObject, context: Context): JsonObject {
  const entries = Object.entries(asObject(schema["properties"]) ?? {});
  if (entries.length === 0) return {};
  const properties = Object.fromEntries(entries.map(([name, value]) => [name, convert(value, context)]));
  const required = asArray(schema["required"]).filter(
    (name) => typeof name === "string" && Object.hasOwn(properties, name),
  );
  return {
    properties,
    ...(required.length > 0 && { required }),
    ...(context.options.ordered && { propertyOrdering: Object.keys(properties) }),
    ...pick(schema, ["minProperties", "maxProperties"], count),
  };
}

function annotations(schema: JsonObject): JsonObject {
  return {
    ...pick(schema, ["title", "description"], asString),
    ...(schema["default"] !== undefined && schema["default"] !== null && { default: schema["default"] }),
    ...(schema["example"] !== undefined && { example: schema["example"] }),
  };
}

function pick(
  schema: JsonObject,
  names: readonly string[],
  read: (value: Json | undefined) => Json | undefined,
): JsonObject {
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = read(schema[name]);
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

function count(value: Json | undefined): number | undefined {
  const number = realNumber(value);
  return number !== undefined && Number.isInteger(number) && number >= 0 ? number : undefined;
}

function realNumber(value: Json | undefined): number | undefined {
  return typeof value === "number" ? asNumber(value) : undefined;
}
