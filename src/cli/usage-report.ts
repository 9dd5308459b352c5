/** Sums of usage as people, scripts and spreadsheets read them. */
import { formatUsd } from "#model/money.ts";
import type { UsageGroup, UsageSummary } from "#store/usage-store.ts";
import { formatTable } from "./table.ts";

export interface UsageReport {
  readonly by: UsageGroup;
  readonly sinceMs: number;
  readonly untilMs: number;
  readonly rows: readonly UsageSummary[];
}

/** One line per group, numbers to the right, their sum below. */
export function toUsageTable({ by, rows }: UsageReport): string {
  const all = [...rows, { ...sum(rows), group: "TOTAL" }];
  const decimals = Math.max(2, ...all.map(({ costNanoUsd }) => decimalsOf(costNanoUsd)));
  const header = [by.toUpperCase(), ...counts.map(({ title }) => title), "COST USD"];
  const cells = all.map((row) => [
    row.group || "(none)",
    ...counts.map(({ field }) => group3(row[field])),
    describeCost(row, decimals),
  ]);
  const widths = header.map((title, column) =>
    Math.max(title.length, ...cells.map((row) => (row[column] ?? "").length)),
  );
  const align = (row: readonly string[]) =>
    row.map((cell, column) => (column === 0 ? cell : cell.padStart(widths[column] ?? 0)));
  return formatTable(align(header), cells.map(align));
}

/** Costs are text in dollars: a JSON number would not hold them exactly. */
export function toUsageJson({ by, sinceMs, untilMs, rows }: UsageReport): string {
  const value = {
    by,
    since: new Date(sinceMs).toISOString(),
    until: new Date(untilMs).toISOString(),
    rows: rows.map((row) => ({ group: row.group ?? null, ...fields(row) })),
    total: fields(sum(rows)),
  };
  return `${JSON.stringify(value, undefined, 2)}\n`;
}

/** RFC 4180. No line of sums: a spreadsheet makes its own, and would count ours again. */
export function toUsageCsv({ by, rows }: UsageReport): string {
  const names = Object.keys(fields(sum([])));
  const lines = rows.map((row) => [row.group ?? "", ...Object.values(fields(row)).map(String)]);
  return [[by, ...names], ...lines].map((cells) => `${cells.map(quote).join(",")}\r\n`).join("");
}

const counts = [
  { field: "requests", name: "requests", title: "REQUESTS" },
  { field: "requestsNotOk", name: "requests_not_ok", title: "NOT OK" },
  { field: "attempts", name: "attempts", title: "ATTEMPTS" },
  { field: "inputTokens", name: "input_tokens", title: "INPUT" },
  { field: "cacheReadTokens", name: "cache_read_tokens", title: "CACHE READ" },
  { field: "cacheWriteTokens", name: "cache_write_tokens", title: "CACHE WRITE" },
  { field: "outputTokens", name: "output_tokens", title: "OUTPUT" },
  { field: "reasoningTokens", name: "reasoning_tokens", title: "REASONING" },
] as const;

function fields(row: UsageSummary): Readonly<Record<string, string | number>> {
  return {
    ...Object.fromEntries(counts.map(({ field, name }) => [name, row[field]])),
    cost_usd: formatUsd(row.costNanoUsd),
    cost_unknown_requests: row.costUnknownRequests,
  };
}

function sum(rows: readonly UsageSummary[]): UsageSummary {
  const add = (field: (typeof counts)[number]["field"] | "costUnknownRequests") =>
    rows.reduce((total, row) => total + row[field], 0);
  return {
    requests: add("requests"),
    attempts: add("attempts"),
    requestsNotOk: add("requestsNotOk"),
    inputTokens: add("inputTokens"),
    cacheReadTokens: add("cacheReadTokens"),
    cacheWriteTokens: add("cacheWriteTokens"),
    outputTokens: add("outputTokens"),
    reasoningTokens: add("reasoningTokens"),
    costNanoUsd: rows.reduce((total, row) => total + row.costNanoUsd, 0n),
    costUnknownRequests: add("costUnknownRequests"),
  };
}

/** `0.25`, `0.25 + 3 unknown`, or only `3 unknown` where nothing else is known. */
function describeCost({ costNanoUsd, costUnknownRequests }: UsageSummary, decimals: number): string {
  if (costUnknownRequests === 0) return withDecimals(costNanoUsd, decimals);
  const unknown = `${group3(costUnknownRequests)} unknown`;
  return costNanoUsd === 0n ? unknown : `${withDecimals(costNanoUsd, decimals)} + ${unknown}`;
}

function decimalsOf(nanoUsd: bigint): number {
  return formatUsd(nanoUsd).split(".")[1]?.length ?? 0;
}

function withDecimals(nanoUsd: bigint, decimals: number): string {
  const [whole = "0", fraction = ""] = formatUsd(nanoUsd).split(".");
  return `${whole}.${fraction.padEnd(decimals, "0")}`;
}

/** `1234567` as `1,234,567`. */
function group3(count: number): string {
  return String(count).replaceAll(/\B(?=(\d{3})+$)/g, ",");
}

/** A cell that begins like a formula would be run by a spreadsheet; names of models come from people. */
function quote(cell: string): string {
  const text = /^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
