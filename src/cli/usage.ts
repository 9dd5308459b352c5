/**
 * `xjp usage`: what was spent. Sums are exact integers to the last step; what has no known price is called unknown
 * and counted, never shown as nothing.
 */
import { createUsageStore, usageGroups, type UsageGroup } from "#store/usage-store.ts";
import {
  type Command,
  databaseOptions,
  exitCodes,
  parseArguments,
  parseChoice,
  UsageError,
} from "./command.ts";
import { parseDuration } from "./duration.ts";
import { withStores } from "./with-store.ts";
import { toUsageCsv, toUsageJson, toUsageTable, type UsageReport } from "./usage-report.ts";

const usageText = `xjp usage [--tenant T] [--by model|key|day|target|tenant] [--since 7d] [--json|--csv]

What was asked, what it took and what it cost, dearest first. A running gateway writes its requests to the database
within a second of their end.

  --tenant T       only this tenant
  --by WHAT        one line per model (default), key, day (UTC), target or tenant
  --since SPAN     how far to look back, e.g. 90d, 12h or 30m; 7d without it
  --json           for scripts; costs are decimal text in dollars, exact
  --csv            for spreadsheets
  --database URL   instead of DATABASE_URL

Requests whose price nobody knows are missing in the sums; how many there are stands beside: 0.25 + 3 unknown.
`;

const options = {
  ...databaseOptions,
  tenant: { type: "string" },
  by: { type: "string" },
  since: { type: "string" },
  csv: { type: "boolean", default: false },
} as const;

const SINCE_DEFAULT = "7d";
const BY_DEFAULT: UsageGroup = "model";

export const usage: Command = {
  name: "usage",
  summary: "what was spent, by model, key, day, target or tenant",
  usage: usageText,
  async run(given, io) {
    const { values } = parseArguments(given, { options, positionalsMax: 0 });
    if (values.json && values.csv) throw new UsageError("choose --json or --csv, not both.");
    const by = parseChoice("--by", values.by, usageGroups) ?? BY_DEFAULT;
    const untilMs = io.now();
    const sinceMs = untilMs - parseDuration("--since", values.since ?? SINCE_DEFAULT);
    const query = { by, sinceMs, ...(values.tenant !== undefined && { tenantId: values.tenant }) };
    const rows = await withStores(values.database, io, ({ database }) =>
      createUsageStore(database).summarise(query),
    );
    const report = { by, sinceMs, untilMs, rows };
    io.stdout.write(format(report, values));
    return exitCodes.done;
  },
};

function format(
  report: UsageReport,
  { json, csv }: { readonly json: boolean; readonly csv: boolean },
): string {
  if (json) return toUsageJson(report);
  if (csv) return toUsageCsv(report);
  if (report.rows.length === 0) return "No requests in this time.\n";
  return toUsageTable(report);
}
