/**
 * The usage table: what the ledger writes and people ask for. Rows are inserted once by their id, whatever is tried
 * again; sums take money and tokens from request rows only, because a request's are the sum of its attempts'.
 */
import type { Database, Sql, SqlPart } from "./database.ts";
import { bigintColumn, integerColumn, optionalText, type Row } from "./row.ts";

export interface UsageStore {
  /** Usage texts (usage-text.ts). Idempotent by id: a row that is there already stays as it is. All or nothing per call. */
  insert(texts: readonly string[]): Promise<void>;
  summarise(query: UsageQuery): Promise<readonly UsageSummary[]>;
  /**
   * What the key's requests since then cost, those of the keys it was rotated from and into included, so that a new
   * secret is no new budget.
   */
  spentNanoUsd(keyId: string, sinceMs: number): Promise<bigint>;
  /** Admitted requests since then, of the same keys: those refused before any upstream do not count. */
  requestsSince(keyId: string, sinceMs: number): Promise<number>;
}

export const usageGroups = ["model", "key", "day", "target", "tenant"] as const;
export type UsageGroup = (typeof usageGroups)[number];

export interface UsageQuery {
  readonly by: UsageGroup;
  readonly sinceMs: number;
  /** Exclusive. */
  readonly untilMs?: number;
  readonly tenantId?: string;
  readonly keyId?: string;
}

export interface UsageSummary {
  /** The model, key id, tenant, target, or UTC day as `2025-01-31`. Absent for requests that reached no target. */
  readonly group?: string;
  readonly requests: number;
  readonly attempts: number;
  readonly requestsNotOk: number;
  readonly inputTokens: number;
  readonly cacheReadTokens: number;
  readonly cacheWriteTokens: number;
  readonly outputTokens: number;
  readonly reasoningTokens: number;
  readonly costNanoUsd: bigint;
  /** Requests that reached an upstream whose price is unknown; their cost is missing above. */
  readonly costUnknownRequests: number;
}

/** A year of a busy gateway is many rows, and nobody's request waits for a report. */
const REPORT_TIMEOUT_MS = 120_000;

export function createUsageStore(database: Database): UsageStore {
  const { sql } = database;
  return {
    insert: (texts) => database.insertUsage(texts),

    async summarise(query) {
      const rows = await selectSummaries(database.within(REPORT_TIMEOUT_MS), query);
      return rows.map((row) => toSummary(row, query.by));
    },

    async spentNanoUsd(keyId, sinceMs) {
      const [row] = await sql`
        WITH RECURSIVE ${lineOf(sql, keyId)}
        SELECT CAST(COALESCE(SUM(cost_nano_usd), 0) AS BIGINT) AS spent
        FROM usage_logs
        WHERE key_id IN (SELECT id FROM line) AND kind = 'request' AND created_at >= ${sinceMs}`;
      return row ? bigintColumn(row, "spent") : 0n;
    },

    async requestsSince(keyId, sinceMs) {
      const [row] = await sql`
        WITH RECURSIVE ${lineOf(sql, keyId)}
        SELECT COUNT(*) AS requests FROM usage_logs
        WHERE key_id IN (SELECT id FROM line) AND kind = 'request' AND created_at >= ${sinceMs}
          AND (outcome <> 'refused' OR target IS NOT NULL)`;
      return row ? integerColumn(row, "requests") : 0;
    },
  };
}

/** The key, those it was rotated from and those it was rotated into: a secret more is no second set of limits. */
function lineOf(sql: Sql, keyId: string): SqlPart {
  return sql.part`
    earlier (id) AS (
      SELECT CAST(${keyId} AS TEXT)
      UNION
      SELECT api_keys.rotated_from FROM api_keys JOIN earlier ON api_keys.id = earlier.id
      WHERE api_keys.rotated_from IS NOT NULL
    ),
    line (id) AS (
      SELECT id FROM earlier
      UNION
      SELECT api_keys.id FROM api_keys JOIN line ON api_keys.rotated_from = line.id
    )`;
}

function selectSummaries(sql: Sql, query: UsageQuery) {
  const conditions = [
    sql.part`created_at >= ${query.sinceMs}`,
    ...(query.untilMs === undefined ? [] : [sql.part`AND created_at < ${query.untilMs}`]),
    ...(query.tenantId === undefined ? [] : [sql.part`AND tenant_id = ${query.tenantId}`]),
    ...(query.keyId === undefined ? [] : [sql.part`AND key_id = ${query.keyId}`]),
  ];
  const order = query.by === "day" ? sql.part`group_value` : sql.part`cost DESC, requests DESC, group_value`;
  // SUM gives NUMERIC on PostgreSQL, which the driver would hand over as text.
  return sql`
    SELECT
      ${groupExpression(sql, query.by)} AS group_value,
      COUNT(*) FILTER (WHERE kind = 'request') AS requests,
      COUNT(*) FILTER (WHERE kind = 'attempt') AS attempts,
      COUNT(*) FILTER (WHERE kind = 'request' AND outcome <> 'ok') AS requests_not_ok,
      CAST(COALESCE(SUM(input_tokens) FILTER (WHERE kind = 'request'), 0) AS BIGINT) AS input,
      CAST(COALESCE(SUM(cache_read_tokens) FILTER (WHERE kind = 'request'), 0) AS BIGINT) AS cache_read,
      CAST(COALESCE(SUM(cache_write_tokens) FILTER (WHERE kind = 'request'), 0) AS BIGINT) AS cache_write,
      CAST(COALESCE(SUM(output_tokens) FILTER (WHERE kind = 'request'), 0) AS BIGINT) AS output,
      CAST(COALESCE(SUM(reasoning_tokens) FILTER (WHERE kind = 'request'), 0) AS BIGINT) AS reasoning,
      CAST(COALESCE(SUM(cost_nano_usd) FILTER (WHERE kind = 'request'), 0) AS BIGINT) AS cost,
      COUNT(*) FILTER (WHERE kind = 'request' AND cost_nano_usd IS NULL AND cost_source = 'unknown') AS cost_unknown
    FROM usage_logs
    WHERE ${conditions}
    GROUP BY 1
    ORDER BY ${order}`;
}

function groupExpression(sql: Sql, by: UsageGroup): SqlPart {
  switch (by) {
    case "model":
      return sql.part`logical_model`;
    case "key":
      return sql.part`key_id`;
    case "tenant":
      return sql.part`tenant_id`;
    case "target":
      return sql.part`target`;
    case "day":
      return sql.part`created_at - created_at % 86400000`;
  }
}

function toSummary(row: Row, by: UsageGroup): UsageSummary {
  const group = by === "day" ? utcDay(integerColumn(row, "group_value")) : optionalText(row, "group_value");
  return {
    ...(group !== undefined && { group }),
    requests: integerColumn(row, "requests"),
    attempts: integerColumn(row, "attempts"),
    requestsNotOk: integerColumn(row, "requests_not_ok"),
    inputTokens: integerColumn(row, "input"),
    cacheReadTokens: integerColumn(row, "cache_read"),
    cacheWriteTokens: integerColumn(row, "cache_write"),
    outputTokens: integerColumn(row, "output"),
    reasoningTokens: integerColumn(row, "reasoning"),
    costNanoUsd: bigintColumn(row, "cost"),
    costUnknownRequests: integerColumn(row, "cost_unknown"),
  };
}

function utcDay(dayStartMs: number): string {
  return new Date(dayStartMs).toISOString().slice(0, 10);
}
