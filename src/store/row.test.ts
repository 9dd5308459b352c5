import { expect, test } from "bun:test";
import {
  bigintColumn,
  integerColumn,
  optionalBigint,
  optionalInteger,
  optionalText,
  textColumn,
} from "./row.ts";

const row = { text: "a", number: 7, bigint: 8n, vast: 2n ** 60n, half: 0.5, nothing: null };

test.each([
  [() => textColumn(row, "text"), "a"],
  [() => optionalText(row, "nothing"), undefined],
  [() => integerColumn(row, "number"), 7],
  [() => integerColumn(row, "bigint"), 8],
  [() => optionalInteger(row, "nothing"), undefined],
  [() => bigintColumn(row, "number"), 7n],
  [() => bigintColumn(row, "vast"), 2n ** 60n],
  [() => optionalBigint(row, "nothing"), undefined],
])("reads %s as it is", (read, value) => {
  expect<unknown>(read()).toBe(value);
});

test.each([
  () => textColumn(row, "nothing"),
  () => textColumn(row, "absent"),
  () => textColumn(row, "number"),
  () => integerColumn(row, "nothing"),
  () => integerColumn(row, "half"),
  () => integerColumn(row, "text"),
  () => integerColumn(row, "vast"),
  () => bigintColumn(row, "absent"),
])("refuses %s, which our SQL should never give", (read) => {
  expect(read).toThrow();
});
