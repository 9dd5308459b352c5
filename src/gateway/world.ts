/**
 * All a request may touch that is not in it. The gateway reads no global clock, randomness, network or store, so a
 * test or a seeded simulation supplies its own.
 */
import type { Target } from "#connectors/connector.ts";
import type { BreakerOptions } from "#health/breaker.ts";
import type { HealthRegistry } from "#health/target-health.ts";
import type { Strategy } from "#health/target-order.ts";
import type { Clock } from "#lib/clock.ts";
import type { HttpClient } from "#lib/http-client.ts";
import type { Limiter } from "#limits/admission.ts";
import type { Journal } from "#ledger/journal.ts";
import type { PriceBook } from "#ledger/price.ts";
import type { Caller } from "#model/caller.ts";
import type { Chat, Opaque, ProtocolName } from "#model/chat.ts";
import type { Protocol } from "#protocols/protocol.ts";
import type { ResponseStore } from "#store/response-store.ts";
import type { Shutdown } from "#lib/shutdown.ts";
import type { Telemetry } from "#telemetry/telemetry.ts";
import type { ThoughtMemory } from "./thought-memory.ts";

export interface World {
  readonly clock: Clock;
  /** In [0, 1). */
  random(): number;
  /** Unguessable, unique, base62. */
  newId(): string;
  /** Upstreams. */
  readonly http: HttpClient;
  readonly protocols: Readonly<Record<ProtocolName, Protocol>>;
  readonly keys: KeyVerifier;
  readonly limiter: Limiter;
  readonly journal: Pick<Journal, "admitted" | "settle">;
  readonly health: HealthRegistry;
  readonly sealer: Sealer;
  /** Answers that Responses clients may refer to. */
  readonly responses: Omit<ResponseStore, "purge">;
  /** Reasoning of answers to clients that may not send it back. */
  readonly thoughts: ThoughtMemory;
  readonly telemetry: Telemetry;
  /** Begins when the process may wait for answers no longer: what is still open ends with an error of its API. */
  readonly shutdown: Shutdown;
  /** The configuration in force now; a reload swaps it whole. A request keeps the one it began with. */
  settings(): Settings;
}

export interface KeyVerifier {
  /** Answers at once for a key it knows. Throws `unauthenticated`, `forbidden`, `unavailable`. */
  verify(secret: string): Caller | Promise<Caller>;
  touch(keyId: string): void;
}

export interface Sealer {
  seal(opaque: Opaque, tenantId: string): string;
  unseal(text: string, tenantId: string): Opaque | undefined;
}

export interface Settings {
  readonly bodyBytesMax: number;
  readonly bodyTimeoutMs: number;
  readonly prices: PriceBook;
  readonly keeping: KeepingRules;
  readonly thoughts: ThoughtRules;
  /** The route of a logical model or alias. */
  resolve(model: string): Route | undefined;
  /** Logical models in listing order, for callers that may use them. */
  readonly models: readonly ListedModel[];
  /** Ids of the configured targets, for metric labels. */
  readonly targetIds: readonly string[];
  /** Replaces media given by URL where the upstream cannot fetch it. Throws `bad_request` naming the part. */
  inlineMedia(chat: Chat, signal: AbortSignal): Promise<Chat>;
}

/** How Responses answers are kept for their clients. */
export interface KeepingRules {
  /** 0: nothing is kept. */
  readonly ttlMs: number;
  /** Longest input, as JSON, that is kept with its answer. */
  readonly inputBytesMax: number;
}

/** How the reasoning of tool calls is kept for clients that do not send it back. */
export interface ThoughtRules {
  /** 0: none is. */
  readonly ttlMs: number;
  /** Longest of one answer, as JSON, that is kept. */
  readonly turnBytesMax: number;
  /** Most that lie in the database after a sweep. */
  readonly rowsMax: number;
}

export interface ListedModel {
  readonly id: string;
  readonly ownedBy: string;
}

export interface Route {
  readonly logicalModel: string;
  readonly strategy: Strategy;
  readonly targets: readonly Target[];
  readonly timeouts: Timeouts;
  readonly retry: RetryOptions;
  readonly breaker: BreakerOptions;
  /** False where the name is the client's own: then it must not become a metric label. */
  readonly isListed: boolean;
}

export interface Timeouts {
  readonly connectMs: number;
  readonly firstTokenMs: number;
  readonly idleMs: number;
  /** Longest attempt at an answer that is not streamed. */
  readonly wholeMs?: number;
  readonly totalMs: number;
}

export interface RetryOptions {
  readonly attemptsMax: number;
  readonly backoffMs: number;
  readonly backoffMaxMs: number;
}
