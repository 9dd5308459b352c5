/** The battery on a real PostgreSQL. */
import { type Row, textColumn } from "#store/row.ts";
import { filesBelow } from "./files-below.ts";
import { type Postgres, startPostgres } from "./postgres.ts";
import { testStore } from "./store-battery.ts";

const held: { server?: Postgres } = {};
/** Emptied databases. Making one writes hundreds of files, which takes longer than most tests. */
const free: string[] = [];

testStore({
  name: "PostgreSQL",
  async start() {
    held.server = await startPostgres();
  },
  stop: async () => running().stop(),
  emptyDatabase: async () => free.pop() ?? running().createDatabase(),
  async release(url) {
    await using client = new Bun.SQL(url, { max: 1 });
    await client.unsafe("DROP SCHEMA public CASCADE; CREATE SCHEMA public");
    free.push(url);
  },
  async *bytesOnDisk(url) {
    await using client = new Bun.SQL(url, { max: 1 });
    await client`CHECKPOINT`;
    yield* filesBelow(running().dataFolder);
  },
  async explain(url, statement) {
    await using client = new Bun.SQL(url);
    await client`ANALYZE`;
    const rows: readonly Row[] = await client.unsafe(`EXPLAIN ${statement}`);
    return rows.map((row) => textColumn(row, "QUERY PLAN")).join("\n");
  },
});

function running(): Postgres {
  if (!held.server) throw new Error("PostgreSQL has not been started");
  return held.server;
}
