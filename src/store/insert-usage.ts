/** Usage records into SQLite: row by row, all or nothing; a row whose id is there already stays as it is. */
import type { UsageRecord } from "#model/usage-record.ts";
import type { PreparedStatements } from "./prepared-statements.ts";
import { toUsageRow, type UsageRow } from "./usage-row.ts";

export function insertUsage(connection: PreparedStatements, records: readonly UsageRecord[]): void {
  if (records.length === 0) return;
  const rows = records.map(toUsageRow);
  const columns = filledColumns(rows);
  const text = `INSERT INTO usage_logs (${columns.join(", ")}) VALUES (${columns.map(() => "?").join(", ")}) ON CONFLICT (id) DO NOTHING`;
  connection.insertAll(
    text,
    rows.map((row) => columns.map((column) => row[column] ?? null)),
  );
}

/** Columns with a value in any of the rows. A third of a row is null in nearly all, and binding null costs, too. */
function filledColumns(rows: readonly UsageRow[]): readonly string[] {
  const columns = Object.keys(rows[0] ?? {});
  return columns.filter((column) => rows.some((row) => row[column] !== null));
}
