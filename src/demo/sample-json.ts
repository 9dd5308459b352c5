/**
 * Makes a value that a JSON Schema accepts: what the demo passes to tools and answers in structured output. The same
 * schema always gives the same value. Understands the keywords tool authors use; what it does not know it ignores.
 */
import {
  asArray,
  asNumber,
  asObject,
  asString,
  type Json,
  type JsonObject,
  type MutableJsonObject,
} from "#lib/json.ts";
import { lookUp } from "#lib/look-up.ts";
import { decodePercent } from "./read-fields.ts";

/** Recursive schemas end here: only required properties below, and none at all twice as deep. */
const DEPTH_MAX = 4;
/** References to references, and circles of them. */
const HOPS_MAX = 16;
/** However many a schema asks for. */
const ITEMS_MAX = 100;
const CHARS_MAX = 10_000;

export function sampleJson(schema: JsonObject): Json {
  return sample(schema, { root: schema, depth: 0, name: "value" });
}

interface Place {
  /** Where `$ref` points into. */
  readonly root: JsonObject;
  readonly depth: number;
  /** The property's name, which makes a readable string. */
  readonly name: string;
}

function sample(given: JsonObject, place: Place): Json {
  const schema = resolve(given, place);
  if (schema.const !== undefined) return schema.const;
  const choices = asArray(schema.enum);
  if (choices.length > 0) return choices[0] ?? null;
  const alternatives = [...asArray(schema.anyOf), ...asArray(schema.oneOf)].map(
    (entry) => asObject(entry) ?? {},
  );
  if (alternatives.length > 0) {
    const { anyOf: _anyOf, oneOf: _oneOf, ...rest } = schema;
    // Deep down the last alternative is taken: in the usual node-or-leaf schemas it ends the recursion.
    const useful = alternatives.find((entry) => entry.type !== "null");
    const chosen = (place.depth < DEPTH_MAX ? useful : alternatives.at(-1)) ?? {};
    if (place.depth > 2 * DEPTH_MAX) return null;
    return sample({ ...rest, ...resolve(chosen, place) }, { ...place, depth: place.depth + 1 });
  }
  return sampleType(schema, place);
}

function sampleType(schema: JsonObject, place: Place): Json {
  switch (chooseType(schema)) {
    case "object":
      return sampleObject(schema, place);
    case "array":
      return sampleArray(schema, place);
    case "integer":
    case "number":
      return sampleNumber(schema);
    case "boolean":
      return true;
    case "null":
      return null;
    default:
      return sampleString(schema, place.name);
  }
}

/** Gemini writes types in capitals; a list of types means any of them. */
function chooseType(schema: JsonObject): string {
  const types = [schema.type, ...asArray(schema.type)].flatMap((type) => asString(type)?.toLowerCase() ?? []);
  const type = types.find((candidate) => candidate !== "null") ?? types[0];
  if (type !== undefined) return type;
  if (schema.properties !== undefined || Object.keys(schema).length === 0) return "object";
  return schema.items === undefined ? "string" : "array";
}

function sampleObject(schema: JsonObject, place: Place): Json {
  const required = asArray(schema.required);
  const made: MutableJsonObject = {};
  if (place.depth > 2 * DEPTH_MAX) return made;
  for (const [name, property] of Object.entries(asObject(schema.properties) ?? {})) {
    if (place.depth >= DEPTH_MAX && !required.includes(name)) continue;
    made[name] = sample(asObject(property) ?? {}, { ...place, depth: place.depth + 1, name });
  }
  return made;
}

function sampleArray(schema: JsonObject, place: Place): Json {
  const least = asNumber(schema.minItems) ?? 0;
  const most = asNumber(schema.maxItems) ?? Infinity;
  const length = Math.min(most, Math.max(least, place.depth < DEPTH_MAX ? 1 : 0));
  const prefix = asArray(schema.prefixItems);
  const deeper = { ...place, depth: place.depth + 1 };
  return Array.from({ length: Math.min(ITEMS_MAX, Math.max(length, prefix.length)) }, (_, index) =>
    sample(asObject(prefix[index] ?? schema.items) ?? { type: "string" }, deeper),
  );
}

function sampleNumber(schema: JsonObject): number {
  const above = asNumber(schema.exclusiveMinimum);
  const step = asNumber(schema.multipleOf);
  const least = asNumber(schema.minimum) ?? (above === undefined ? undefined : above + 1);
  const most = asNumber(schema.maximum) ?? asNumber(schema.exclusiveMaximum);
  const value = least ?? (most !== undefined && most < 7 ? most - 1 : 7);
  return step === undefined ? value : Math.ceil(value / step) * step;
}

const FORMATS: Readonly<Record<string, string>> = {
  "date-time": "2026-01-02T03:04:05Z",
  date: "2026-01-02",
  time: "03:04:05Z",
  duration: "PT1H",
  email: "demo@example.com",
  hostname: "example.com",
  uri: "https://example.com/",
  ipv4: "192.0.2.1",
  ipv6: "2001:db8::1",
  uuid: "00000000-0000-4000-8000-000000000000",
};

function sampleString(schema: JsonObject, name: string): string {
  const format = lookUp(FORMATS, asString(schema.format));
  if (format !== undefined) return format;
  const least = Math.min(CHARS_MAX, asNumber(schema.minLength) ?? 0);
  return `demo ${name}`.padEnd(least, ".").slice(0, asNumber(schema.maxLength) ?? Infinity);
}

/** Follows `$ref` and merges `allOf`. */
function resolve(schema: JsonObject, place: Place, hops = 0): JsonObject {
  if (hops > HOPS_MAX) return {};
  const reference = asString(schema.$ref);
  if (reference !== undefined) {
    const { $ref: _reference, ...rest } = schema;
    return { ...resolve(followPointer(place.root, reference), place, hops + 1), ...rest };
  }
  const all = asArray(schema.allOf);
  if (all.length === 0) return schema;
  const { allOf: _all, ...rest } = schema;
  return all.reduce<JsonObject>(
    (merged, entry) => mergeSchemas(merged, resolve(asObject(entry) ?? {}, place, hops + 1)),
    rest,
  );
}

function mergeSchemas(a: JsonObject, b: JsonObject): JsonObject {
  return {
    ...a,
    ...b,
    ...(asObject(a.properties) && { properties: { ...asObject(a.properties), ...asObject(b.properties) } }),
    required: [...asArray(a.required), ...asArray(b.required)],
  };
}

function followPointer(root: JsonObject, pointer: string): JsonObject {
  let at: JsonObject = root;
  for (const step of pointer.split("/").slice(1)) {
    at = asObject(lookUp(at, decodePercent(step).replaceAll("~1", "/").replaceAll("~0", "~"))) ?? {};
  }
  return at;
}
