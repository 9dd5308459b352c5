import { expect, test } from "bun:test";
import { shallowObject } from "./shallow-object.ts";

const nested = (levels: number) => `${'{"a":'.repeat(levels)}1${"}".repeat(levels)}`;

test.each([
  ["an object", '{"a":[1]}', true],
  ["a list", "[1]", false],
  ["text", "no json", false],
  ["nothing", "", false],
  ["an object of 200 levels", nested(200), true],
  ["an object of 201 levels", nested(201), false],
  ["an object deeper than the stack", nested(300_000), false],
])("%s", (_, text, expected) => {
  expect(shallowObject(text) !== undefined).toBe(expected);
});
