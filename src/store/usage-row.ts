/**
 * A usage record as a row of `usage_logs`. Names and counts come from clients and upstreams, so they are made to fit
 * here: one value a column cannot hold would keep its whole batch, and all that follow it, out of the ledger.
 */
import type { UsageRecord } from "#model/usage-record.ts";

const TEXT_LENGTH_MAX = 512;
const JSON_LENGTH_MAX = 65_536;

/** What JSON carries exactly. */
export type RowValue = string | number | null;
export type UsageRow = Readonly<Record<string, RowValue>>;

/** By column. */
export function toUsageRow(record: UsageRecord): UsageRow {
  const { usage } = record;
  return {
    id: text(record.id),
    kind: record.kind,
    request_id: text(record.requestId),
    tenant_id: text(record.tenantId),
    key_id: text(record.keyId),
    logical_model: text(record.logicalModel),
    target: optionalText(record.target),
    provider: optionalText(record.provider),
    served_model: optionalText(record.servedModel),
    protocol_in: record.protocolIn,
    protocol_out: record.protocolOut ?? null,
    is_stream: record.isStream ? 1 : 0,
    outcome: record.outcome,
    status: integer(record.status) ?? 0,
    error_kind: record.errorKind ?? null,
    input_tokens: integer(usage.input),
    cache_read_tokens: integer(usage.cacheRead),
    cache_write_tokens: integer(usage.cacheWrite),
    cache_write_1h_tokens: integer(usage.cacheWrite1h),
    output_tokens: integer(usage.output),
    reasoning_tokens: integer(usage.reasoning),
    audio_input_tokens: integer(usage.audioInput),
    audio_output_tokens: integer(usage.audioOutput),
    image_input_tokens: integer(usage.imageInput),
    image_output_tokens: integer(usage.imageOutput),
    tool_prompt_tokens: integer(usage.toolPrompt),
    prediction_accepted_tokens: integer(usage.predictionAccepted),
    prediction_rejected_tokens: integer(usage.predictionRejected),
    web_searches: integer(usage.webSearches),
    cost_reported_nano_usd: integer(usage.costReportedNanoUsd),
    service_tier: optionalText(usage.serviceTier),
    is_estimated: usage.estimated ? 1 : 0,
    cost_nano_usd: integer(record.costNanoUsd),
    cost_source: record.costSource,
    price_version: optionalText(record.priceVersion),
    first_token_ms: integer(record.firstTokenMs),
    total_ms: integer(record.totalMs) ?? 0,
    attempts: integer(record.attempts) ?? 0,
    tags: json(record.tags),
    dropped: json(record.dropped),
    created_at: integer(record.createdAtMs) ?? 0,
  };
}

/** PostgreSQL's TEXT cannot hold NUL, and no name is worth more than a bounded length. */
function text(value: string): string {
  const fits = value.length <= TEXT_LENGTH_MAX && !value.includes("\0") && value.isWellFormed();
  if (fits) return value;
  return value.replaceAll("\0", "\uFFFD").slice(0, TEXT_LENGTH_MAX).toWellFormed();
}

function optionalText(value: string | undefined): string | null {
  return value === undefined ? null : text(value);
}

/** Rounded and kept below 2^53; what is no number was not reported. JSON writes it as null. */
function integer(value: number | null | undefined): number | null {
  if (value === undefined || value === null || Number.isNaN(value)) return null;
  return Math.max(Math.min(Math.round(value), Number.MAX_SAFE_INTEGER), Number.MIN_SAFE_INTEGER);
}

/** JSON writes NUL as an escape, so it needs no care; what is too long to be tags or names is left out whole. */
function json(value: object | undefined): string | null {
  const written = value === undefined ? null : JSON.stringify(value);
  return written !== null && written.length <= JSON_LENGTH_MAX ? written : null;
}
