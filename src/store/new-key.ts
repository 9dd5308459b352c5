/** Checks what people ask for before it becomes a tenant or a key: strict, naming the field. */
import { Failure } from "#model/failure.ts";
import type { NewKey } from "./key-store.ts";

const DESCRIPTION_LENGTH_MAX = 500;
const MODELS_MAX = 1000;
/** SQL keeps limits as 64-bit integers. */
const MONEY_MAX = 2n ** 63n - 1n;

/** Throws `bad_request` for a key that cannot be made. */
export function checkNewKey(key: NewKey, nowMs: number): void {
  checkTenantId(key.tenantId);
  checkText("description", key.description ?? "");
  const { requestsPerMinute, requestsPerDay, tokensPerMinute, concurrencyMax, budget } = key.limits ?? {};
  for (const [param, limit] of Object.entries({
    requestsPerMinute,
    requestsPerDay,
    tokensPerMinute,
    concurrencyMax,
  })) {
    if (limit !== undefined && !(Number.isSafeInteger(limit) && limit > 0)) {
      throw invalid(param, "must be a whole number above 0; leave it out for no limit");
    }
  }
  if (budget && (budget.limitNanoUsd < 0n || budget.limitNanoUsd > MONEY_MAX)) {
    throw invalid("budget", "must be between 0 and 9223372036 USD");
  }
  checkModels(key.modelsAllowed);
  if (key.expiresAtMs !== undefined && !(Number.isSafeInteger(key.expiresAtMs) && key.expiresAtMs > nowMs)) {
    throw invalid("expires", "must be a time in the future");
  }
}

/** Tenant ids become metric labels and URL parts, so they are plain. */
export function checkTenantId(tenantId: string): void {
  if (/^[A-Za-z0-9][A-Za-z0-9._@:-]{0,127}$/.test(tenantId)) return;
  throw invalid("tenant", "must be 1 to 128 letters, digits or ._@:- and begin with a letter or digit");
}

export function checkText(param: string, text: string): void {
  if (text.length > DESCRIPTION_LENGTH_MAX) {
    throw invalid(param, `must not be longer than ${DESCRIPTION_LENGTH_MAX} characters`);
  }
  // Control characters would reach terminals, and PostgreSQL has no place for NUL.
  if (/\p{Cc}/u.test(text)) throw invalid(param, "must not contain control characters");
}

function checkModels(models: readonly string[] | undefined): void {
  if (!models) return;
  if (models.length === 0 || models.length > MODELS_MAX) {
    throw invalid("models", `must name 1 to ${MODELS_MAX} models; leave it out to allow all`);
  }
  for (const model of models) {
    if (model === "") throw invalid("models", "must not name an empty model");
    checkText("models", model);
  }
}

function invalid(param: string, what: string): Failure {
  return new Failure("bad_request", `${param} ${what}.`, { param, code: "invalid_value" });
}
