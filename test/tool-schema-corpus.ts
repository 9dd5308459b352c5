/**
 * Tool schemas in the shapes that occur: MCP servers, zod and pydantic output, hand-written ones with every keyword that
 * has broken a gateway. Written for this test, after the forms those tools produce.
 */
import type { JsonObject } from "#lib/json.ts";

export const toolSchemaCorpus: Readonly<Record<string, JsonObject>> = {
  "MCP: read a file": {
    type: "object",
    properties: {
      path: { type: "string" },
      tail: { type: "number", description: "If provided, only the last N lines" },
      head: { type: "number" },
    },
    required: ["path"],
    additionalProperties: false,
    $schema: "http://json-schema.org/draft-07/schema#",
  },
  "MCP: edit a file": {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    type: "object",
    properties: {
      edits: {
        type: "array",
        items: {
          type: "object",
          properties: { oldText: { type: "string" }, newText: { type: "string" } },
          required: ["oldText", "newText"],
          additionalProperties: false,
        },
      },
      dryRun: { type: "boolean", default: false, description: "Preview changes" },
    },
    required: ["edits"],
  },
  "MCP: no arguments": { type: "object", properties: {}, additionalProperties: false },
  "MCP: knowledge graph with formats": {
    type: "object",
    properties: {
      id: { type: "string", format: "uuid" },
      since: { type: "string", format: "date-time" },
      day: { type: "string", format: "date" },
      mail: { type: "string", format: "email" },
      link: { type: "string", format: "uri" },
      big: { type: "integer", format: "int64" },
      odd: { type: "integer", format: "uint8" },
      ratio: { type: "number", format: "double" },
    },
  },
  "MCP: issue tracker with type lists": {
    type: "object",
    properties: {
      assignee: { type: ["string", "null"] },
      priority: { type: ["integer", "string"], enum: [1, 2, 3, "urgent"] },
      labels: { type: ["array", "null"], items: { type: ["string", "number"] } },
    },
    required: ["assignee", "missing"],
  },
  "zod: optional, nullable, literal, record": {
    type: "object",
    properties: {
      kind: { type: "string", const: "search" },
      limit: { type: "integer", exclusiveMinimum: 0, maximum: 9007199254740991 },
      note: { anyOf: [{ type: "string" }, { type: "null" }] },
      tags: { type: "object", propertyNames: { type: "string" }, additionalProperties: { type: "string" } },
      pair: { type: "array", prefixItems: [{ type: "string" }, { type: "number" }], items: false },
    },
    required: ["kind", "limit"],
    additionalProperties: false,
  },
  "zod: discriminated union": {
    type: "object",
    properties: {
      shape: {
        oneOf: [
          {
            type: "object",
            properties: { type: { const: "circle" }, radius: { type: "number" } },
            required: ["type", "radius"],
          },
          {
            type: "object",
            properties: { type: { const: "square" }, side: { type: "number" } },
            required: ["type", "side"],
          },
        ],
        discriminator: { propertyName: "type" },
      },
    },
  },
  "pydantic: nested models": {
    $defs: {
      Address: {
        properties: { street: { title: "Street", type: "string" }, zip: { title: "Zip", type: "string" } },
        required: ["street"],
        title: "Address",
        type: "object",
      },
      Colour: { enum: ["red", "green"], title: "Colour", type: "string" },
    },
    properties: {
      home: { $ref: "#/$defs/Address", description: "Where one lives" },
      work: { anyOf: [{ $ref: "#/$defs/Address" }, { type: "null" }], default: null },
      colour: { allOf: [{ $ref: "#/$defs/Colour" }], default: "red" },
      scores: { additionalProperties: { type: "integer" }, title: "Scores", type: "object" },
    },
    required: ["home"],
    title: "Person",
    type: "object",
  },
  "pydantic: recursive tree": {
    $defs: {
      Node: {
        properties: {
          value: { type: "integer" },
          children: { type: "array", items: { $ref: "#/$defs/Node" }, default: [] },
          parent: { anyOf: [{ $ref: "#/$defs/Node" }, { type: "null" }] },
        },
        required: ["value"],
        type: "object",
      },
    },
    $ref: "#/$defs/Node",
  },
  "pydantic: mutual recursion": {
    $defs: {
      A: { type: "object", properties: { b: { $ref: "#/$defs/B" } } },
      B: { type: "object", properties: { a: { $ref: "#/$defs/A" } } },
    },
    type: "object",
    properties: { a: { $ref: "#/$defs/A" } },
  },
  "pydantic: numeric literals": {
    type: "object",
    properties: {
      level: { enum: [1, 2, 3], type: "integer", title: "Level" },
      mixed: { enum: ["a", 1, null, true] },
      only: { const: 5 },
      flag: { const: true },
      nothing: { const: null },
      blank: { enum: [""], type: "string" },
    },
  },
  "root reference to itself": { type: "object", properties: { next: { $ref: "#" } } },
  "draft 4 definitions and boolean bounds": {
    definitions: { Size: { type: "number", minimum: 0, exclusiveMinimum: true } },
    type: "object",
    properties: { size: { $ref: "#/definitions/Size" } },
  },
  "escaped pointers and anchors": {
    $defs: { "a/b": { type: "string" }, "c~d": { type: "integer" }, e: { $anchor: "here", type: "boolean" } },
    type: "object",
    properties: {
      one: { $ref: "#/$defs/a~1b" },
      two: { $ref: "#/$defs/c~0d" },
      three: { $ref: "#here" },
      gone: { $ref: "#/$defs/nowhere" },
      far: { $ref: "https://example.com/schema.json" },
    },
  },
  "properties named like keywords": {
    type: "object",
    properties: {
      type: { type: "string" },
      enum: { type: "array", items: { type: "string" } },
      const: { type: "number" },
      $ref: { type: "string" },
      default: { type: "string" },
      properties: { type: "object", properties: { anyOf: { type: "string" } } },
      items: { type: "integer" },
      required: { type: "boolean" },
      additionalProperties: { type: "string" },
      format: { type: "string" },
      nullable: { type: "string" },
    },
    required: ["type", "$ref", "required"],
  },
  "data that looks like schema": {
    type: "object",
    properties: {
      query: {
        type: "object",
        properties: { text: { type: "string" } },
        default: { $ref: "#/x", type: "string", oneOf: [1], additionalProperties: false },
        example: { const: 1, anyOf: [] },
        examples: [{ $ref: "#" }],
      },
    },
  },
  "allOf of objects": {
    allOf: [
      { type: "object", properties: { a: { type: "string" } }, required: ["a"] },
      { $ref: "#/$defs/More" },
      { required: ["b"] },
    ],
    $defs: { More: { properties: { b: { type: "integer", multipleOf: 5 } } } },
  },
  "anyOf of required groups": {
    type: "object",
    properties: { id: { type: "string" }, name: { type: "string" } },
    anyOf: [{ required: ["id"] }, { required: ["name"] }],
  },
  "conditions and negations": {
    type: "object",
    properties: { mode: { type: "string", not: { const: "x" } }, n: { type: "integer", multipleOf: 2 } },
    if: { properties: { mode: { const: "a" } } },
    // oxlint-disable-next-line unicorn/no-thenable -- the keyword is the very thing under test
    then: { required: ["n"] },
    else: { properties: { n: false } },
    dependentRequired: { n: ["mode"] },
    unevaluatedProperties: false,
    patternProperties: { "^x-": { type: "string" } },
  },
  "arrays without items and untyped": {
    type: "object",
    properties: {
      list: { type: "array" },
      matrix: { type: "array", items: { type: "array", items: {}, minItems: 1, uniqueItems: true } },
      anything: {},
      yes: true,
      described: { description: "free form" },
      tuple: { type: "array", items: [{ type: "string" }, { type: "string" }] },
    },
  },
  "no type at the root": { properties: { a: { type: "string" } }, required: ["a"] },
  "upper-case types already": {
    type: "OBJECT",
    properties: { a: { type: "STRING", nullable: true }, b: { type: "ARRAY", items: { type: "INTEGER" } } },
  },
  "content keywords and read-only": {
    type: "object",
    properties: {
      file: { type: "string", contentEncoding: "base64", contentMediaType: "image/png", readOnly: true },
      old: { type: "string", deprecated: true, minLength: 1, maxLength: 10, pattern: "^[a-z]+$" },
    },
    minProperties: 1,
  },
  "only null": { type: "object", properties: { nil: { type: "null" }, nils: { anyOf: [{ type: "null" }] } } },
};
