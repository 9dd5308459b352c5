/** For tests of the stores. */
import { encodeUsage } from "./usage-text.ts";

/** A usage text of one row. */
export function text(id: string, totalMs: number): string {
  return encodeUsage([
    {
      kind: "request",
      id,
      requestId: id,
      tenantId: "",
      keyId: "",
      logicalModel: "",
      protocolIn: "gemini",
      isStream: false,
      outcome: "ok",
      status: 200,
      usage: {},
      costSource: "none",
      totalMs,
      attempts: 0,
      createdAtMs: 1,
    },
  ]);
}
