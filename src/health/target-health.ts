/**
 * What we know of one target: its breaker, the pause it asked for, and how fast its first token comes. Pure; time is
 * an argument.
 */
import { Breaker, breakerDefaults, type BreakerOptions, type Permit } from "./breaker.ts";

/** Weight of the newest first-token time in the running average. */
const LATENCY_WEIGHT = 0.2;
/** A provider may ask for hours; we look again after this long at the latest. */
const PAUSE_MS_MAX = 10 * 60_000;

export class TargetHealth {
  readonly breaker: Breaker;
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
const TARGETS_MAX = 10_000;

/** Health by target id. */
export class HealthRegistry {
  readonly #targets = new Map<string, TargetHealth>();

  /** `options` count where the target is met for the first time. */
  of(targetId: string, options?: BreakerOptions): TargetHealth {
    const known = this.#targets.get(targetId);
    if (known) return known;
    if (this.#targets.size >= TARGETS_MAX) this.#forgetOldest();
    const health = new TargetHealth(options);
    this.#targets.set(targetId, health);
    return health;
  }

  /** For metrics and the management API. */
  peek(targetId: string): TargetHealth | undefined {
    return this.#targets.get(targetId);
  }

  #forgetOldest(): void {
    for (const oldest of this.#targets.keys()) {
      this.#targets.delete(oldest);
      return;
    }
  }
}
