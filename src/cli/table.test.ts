import { expect, test } from "bun:test";
import { formatFields, formatTable } from "./table.ts";

test("columns are as wide as their widest cell, and lines end without spaces", () => {
  const table = formatTable(
    ["ID", "NAME"],
    [
      ["a", "long name"],
      ["longer", ""],
    ],
  );
  expect(table).toBe("ID      NAME\na       long name\nlonger\n");
});

test("fields stand below each other", () => {
  expect(
    formatFields([
      ["id", "a"],
      ["status", "active"],
    ]),
  ).toBe("  id      a\n  status  active\n");
});
