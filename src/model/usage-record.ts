/**
 * What the ledger keeps. One record per request and one per attempt that reached an upstream; ids are ours, never
 * the upstream's. The journal, the `usage_logs` table, metrics and the log line are all written from these.
 */
import type { ProtocolName } from "./chat.ts";
import type { FailureKind } from "./failure.ts";
import type { Usage } from "./usage.ts";

export type Outcome =
  | "ok"
  | "failed"
  /** The client went away. */
  | "client_cancelled"
  /** Refused before any upstream: limits, budget, bad request. */
  | "refused"
  /** The process died in between; found in the journal at the next start. */
  | "interrupted";

/** Where a cost comes from. `unknown` is not zero; `none` is: nothing was generated, so nothing is owed. */
export type CostSource = "price_table" | "config" | "upstream" | "estimated" | "unknown" | "none";

export interface UsageRecord {
  readonly kind: "request" | "attempt";
  /** Own id: the request id, or `REQUESTID.N` for attempt N (from 1). */
  readonly id: string;
  readonly requestId: string;
  readonly tenantId: string;
  readonly keyId: string;
  readonly logicalModel: string;
  /** `connector/model`; absent where no target was reached. */
  readonly target?: string;
  readonly provider?: string;
  /** What the answer said served it. */
  readonly servedModel?: string;
  readonly protocolIn: ProtocolName;
  readonly protocolOut?: ProtocolName;
  readonly isStream: boolean;
  readonly outcome: Outcome;
  /** HTTP status: to the client for a request, from the upstream for an attempt (0: no answer). */
  readonly status: number;
  readonly errorKind?: FailureKind;
  readonly usage: Usage;
  /** Nano-USD; absent while the price is unknown. A request's cost is the sum of its attempts'. */
  readonly costNanoUsd?: number;
  readonly costSource: CostSource;
  /** Which price table, e.g. `genai-prices@0.1.8` or `config`. */
  readonly priceVersion?: string;
  readonly firstTokenMs?: number;
  readonly totalMs: number;
  /** Attempts made; on an attempt row its own number. */
  readonly attempts: number;
  readonly tags?: Readonly<Record<string, string>>;
  readonly dropped?: readonly string[];
  readonly createdAtMs: number;
}
