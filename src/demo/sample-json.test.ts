/** Values made from JSON Schemas. */
import { expect, test } from "bun:test";
import type { Json, JsonObject } from "#lib/json.ts";
import { sampleJson } from "./sample-json.ts";

const CASES: readonly [string, JsonObject, Json][] = [
  ["nothing asked", {}, {}],
  ["a constant", { const: 5 }, 5],
  ["the first of an enumeration", { enum: ["b", "a"] }, "b"],
  ["a type or null", { type: ["null", "integer"] }, 7],
  ["Gemini's capitals", { type: "OBJECT", properties: { a: { type: "STRING" } } }, { a: "demo a" }],
  ["bounds of a number", { type: "integer", exclusiveMinimum: 9, multipleOf: 4 }, 12],
  ["an upper bound", { type: "number", maximum: 3 }, 2],
  ["lengths of a text", { type: "string", minLength: 12, maxLength: 12 }, "demo value.."],
  ["a format", { type: "string", format: "date" }, "2026-01-02"],
  ["a list of at least two", { type: "array", minItems: 2, items: { type: "boolean" } }, [true, true]],
  ["a list of at most none", { type: "array", maxItems: 0, items: { type: "boolean" } }, []],
  ["a tuple", { type: "array", prefixItems: [{ type: "null" }, { type: "boolean" }] }, [null, true]],
  ["alternatives", { anyOf: [{ type: "null" }, { type: "boolean" }] }, true],
  [
    "all of several",
    { allOf: [{ properties: { a: { const: 1 } } }, { properties: { b: { const: 2 } } }] },
    { a: 1, b: 2 },
  ],
  [
    "a reference",
    { $defs: { city: { type: "string" } }, properties: { to: { $ref: "#/$defs/city" } } },
    { to: "demo to" },
  ],
];

test.each(CASES)("makes a value for %s", (_, schema, value) => {
  expect(sampleJson(schema)).toEqual(value);
});

test("a recursive schema comes to an end", () => {
  const tree: JsonObject = {
    type: "object",
    properties: { name: { type: "string" }, children: { type: "array", items: { $ref: "#" } } },
    required: ["name"],
  };
  const text = JSON.stringify(sampleJson(tree));
  expect(text).toStartWith('{"name":"demo name","children":[{"name":"demo name","children":[');
  expect(text.length).toBeLessThan(500);
});

const CIRCLES: readonly [string, JsonObject][] = [
  [
    "references in a circle",
    { $ref: "#/$defs/a", $defs: { a: { $ref: "#/$defs/b" }, b: { $ref: "#/$defs/a" } } },
  ],
  ["a schema that is its own alternative", { anyOf: [{ $ref: "#" }] }],
  ["a schema that is its own part", { allOf: [{ $ref: "#" }, { $ref: "#" }] }],
  ["a reference into nothing", { $ref: "#/nowhere/at%20all" }],
  ["a broken pointer", { $ref: "#/%zz" }],
  ["more items than memory", { type: "array", minItems: 1e9, items: { type: "string", minLength: 1e9 } }],
];

test.each(CIRCLES)("%s comes to an end", (_, schema) => {
  expect(JSON.stringify(sampleJson(schema)).length).toBeLessThan(2_000_000);
});

test("a schema that requires itself comes to an end, too", () => {
  const endless: JsonObject = { type: "object", properties: { self: { $ref: "#" } }, required: ["self"] };
  expect(JSON.stringify(sampleJson(endless)).length).toBeLessThan(500);
});
