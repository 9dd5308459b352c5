import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { asObject, type JsonObject } from "#lib/json.ts";
import { jsonSchemaErrors, subsetErrors } from "../gemini-schema-validator.ts";
import { toolSchemaCorpus } from "../tool-schema-corpus.ts";
import { toGeminiJsonSchema } from "#protocols/gemini/json-schema.ts";
import { toGeminiSchema } from "#protocols/gemini/tool-schema.ts";

describe("real tool schemas", () => {
  for (const [name, schema] of Object.entries(toolSchemaCorpus)) {
    test(`${name}: the subset takes the translation`, () => {
      const before = JSON.stringify(schema);
      expect(subsetErrors(toGeminiSchema(schema))).toEqual([]);
      expect(subsetErrors(toGeminiSchema(schema, { ordered: true }))).toEqual([]);
      expect(JSON.stringify(schema)).toBe(before);
    });
    test(`${name}: the closed JSON Schema takes the translation`, () => {
      expect(jsonSchemaErrors(toGeminiJsonSchema(schema))).toEqual([]);
    });
    test(`${name}: a second translation changes nothing`, () => {
      const once = toGeminiSchema(schema);
      expect(toGeminiSchema(once)).toEqual(once);
      const real = toGeminiJsonSchema(schema);
      expect(toGeminiJsonSchema(real)).toEqual(real);
    });
  }
});

const KEYWORDS =
  "type properties items anyOf oneOf allOf enum const $ref $defs required nullable format default prefixItems additionalProperties minimum minItems title".split(
    " ",
  );

describe("any JSON", () => {
  const keyword = fc.constantFrom(...KEYWORDS);
  const { schema: anySchema } = fc.letrec((tie) => ({
    schema: fc.dictionary(keyword, tie("value"), { maxKeys: 5 }),
    value: fc.oneof(
      { depthSize: "small" },
      fc.constantFrom("string", "object", "array", "null", "integer", "#", "#/$defs/a", "date-time", ""),
      fc.jsonValue({ maxDepth: 2 }),
      fc.array(tie("value"), { maxLength: 3 }),
      tie("schema"),
      fc.dictionary(fc.constantFrom("a", "b", "type", "$ref"), tie("schema"), { maxKeys: 3 }),
    ),
  }));

  test("becomes a schema the subset and the closed list take", () => {
    fc.assert(
      fc.property(anySchema, (value) => {
        const schema = asObject(value) ?? {};
        expect(subsetErrors(toGeminiSchema(schema))).toEqual([]);
        expect(jsonSchemaErrors(toGeminiJsonSchema(schema))).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  test("references that fan out end in bounded time and size", () => {
    const levels = Array.from({ length: 40 }, (_, level) => [
      `l${level}`,
      {
        type: "object",
        properties: { a: { $ref: `#/$defs/l${level + 1}` }, b: { $ref: `#/$defs/l${level + 1}` } },
      },
    ]);
    const schema = { $defs: Object.fromEntries(levels), $ref: "#/$defs/l0" };
    const translated = toGeminiSchema(schema);
    expect(subsetErrors(translated)).toEqual([]);
    expect(JSON.stringify(translated).length).toBeLessThan(2_000_000);
  });

  test("recursion inside allOf ends too", () => {
    const self = [{ $ref: "#/$defs/A" }, { $ref: "#/$defs/A" }];
    const schema = { $defs: { A: { allOf: self } }, allOf: self };
    expect(subsetErrors(toGeminiSchema(schema))).toEqual([]);
    expect(jsonSchemaErrors(toGeminiJsonSchema(schema))).toEqual([]);
  });

  test("depth without references is bounded too", () => {
    let schema: JsonObject = { type: "string" };
    for (let depth = 0; depth < 2000; depth += 1) schema = { type: "array", items: schema };
    expect(subsetErrors(toGeminiSchema(schema))).toEqual([]);
    expect(jsonSchemaErrors(toGeminiJsonSchema(schema))).toEqual([]);
  });
});

describe("what is kept", () => {
  const rows: readonly [string, JsonObject, JsonObject][] = [
    ["null among types is nullable", { type: ["string", "null"] }, { type: "STRING", nullable: true }],
    [
      "several types are alternatives",
      { type: ["string", "integer"] },
      { anyOf: [{ type: "STRING" }, { type: "INTEGER" }] },
    ],
    ["const is an enum of one", { const: "a" }, { type: "STRING", format: "enum", enum: ["a"] }],
    [
      "numbers in an enum are spelled",
      { type: "integer", enum: [1, 2] },
      { type: "STRING", format: "enum", enum: ["1", "2"] },
    ],
    [
      "an optional reference is the thing itself, nullable",
      {
        $defs: { A: { type: "string" } },
        anyOf: [{ $ref: "#/$defs/A" }, { type: "null" }],
        description: "d",
      },
      { type: "STRING", nullable: true, description: "d" },
    ],
    [
      "exclusive bounds become bounds",
      { type: "number", exclusiveMinimum: 1 },
      { type: "NUMBER", minimum: 1 },
    ],
    [
      "recursion is cut with an object",
      { type: "object", properties: { next: { $ref: "#" } } },
      { type: "OBJECT", properties: { next: { type: "OBJECT", properties: { next: { type: "OBJECT" } } } } },
    ],
  ];
  for (const [name, schema, expected] of rows) {
    test(name, () => expect<JsonObject>(toGeminiSchema(schema)).toEqual(expected));
  }

  test("default and example are data, whatever they look like", () => {
    const schema = toolSchemaCorpus["data that looks like schema"] ?? {};
    const query = asObject(asObject(toGeminiSchema(schema)["properties"])?.["query"]);
    const original = asObject(asObject(schema["properties"])?.["query"]);
    expect(query?.["default"]).toEqual(original?.["default"]);
    expect(query?.["example"]).toEqual(original?.["example"]);
  });

  test("properties may have any keyword's name", () => {
    const schema = toolSchemaCorpus["properties named like keywords"] ?? {};
    const properties = asObject(toGeminiSchema(schema)["properties"]) ?? {};
    expect(Object.keys(properties)).toEqual(Object.keys(asObject(schema["properties"]) ?? {}));
    const real = asObject(toGeminiJsonSchema(schema)["properties"]) ?? {};
    expect(Object.keys(real)).toEqual(Object.keys(properties));
  });
});

describe("the validator itself", () => {
  const wrong: readonly JsonObject[] = [
    { type: "string" },
    { type: "STRING", additionalProperties: false },
    { type: "STRING", enum: [1] },
    { type: "STRING", format: "uuid" },
    { type: "ARRAY" },
    { type: "OBJECT", properties: {} },
    { type: "OBJECT", properties: { a: { type: "STRING" } }, required: ["b"] },
    { type: "INTEGER", enum: ["1"] },
    { $ref: "#" },
    {},
  ];
  for (const schema of wrong) {
    test(`refuses ${JSON.stringify(schema)}`, () => expect(subsetErrors(schema)).not.toEqual([]));
  }
});
