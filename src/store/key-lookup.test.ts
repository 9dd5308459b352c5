import { expect, test } from "bun:test";
import type { Database } from "./database.ts";
import { openDatabase } from "./database.ts";
import { createKeyLookup } from "./key-lookup.ts";

test("keeps a bounded queue while the database does not answer, and empties it when it does", async () => {
  const database = await openDatabase("sqlite::memory:");
  const gate = Promise.withResolvers<void>();
  const lookup = createKeyLookup(behind(gate.promise, database));
  const outcomes = Array.from({ length: 20_000 }, (_, index) =>
    lookup(`hash ${index}`).then(
      (state) => ({ state }),
      (error: unknown) => ({ error }),
    ),
  );
  const refusedAtOnce = await Promise.race([outcomes[19_999], gate.promise]);
  expect(refusedAtOnce).toMatchObject({ error: { kind: "unavailable" } });
  gate.resolve();
  const settled = await Promise.all(outcomes);
  const answered = settled.filter((outcome) => "state" in outcome).length;
  expect(answered).toBe(8192 + 4);
  expect(await lookup("hash 19999")).toBeUndefined();
  await database.close();
});

test("asks once for a hash that many wait for", async () => {
  const database = await openDatabase("sqlite::memory:");
  const lookup = createKeyLookup(database);
  const first = lookup("hash");
  expect(lookup("hash")).toBe(first);
  await first;
  expect(lookup("hash")).not.toBe(first);
  await database.close();
});

/** The database, which answers only when the gate has opened. */
function behind(gate: Promise<void>, database: Database): Database {
  const run = async (...given: Parameters<Database["sql"]>) => {
    await gate;
    return database.sql(...given);
  };
  const sql = Object.assign(run, { ...database.sql });
  return { ...database, sql, within: () => sql };
}
