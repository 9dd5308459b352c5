/** Cases of store-battery.ts: the schema comes up to date once, whole, and by one process at a time. */
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { openDatabase } from "#store/database.ts";
import { migrate, migrationStatus } from "#store/migrate.ts";
import { type Migration, migrations } from "#store/migrations.ts";
import { rejection } from "./rejection.ts";
import type { Bench } from "./store-battery.ts";

const PROCESSES = 5;
const next: Migration = {
  version: migrations.length + 1,
  name: "more",
  text: "CREATE TABLE more (id TEXT);",
};

export function testMigrations(bench: Bench): void {
  describe("migrations", () => {
    test("are applied once", async () => {
      const database = await bench.open();
      expect(await migrate(database)).toEqual([]);
      expect(await migrate(database, [...migrations, next])).toEqual([next]);
      const { applied, pending } = await migrationStatus(database, [...migrations, next]);
      expect(applied.map(({ name }) => name)).toEqual([...migrations, next].map(({ name }) => name));
      expect(pending).toEqual([]);
    });

    test("are only looked at where nothing may be changed", async () => {
      const database = await openDatabase(await bench.emptyDatabase(), { migrate: false });
      expect(await migrationStatus(database)).toEqual({ applied: [], pending: migrations });
      expect(await migrationStatus(database)).toEqual({ applied: [], pending: migrations });
      await database.close();
    });

    test("refuse a database that is newer than the code", async () => {
      const database = await bench.open();
      await migrate(database, [...migrations, next]);
      expect(await rejection(migrate(database))).toMatchObject({ detail: { code: "database_newer" } });
    });

    test("refuse an applied migration whose text has changed, but not for its line ends", async () => {
      const database = await bench.open();
      const turned = migrations.map((migration) => ({
        ...migration,
        text: migration.text.replaceAll("\n", "\r\n"),
      }));
      expect(await migrate(database, turned)).toEqual([]);
      const changed = migrations.map((migration) => ({ ...migration, text: `${migration.text} ` }));
      expect(await rejection(migrate(database, changed))).toMatchObject({
        detail: { code: "migration_changed" },
      });
    });

    test("leave nothing behind when one of them fails", async () => {
      const database = await bench.open();
      const broken: Migration = { version: next.version + 1, name: "broken", text: "CREATE TABLE nothing (" };
      await rejection(migrate(database, [...migrations, next, broken]));
      expect(await rejection(database.sql`SELECT id FROM more`)).toMatchObject({
        detail: { code: "store_refused" },
      });
      expect(await migrate(database, [...migrations, next])).toEqual([next]);
    });

    test("may be started by several processes at once", async () => {
      const url = await bench.emptyDatabase();
      const script = join(import.meta.dir, "migrate-on-signal.ts");
      const processes = Array.from({ length: PROCESSES }, () =>
        Bun.spawn([process.execPath, script, url], { stdin: "pipe", stdout: "pipe", stderr: "pipe" }),
      );
      // All are ready before any may go, so that they do meet.
      const readers = processes.map((child) => child.stdout.getReader());
      await Promise.all(readers.map((reader) => reader.read()));
      for (const child of processes) void child.stdin.end();
      const outcomes = await Promise.all(
        processes.map(async (child) => ({ code: await child.exited, errors: await child.stderr.text() })),
      );
      expect(outcomes).toEqual(processes.map(() => ({ code: 0, errors: "" })));
      const { applied, pending } = await migrationStatus(await bench.reopen(url));
      expect(applied).toHaveLength(migrations.length);
      expect(pending).toEqual([]);
    }, 30_000);
  });
}
