/**
 * A JSON Schema as structured output accepts it: closed objects, no recursion, few constraints. What is taken away is
 * said in the description, so that the model still reads it. Data inside a schema (`enum`, `const`, `default`) is never
 * touched.
 */
import { asObject, isObject, type Json, type JsonObject, type MutableJsonObject } from "#lib/json.ts";
import { lookUp } from "#lib/look-up.ts";

/** Undefined where the schema cannot be expressed: recursion, open maps, too many optional properties. */
export function fitSchema(schema: JsonObject): JsonObject | undefined {
  const fitting = new Fitting(schema);
  const fitted = fitting.fit(schema);
  return fitting.isImpossible || isRecursive(schema) ? undefined : fitted;
}

/** Whether fitting takes constraints away: nothing then enforces what the description still says. */
export function isLoosened(schema: JsonObject): boolean {
  const fitting = new Fitting(schema);
  fitting.fit(schema);
  return fitting.isLoosened;
}

const OPTIONAL_PROPERTIES_MAX = 24;
const CONSTRAINTS = [
  "minimum",
  "maximum",
  "exclusiveMinimum",
  "exclusiveMaximum",
  "multipleOf",
  "minLength",
  "maxLength",
  "maxItems",
  "uniqueItems",
  "minProperties",
  "maxProperties",
] as const;
const FORMATS: ReadonlySet<string> = new Set([
  "date-time",
  "time",
  "date",
  "duration",
  "email",
  "hostname",
  "uri",
  "ipv4",
  "ipv6",
  "uuid",
]);
const LOOK_AROUND = /\(\?<?[=!]/;

class Fitting {
  isImpossible = false;
  isLoosened = false;
  #optionalProperties = 0;
  readonly #root: JsonObject;

  constructor(root: JsonObject) {
    this.#root = root;
  }

  fit(schema: JsonObject): JsonObject {
    const fitted: MutableJsonObject = { ...schema };
    const removed = this.#removeConstraints(fitted);
    if (schema["oneOf"] !== undefined && schema["anyOf"] === undefined) {
      fitted["anyOf"] = schema["oneOf"];
      delete fitted["oneOf"];
    }
    this.#descend(fitted);
    this.#closeObject(fitted);
    if (schema === this.#root) delete fitted["$schema"];
    if (removed.length > 0) {
      this.isLoosened = true;
      const before = typeof schema["description"] === "string" ? `${schema["description"]} ` : "";
      fitted["description"] = `${before}(${removed.join(", ")})`;
    }
    return fitted;
  }

  /** What was removed, in words. */
  #removeConstraints(schema: MutableJsonObject): readonly string[] {
    const removed: string[] = [];
    const remove = (name: string) => {
      removed.push(`${name}: ${JSON.stringify(schema[name])}`);
      delete schema[name];
    };
    for (const name of CONSTRAINTS) if (schema[name] !== undefined) remove(name);
    const { minItems, format, pattern } = schema;
    if (typeof minItems === "number" && minItems > 1) remove("minItems");
    if (typeof format === "string" && !FORMATS.has(format)) remove("format");
    if (typeof pattern === "string" && LOOK_AROUND.test(pattern)) remove("pattern");
    return removed;
  }

  #descend(schema: MutableJsonObject): void {
    for (const name of ["properties", "$defs", "definitions"]) {
      const map = schema[name];
      if (isObject(map)) schema[name] = this.#fitMap(map);
    }
    for (const name of ["anyOf", "allOf", "prefixItems"]) {
      const list = schema[name];
      if (Array.isArray(list)) schema[name] = list.map((entry: Json) => this.#fitAny(entry));
    }
    const { items } = schema;
    if (items !== undefined) schema["items"] = this.#fitAny(items);
    if (schema["patternProperties"] !== undefined) this.isImpossible = true;
  }

  #fitMap(map: JsonObject): JsonObject {
    return Object.fromEntries(Object.entries(map).map(([name, value]) => [name, this.#fitAny(value)]));
  }

  #fitAny(value: Json): Json;
  #fitAny(value: Json | undefined): Json | undefined;
  #fitAny(value: Json | undefined): Json | undefined {
    return isObject(value) ? this.fit(value) : value;
  }

  #closeObject(schema: MutableJsonObject): void {
    const { type, properties, additionalProperties } = schema;
    const isObjectType = type === "object" || (Array.isArray(type) && type.includes("object"));
    if (!isObjectType && !isObject(properties)) return;
    if (isObject(additionalProperties)) this.isImpossible = true;
    schema["additionalProperties"] = false;
    const required = Array.isArray(schema["required"]) ? schema["required"].length : 0;
    this.#optionalProperties += Object.keys(isObject(properties) ? properties : {}).length - required;
    if (this.#optionalProperties > OPTIONAL_PROPERTIES_MAX) this.isImpossible = true;
  }
}

/** Whether a `$ref` leads back to where it stands. */
function isRecursive(root: JsonObject): boolean {
  const visit = (value: Json | undefined, trail: readonly string[]): boolean => {
    if (Array.isArray(value)) return value.some((entry: Json) => visit(entry, trail));
    if (!isObject(value)) return false;
    const reference = value["$ref"];
    if (typeof reference === "string") {
      return trail.includes(reference) || visit(resolve(root, reference), [...trail, reference]);
    }
    return Object.entries(value).some(([name, entry]) => !DATA.has(name) && visit(entry, trail));
  };
  return visit(root, ["#"]);
}

/** Not schemas; and definitions count only where something refers to them. */
const DATA: ReadonlySet<string> = new Set(["enum", "const", "default", "examples", "$defs", "definitions"]);

function resolve(root: JsonObject, reference: string): Json | undefined {
  let place: Json | undefined = root;
  for (const step of reference.replace(/^#\/?/, "").split("/")) {
    if (step === "") continue;
    place = lookUp(asObject(place) ?? {}, step.replaceAll("~1", "/").replaceAll("~0", "~"));
  }
  return place;
}
