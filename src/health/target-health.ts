/**
 * What we know of one target: its breaker, the pause it asked for, and how fast its first token comes. Pure; time is
 * an argument.
 */
import { RetryBudget } from "./retry-budget.ts";
import { Breaker, breakerDefaults, type BreakerOptions, type Permit } from "./breaker.ts";

/** Weight of the newest first-token time in the running average. */
const LATENCY_WEIGHT = 0.2;
/** A provider may ask for hours; we look again after this long at the latest. */
const PAUSE_MS_MAX = 10 * 60_000;

export class TargetHealth {
  readonly breaker: Breaker;
  /** Repeats on this target, for all callers: a target that fails must not spend another's. */
  readonly retries = new RetryBudget();
  #pausedUntilMs = 0;
  #firstTokenMs: number | undefined;

  constructor(options: BreakerOptions = breakerDefaults) {
    this.breaker = new Breaker(options);
  }

  /** Running average; undefined before the first answer. */
  get firstTokenMs(): number | undefined {
    return this.#firstTokenMs;
  }

  /** Leave to send now, or undefined while paused or open. */
  acquire(nowMs: number): Permit | undefined {
    return nowMs < this.#pausedUntilMs ? undefined : this.breaker.acquire(nowMs);
  }

  /** An answer broke after its first token. */
  noteFailure(nowMs: number): void {
    this.breaker.acquire(nowMs)?.fail(nowMs);
  }

  availableAtMs(nowMs: number): number {
    return Math.max(this.#pausedUntilMs, this.breaker.availableAtMs(nowMs));
  }

  /** The provider said when to come back (`retry-after` and its kin). */
  pause(nowMs: number, forMs: number): void {
    this.#pausedUntilMs = Math.max(this.#pausedUntilMs, nowMs + Math.min(forMs, PAUSE_MS_MAX));
  }

  observeFirstToken(elapsedMs: number): void {
    this.#firstTokenMs =
      this.#firstTokenMs === undefined
        ? elapsedMs
        : this.#firstTokenMs + (elapsedMs - this.#firstTokenMs) * LATENCY_WEIGHT;
  }
}

/** Names that are not in config come from clients, so what is kept of them is bounded. */
const UNLISTED_MAX = 10_000;

export interface KnownTarget {
  readonly breaker: BreakerOptions;
  /** In config: never forgotten, however many names clients make up. */
  readonly isListed: boolean;
}

/** Health by target id. */
export class HealthRegistry {
  readonly #listed = new Map<string, TargetHealth>();
  readonly #unlisted = new Map<string, TargetHealth>();

  /** `known` counts where the target is met for the first time. */
  of(targetId: string, known?: KnownTarget): TargetHealth {
    return this.peek(targetId) ?? this.#add(targetId, known);
  }

  /** For metrics and the management API. */
  peek(targetId: string): TargetHealth | undefined {
    return this.#listed.get(targetId) ?? this.#unlisted.get(targetId);
  }

  #add(targetId: string, known: KnownTarget | undefined): TargetHealth {
    const health = new TargetHealth(known?.breaker);
    if (known?.isListed === true) {
      this.#listed.set(targetId, health);
      return health;
    }
    const [oldest] = this.#unlisted.size >= UNLISTED_MAX ? this.#unlisted.keys() : [];
    if (oldest !== undefined) this.#unlisted.delete(oldest);
    this.#unlisted.set(targetId, health);
    return health;
  }
}
