import { expect, test } from "bun:test";
import { lookUp } from "./look-up.ts";

const table = { known: 1, nothing: 0 };

test.each(["constructor", "toString", "__proto__", "hasOwnProperty", "valueOf", "unknown", ""])(
  "%j is in no table that does not hold it",
  (word) => expect(lookUp(table, word)).toBeUndefined(),
);

test("what a table holds is found, and no word finds nothing", () => {
  expect(lookUp(table, "known")).toBe(1);
  expect(lookUp(table, "nothing")).toBe(0);
  expect(lookUp(table, undefined)).toBeUndefined();
  expect(lookUp({ constructor: 2 }, "constructor")).toBe(2);
});
