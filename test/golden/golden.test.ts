/**
 * What goes to an upstream for each feature and each client API, to the byte: `test/golden/<upstream API>.json`. A
 * change of translation shows as a change of these files; `UPDATE_GOLDEN=1` rewrites them for review.
 */
import { describe, expect, test } from "bun:test";
import { writeFileSync, readFileSync, existsSync } from "node:fs";
import { join } from "node:path";
import { apis } from "../matrix/rooms.ts";
import { snapshotOf } from "./translate.ts";

const fileOf = (upstream: string) => join(import.meta.dir, `${upstream}.json`);
const isUpdating = process.env["UPDATE_GOLDEN"] === "1";

describe.each(apis)("towards %s", (upstream) => {
  const snapshot = JSON.parse(JSON.stringify(snapshotOf(upstream)));
  const path = fileOf(upstream);
  if (isUpdating) writeFileSync(path, `${JSON.stringify(snapshot, undefined, 2)}\n`);
  const golden = existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : {};

  test("the snapshot has these features and no others", () => {
    expect(Object.keys(golden)).toEqual(Object.keys(snapshot));
  });

  test.each(Object.keys(snapshot))("%s", (feature) => {
    // As text, because the order of keys is part of what an upstream's prompt cache sees.
    expect(JSON.stringify(snapshot[feature], undefined, 2)).toBe(
      JSON.stringify(golden[feature], undefined, 2),
    );
  });
});
