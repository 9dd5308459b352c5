/** Rows and admissions for tests of the ledger, as the request path would write them. */
import type { AdmittedRequest } from "#ledger/journal-line.ts";
import type { UsageRecord } from "#model/usage-record.ts";

export const CREATED_AT_MS = Date.UTC(2026, 2, 10, 12);

export function admission(id: string): AdmittedRequest {
  return {
    id,
    keyId: "key-1",
    tenantId: "tenant-1",
    logicalModel: "model",
    protocol: "openai-chat",
    isStream: false,
    admittedAtMs: CREATED_AT_MS,
  };
}

/** `id` alone is a request; `id` of another request is one of its attempts. */
export function row(id: string, requestId = id): UsageRecord {
  return {
    kind: id === requestId ? "request" : "attempt",
    id,
    requestId,
    tenantId: "tenant-1",
    keyId: "key-1",
    logicalModel: "model",
    protocolIn: "openai-chat",
    isStream: false,
    outcome: "ok",
    status: 200,
    usage: { input: 1, output: 2 },
    costNanoUsd: 7,
    costSource: "config",
    totalMs: 1,
    attempts: 1,
    createdAtMs: CREATED_AT_MS,
  };
}

/** What a finished request leaves: its own row and one attempt's. */
export function rowsOf(requestId: string): readonly UsageRecord[] {
  return [row(requestId), row(`${requestId}.1`, requestId)];
}
