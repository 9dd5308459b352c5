/** A row of `api_keys` as the gateway judges it and as people see it. */
import type { BudgetPeriod, Caller, Limits } from "#model/caller.ts";
import { asArray, asString, parseJson } from "#lib/json.ts";
import type { KeyRecord } from "./key-store.ts";
import { integerColumn, optionalBigint, optionalInteger, optionalText, textColumn, type Row } from "./row.ts";

/** What one verification needs of a key. */
export interface KeyState {
  readonly caller: Caller;
  /** The key and its tenant are both switched on. */
  readonly isActive: boolean;
  readonly expiresAtMs?: number;
}

/** From a row that has the key's columns, `tenant_is_active` and `limits_key_id`. */
export function toKeyState(row: Row): KeyState {
  const { id, tenantId, keyPrefix, limits, modelsAllowed, isActive, expiresAtMs } = toKeyRecord(row);
  const limitsKeyId = optionalText(row, "limits_key_id");
  return {
    caller: {
      keyId: id,
      tenantId,
      keyPrefix,
      limits,
      ...(limitsKeyId !== undefined && { limitsKeyId }),
      ...(modelsAllowed && { modelsAllowed }),
    },
    isActive: isActive && integerColumn(row, "tenant_is_active") === 1,
    ...(expiresAtMs !== undefined && { expiresAtMs }),
  };
}

export function toKeyRecord(row: Row): KeyRecord {
  const description = optionalText(row, "description");
  const modelsAllowed = optionalText(row, "models_allowed");
  const expiresAtMs = optionalInteger(row, "expires_at");
  const lastUsedAtMs = optionalInteger(row, "last_used_at");
  const revokedAtMs = optionalInteger(row, "revoked_at");
  const rotatedFrom = optionalText(row, "rotated_from");
  return {
    id: textColumn(row, "id"),
    tenantId: textColumn(row, "tenant_id"),
    keyPrefix: textColumn(row, "key_prefix"),
    ...(description !== undefined && { description }),
    limits: toLimits(row),
    ...(modelsAllowed !== undefined && { modelsAllowed: toModels(modelsAllowed) }),
    isActive: integerColumn(row, "is_active") === 1,
    createdAtMs: integerColumn(row, "created_at"),
    ...(expiresAtMs !== undefined && { expiresAtMs }),
    ...(lastUsedAtMs !== undefined && { lastUsedAtMs }),
    ...(revokedAtMs !== undefined && { revokedAtMs }),
    ...(rotatedFrom !== undefined && { rotatedFrom }),
  };
}

function toLimits(row: Row): Limits {
  const requestsPerMinute = optionalInteger(row, "rate_limit_rpm");
  const requestsPerDay = optionalInteger(row, "rate_limit_rpd");
  const tokensPerMinute = optionalInteger(row, "rate_limit_tpm");
  const concurrencyMax = optionalInteger(row, "concurrency_max");
  const limitNanoUsd = optionalBigint(row, "budget_nano_usd");
  const period = optionalText(row, "budget_period");
  return {
    ...(requestsPerMinute !== undefined && { requestsPerMinute }),
    ...(requestsPerDay !== undefined && { requestsPerDay }),
    ...(tokensPerMinute !== undefined && { tokensPerMinute }),
    ...(concurrencyMax !== undefined && { concurrencyMax }),
    ...(limitNanoUsd !== undefined && { budget: { limitNanoUsd, period: toPeriod(period) } }),
  };
}

/** Both columns are checked by the schema, so anything else was put there by hand: the strictest reading holds. */
function toPeriod(text: string | undefined): BudgetPeriod {
  return text === "day" || text === "month" ? text : "total";
}

/** A list that cannot be read allows nothing, rather than everything. */
function toModels(text: string): readonly string[] {
  return asArray(parseJson(text)).flatMap((model) => asString(model) ?? []);
}
