/** A key as the command line shows it: JSON for scripts with the table's own names, fields for people. */
import type { JsonObject } from "#lib/json.ts";
import type { Limits } from "#model/caller.ts";
import { formatUsd } from "#model/money.ts";
import type { KeyRecord } from "#store/key-store.ts";

export type KeyStatus = "active" | "expired" | "revoked";

/** Times are ISO 8601 in UTC, money is dollars as text; null means no limit or never. */
export function toKeyJson(key: KeyRecord, nowMs: number): JsonObject {
  const { limits } = key;
  return {
    id: key.id,
    tenant_id: key.tenantId,
    key_prefix: key.keyPrefix,
    description: key.description ?? null,
    status: keyStatus(key, nowMs),
    is_active: key.isActive,
    rate_limit_rpm: limits.requestsPerMinute ?? null,
    rate_limit_rpd: limits.requestsPerDay ?? null,
    rate_limit_tpm: limits.tokensPerMinute ?? null,
    concurrency_max: limits.concurrencyMax ?? null,
    budget_usd: limits.budget ? formatUsd(limits.budget.limitNanoUsd) : null,
    budget_period: limits.budget?.period ?? null,
    models_allowed: key.modelsAllowed ?? null,
    created_at: formatTime(key.createdAtMs) ?? null,
    expires_at: formatTime(key.expiresAtMs) ?? null,
    last_used_at: formatTime(key.lastUsedAtMs) ?? null,
    revoked_at: formatTime(key.revokedAtMs) ?? null,
    rotated_from: key.rotatedFrom ?? null,
  };
}

export function toKeyFields(key: KeyRecord, nowMs: number): readonly (readonly [string, string])[] {
  return [
    ["id", key.id],
    ["key", `${key.keyPrefix}...`],
    ["tenant", key.tenantId],
    ...(key.description === undefined ? [] : [["description", key.description] as const]),
    ["status", keyStatus(key, nowMs)],
    ["limits", describeLimits(key.limits)],
    ["models", key.modelsAllowed?.join(", ") ?? "all"],
    ["created", formatTime(key.createdAtMs) ?? ""],
    ["expires", formatTime(key.expiresAtMs) ?? "never"],
    ["last used", formatTime(key.lastUsedAtMs) ?? "never"],
    ...(key.rotatedFrom === undefined ? [] : [["rotated from", key.rotatedFrom] as const]),
  ];
}

export function keyStatus(key: KeyRecord, nowMs: number): KeyStatus {
  if (!key.isActive) return "revoked";
  return key.expiresAtMs !== undefined && key.expiresAtMs <= nowMs ? "expired" : "active";
}

export function describeLimits(limits: Limits): string {
  const { requestsPerMinute, requestsPerDay, tokensPerMinute, concurrencyMax, budget } = limits;
  const parts = [
    ...(requestsPerMinute === undefined ? [] : [`${count(requestsPerMinute, "request")}/min`]),
    ...(requestsPerDay === undefined ? [] : [`${count(requestsPerDay, "request")}/day`]),
    ...(tokensPerMinute === undefined ? [] : [`${count(tokensPerMinute, "token")}/min`]),
    ...(concurrencyMax === undefined ? [] : [`${concurrencyMax} at once`]),
    ...(budget
      ? [
          `${formatUsd(budget.limitNanoUsd)} USD ${budget.period === "total" ? "in total" : `a ${budget.period}`}`,
        ]
      : []),
  ];
  return parts.length > 0 ? parts.join(", ") : "none";
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

export function formatTime(timeMs: number | undefined): string | undefined {
  return timeMs === undefined ? undefined : new Date(timeMs).toISOString();
}
