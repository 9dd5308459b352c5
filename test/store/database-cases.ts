/** Cases of store-battery.ts: transactions, values, errors and secrets. */
import { describe, expect, test } from "bun:test";
import { bigintColumn, integerColumn, textColumn } from "#store/row.ts";
import { readOrCreateSecret } from "#store/secret-store.ts";
import { rejection } from "./rejection.ts";
import type { Bench } from "./store-battery.ts";

const tenant = (id: string) => ({ id, name: id, created_at: 1 });

export function testDatabase(bench: Bench): void {
  describe("the database", () => {
    test("keeps 64-bit integers, text and null as they were", async () => {
      const { sql } = await bench.open();
      const name = "naïve 🦊 'quoted' \\ ? $1";
      await sql`INSERT INTO tenants ${sql.rows([{ id: "a", name, created_at: 2n ** 62n + 1n }])}`;
      const [row] = await sql`SELECT * FROM tenants`;
      expect(textColumn(row ?? {}, "name")).toBe(name);
      expect(bigintColumn(row ?? {}, "created_at")).toBe(2n ** 62n + 1n);
      expect(integerColumn(row ?? {}, "is_active")).toBe(1);
    });

    test("undoes a transaction that throws, and passes on what was thrown", async () => {
      const database = await bench.open();
      const thrown = new RangeError("mine");
      const failed = database.transaction(async (sql) => {
        await sql`INSERT INTO tenants ${sql.rows([tenant("a")])}`;
        throw thrown;
      });
      expect(await rejection(failed)).toBe(thrown);
      expect(await database.sql`SELECT id FROM tenants`).toHaveLength(0);
    });

    test("keeps a statement outside a transaction when that one is undone", async () => {
      const database = await bench.open();
      const entered = Promise.withResolvers<void>();
      const leave = Promise.withResolvers<void>();
      const failed = database.transaction(async (sql) => {
        await sql`INSERT INTO tenants ${sql.rows([tenant("inside")])}`;
        entered.resolve();
        await leave.promise;
        throw new Error("undo");
      });
      await entered.promise;
      const outside = database.sql`INSERT INTO tenants ${database.sql.rows([tenant("outside")])}`;
      leave.resolve();
      await rejection(failed);
      await outside;
      const rows = await database.sql`SELECT id FROM tenants`;
      expect(rows.map((row) => textColumn(row, "id"))).toEqual(["outside"]);
    });

    test("keeps statements issued in the same breath as a transaction that is undone", async () => {
      const database = await bench.open();
      const { sql } = database;
      const insert = (id: string) => sql`INSERT INTO tenants ${sql.rows([tenant(id)])}`;
      const rounds = Array.from({ length: 30 }, (_, round) => [
        insert(`before-${round}`),
        rejection(
          database.transaction(async (inner) => {
            await inner`INSERT INTO tenants ${inner.rows([tenant(`inside-${round}`)])}`;
            throw new Error("undo");
          }),
        ),
        insert(`after-${round}`),
      ]);
      await Promise.all(rounds.flat());
      const rows = await sql`SELECT id FROM tenants ORDER BY id`;
      const kept = rounds.flatMap((_, round) => [`before-${round}`, `after-${round}`]);
      expect(rows.map((row) => textColumn(row, "id")).toSorted()).toEqual(kept.toSorted());
    });

    test("runs many transactions at once without losing an update", async () => {
      const database = await bench.open();
      const { sql } = database;
      await sql`INSERT INTO tenants ${sql.rows([{ ...tenant("a"), created_at: 0 }])}`;
      const increments = Array.from({ length: 40 }, () =>
        database.transaction(async (inner) => {
          await inner`UPDATE tenants SET created_at = created_at + 1 WHERE id = 'a'`;
        }),
      );
      await Promise.all(increments);
      const [row] = await sql`SELECT created_at FROM tenants`;
      expect(integerColumn(row ?? {}, "created_at")).toBe(40);
    });

    test("tells a refused statement from a database that is away", async () => {
      const database = await bench.open();
      const { sql } = database;
      await sql`INSERT INTO tenants ${sql.rows([tenant("a")])}`;
      const refused = [
        () => sql`SELECT nothing FROM nowhere`,
        () => sql`INSERT INTO tenants ${sql.rows([tenant("a")])}`,
        () => sql`INSERT INTO tenants ${sql.rows([{ ...tenant("b"), name: null }])}`,
      ];
      for (const statement of refused) {
        expect(await rejection(statement())).toMatchObject({
          kind: "internal",
          detail: { code: "store_refused" },
        });
      }
      await database.close();
      expect(await rejection(sql`SELECT 1`)).toMatchObject({
        kind: "unavailable",
        detail: { code: "store_unavailable" },
      });
    });

    test("takes hostile text as text", async () => {
      const { sql } = await bench.open();
      const hostile = "'; DROP TABLE tenants; --";
      await sql`INSERT INTO tenants ${sql.rows([{ ...tenant("a"), name: hostile }])}`;
      const rows = await sql`SELECT id FROM tenants WHERE name IN ${sql.list([hostile])}`;
      expect(rows).toHaveLength(1);
    });

    test("gives everyone the same secret, also when all ask first at once", async () => {
      const url = await bench.emptyDatabase();
      const databases = [await bench.reopen(url), await bench.reopen(url)];
      const secrets = await Promise.all(
        [...databases, ...databases].map((database) =>
          readOrCreateSecret({ database, name: "seal", now: () => 1 }),
        ),
      );
      expect(secrets[0]).toHaveLength(32);
      for (const secret of secrets) expect(secret).toEqual(secrets[0] ?? new Uint8Array());
    });
  });
}
