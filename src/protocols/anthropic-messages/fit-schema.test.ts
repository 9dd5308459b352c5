import { expect, test } from "bun:test";
import type { JsonObject } from "#lib/json.ts";
import { fitSchema, isLoosened } from "./fit-schema.ts";

const closed = { additionalProperties: false };
const rows: readonly (readonly [string, JsonObject, JsonObject | undefined])[] = [
  [
    "objects are closed, at every depth",
    { type: "object", properties: { a: { type: "object", properties: {} } } },
    { type: "object", properties: { a: { type: "object", properties: {}, ...closed } }, ...closed },
  ],
  [
    "constraints move into the description",
    { type: "string", description: "Name.", maxLength: 9 },
    { type: "string", description: "Name. (maxLength: 9)" },
  ],
  [
    "a plain pattern stays, a look-around moves",
    { anyOf: [{ pattern: "^a$" }, { pattern: "(?=a)" }] },
    { anyOf: [{ pattern: "^a$" }, { description: '(pattern: "(?=a)")' }] },
  ],
  [
    "unknown formats move, known ones stay",
    { anyOf: [{ format: "uuid" }, { format: "phone" }] },
    { anyOf: [{ format: "uuid" }, { description: '(format: "phone")' }] },
  ],
  [
    "one item at least is fine, more is told",
    { anyOf: [{ minItems: 1 }, { minItems: 2 }] },
    { anyOf: [{ minItems: 1 }, { description: "(minItems: 2)" }] },
  ],
  [
    "oneOf becomes anyOf",
    { oneOf: [{ type: "string" }, { type: "null" }] },
    { anyOf: [{ type: "string" }, { type: "null" }] },
  ],
  [
    "data is no schema",
    { enum: [{ minimum: 1, oneOf: [] }], const: { type: "object" }, default: { maxLength: 1 } },
    { enum: [{ minimum: 1, oneOf: [] }], const: { type: "object" }, default: { maxLength: 1 } },
  ],
  [
    "a property may be called like a keyword",
    { type: "object", properties: { minimum: { type: "number" } }, required: ["minimum"] },
    { type: "object", properties: { minimum: { type: "number" } }, required: ["minimum"], ...closed },
  ],
  ["the dialect's name goes", { $schema: "x", type: "string" }, { type: "string" }],
  [
    "shared definitions are fine",
    { $defs: { a: { type: "string" } }, anyOf: [{ $ref: "#/$defs/a" }, { $ref: "#/$defs/a" }] },
    { $defs: { a: { type: "string" } }, anyOf: [{ $ref: "#/$defs/a" }, { $ref: "#/$defs/a" }] },
  ],
  ["recursion at the root", { type: "object", properties: { a: { $ref: "#" } } }, undefined],
  [
    "recursion through definitions",
    {
      $defs: { a: { anyOf: [{ $ref: "#/$defs/b" }] }, b: { items: { $ref: "#/$defs/a" } } },
      $ref: "#/$defs/a",
    },
    undefined,
  ],
  ["an open map", { type: "object", additionalProperties: { type: "string" } }, undefined],
  [
    "too many optional properties",
    { type: "object", properties: Object.fromEntries(Array.from({ length: 25 }, (_, at) => [`p${at}`, {}])) },
    undefined,
  ],
];
for (const [name, schema, expected] of rows) {
  test(name, () => {
    const before = JSON.stringify(schema);
    expect(fitSchema(schema)).toEqual(expected);
    expect(JSON.stringify(schema)).toBe(before);
  });
}

test("what fits already does not change", () => {
  const once = fitSchema({ type: "object", properties: { a: { type: "integer", minimum: 3 } } });
  expect(once && fitSchema(once)).toEqual(once);
});

test("a constraint taken away, at any depth, loosens the schema; closing it does not", () => {
  const open: JsonObject = { type: "object", properties: { a: { type: "string" } } };
  expect(isLoosened(open)).toBe(false);
  expect(isLoosened({ ...open, properties: { a: { type: "string", maxLength: 9 } } })).toBe(true);
});
