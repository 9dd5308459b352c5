/** The battery on SQLite. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type Row, textColumn } from "#store/row.ts";
import { filesBelow } from "./files-below.ts";
import { testStore } from "./store-battery.ts";

const folder = mkdtempSync(join(tmpdir(), "xjp-sqlite-"));
const counter = { databases: 0 };

testStore({
  name: "SQLite",
  start: async () => {},
  stop: async () => rmSync(folder, { recursive: true, force: true }),
  async emptyDatabase() {
    counter.databases += 1;
    return `sqlite:${join(folder, `new-${counter.databases}`, "xjp.db")}`;
  },
  release: async (url) => rmSync(folderOf(url), { recursive: true, force: true }),
  bytesOnDisk: (url) => filesBelow(folderOf(url)),
  async explain(url, statement) {
    await using client = new Bun.SQL(url);
    await client`ANALYZE`;
    const rows: readonly Row[] = await client.unsafe(`EXPLAIN QUERY PLAN ${statement}`);
    return rows.map((row) => textColumn(row, "detail")).join("\n");
  },
});

function folderOf(url: string): string {
  return dirname(url.slice("sqlite:".length));
}
