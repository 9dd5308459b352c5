/**
 * The gate: one `KeyState` per key in memory, filled from the ledger when the key is first seen.
 *
 *   unknown ──first request──▶ loading ──ledger read──▶ loaded ──idle, and too many keys──▶ unknown
 *                                 └─ledger down─▶ unknown (the request gets `unavailable`)
 *
 * - Loaded: `admit` is synchronous and touches no I/O.
 * - While loading, the key's requests wait for the one read; none slips past it.
 * - A key and those it was rotated into are one key here: while both work, they share what either may use.
 * - Only states whose loss changes nothing are forgotten, so limits hold however many keys there are.
 *
 * One process counts for itself. Sharing limits between processes means filling the same mechanisms from leases
 * taken in SQL; that is why `admit` may answer with a promise.
 */
import type { Clock } from "#lib/clock.ts";
import type { Caller } from "#model/caller.ts";
import { Failure } from "#model/failure.ts";
import type { Admission, KeyUse, Limiter, RateLimit, Restore } from "./admission.ts";
import { KeyState } from "./key-state.ts";
import { OneAdmission, type Gate, type Times } from "./one-admission.ts";
import { windowOf } from "./window.ts";

export interface LimiterOptions extends Gate {
  readonly clock: Clock;
  readonly restore: Restore;
  /** How many keys' states to keep, beyond those that may not be forgotten. */
  readonly keysMax?: number;
}

const KEYS_MAX = 50_000;
/** Old states looked at for each new one. */
const SWEEP_KEYS = 4;
/** A busy key settles requests while its sums are read, and they must be read again; not for ever. */
const RESTORE_TRIES_MAX = 20;

export function createLimiter(options: LimiterOptions): Limiter {
  return new MemoryLimiter(options);
}

class MemoryLimiter implements Limiter {
  readonly #options: LimiterOptions;
  readonly #states = new Map<string, KeyState>();
  readonly #loading = new Map<string, Promise<void>>();

  constructor(options: LimiterOptions) {
    this.#options = options;
  }

  get keysLoaded(): number {
    return this.#states.size;
  }

  peek(keyId: string, nowMs: number): KeyUse | undefined {
    return this.#states.get(keyId)?.use(nowMs);
  }

  rateLimit(caller: Caller, nowMs: number): RateLimit | undefined {
    return this.#states.get(limitsKeyOf(caller))?.rateLimit(nowMs);
  }

  admit(caller: Caller, nowMs: number): Admission | Promise<Admission> {
    const keyId = limitsKeyOf(caller);
    const state = this.#states.get(keyId) ?? this.#create(keyId, nowMs);
    const isLoading = this.#loading.has(keyId);
    if (isLoading || state.needsRestore(caller.limits)) return this.#admitLater(caller, state, nowMs);
    return this.#enter(caller, state, { arrivedAtMs: nowMs, nowMs });
  }

  async #admitLater(caller: Caller, state: KeyState, arrivedAtMs: number): Promise<Admission> {
    state.waiting += 1;
    try {
      const keyId = limitsKeyOf(caller);
      await this.#loading.get(keyId);
      // What was loaded may be for other limits than this caller's, if they have just changed: look again.
      while (state.needsRestore(caller.limits)) {
        await (this.#loading.get(keyId) ?? this.#load(caller, state));
      }
      return this.#enter(caller, state, { arrivedAtMs, nowMs: this.#options.clock.nowMs() });
    } finally {
      state.waiting -= 1;
    }
  }

  #enter(caller: Caller, state: KeyState, times: Times): Admission {
    state.adapt(caller.limits, times.nowMs);
    return new OneAdmission(state, times, this.#options);
  }

  #load(caller: Caller, state: KeyState): Promise<void> {
    const keyId = limitsKeyOf(caller);
    const loading = this.#restore(caller, state).finally(() => this.#loading.delete(keyId));
    this.#loading.set(keyId, loading);
    return loading;
  }

  /** Reads until nothing moved meanwhile: neither a request settled nor a window ended. */
  async #restore(caller: Caller, state: KeyState): Promise<void> {
    const { limits } = caller;
    const { clock, restore } = this.#options;
    const windowsAt = (nowMs: number) => ({
      daySinceMs: windowOf("day", nowMs).startMs,
      budgetSinceMs: windowOf(limits.budget?.period ?? "day", nowMs).startMs,
    });
    for (let tries = 0; tries < RESTORE_TRIES_MAX; tries++) {
      const { settledCount } = state;
      const windows = windowsAt(clock.nowMs());
      const restored = await restore({ keyId: limitsKeyOf(caller), ...windows });
      const nowMs = clock.nowMs();
      const now = windowsAt(nowMs);
      const isSteady = now.daySinceMs === windows.daySinceMs && now.budgetSinceMs === windows.budgetSinceMs;
      if (!isSteady || state.settledCount !== settledCount) continue;
      state.restore(restored, limits, nowMs);
      return;
    }
    throw new Failure("unavailable", "This key is too busy for its limits to be read just now. Try again.", {
      retryAfterMs: 1_000,
    });
  }

  #create(keyId: string, nowMs: number): KeyState {
    this.#sweep(nowMs);
    const state = new KeyState();
    this.#states.set(keyId, state);
    return state;
  }

  /** Looks at the states that were looked at longest ago: forgets the idle, sends the others to the back. */
  #sweep(nowMs: number): void {
    if (this.#states.size < (this.#options.keysMax ?? KEYS_MAX)) return;
    let looked = 0;
    for (const [keyId, state] of this.#states) {
      if (looked++ >= SWEEP_KEYS) return;
      this.#states.delete(keyId);
      if (!state.isIdle(nowMs)) this.#states.set(keyId, state);
    }
  }
}

function limitsKeyOf({ keyId, limitsKeyId }: Caller): string {
  return limitsKeyId ?? keyId;
}
