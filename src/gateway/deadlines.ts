/**
 * The clock of one attempt: the phase it is in (`first_token`, then `idle`), the request's total, and the client's
 * presence, all ending in one Cancellation whose reason is the Failure.
 *
 * One timer serves them all. A chunk only notes the time; the timer, when it fires, looks whether the wait was real
 * and sleeps on if not, so a stream of thousands of chunks costs no timer per chunk.
 */
import { Cancellation } from "#lib/cancellation.ts";
import type { Clock, Timer } from "#lib/clock.ts";
import type { Shutdown } from "#lib/shutdown.ts";
import { Failure } from "#model/failure.ts";

export type Phase = "first_token" | "idle" | "whole" | "total";

const what: Readonly<Record<Phase, string>> = {
  first_token: "sent no first token",
  idle: "went silent in mid-answer",
  whole: "gave no answer",
  total: "did not finish the request",
};

interface Watched {
  /** Monotonic. */
  readonly startedMs: number;
  readonly totalMs: number;
  /** Begins when the process may wait for answers no longer. */
  readonly shutdown?: Shutdown;
}

export class Deadlines {
  readonly #clock: Clock;
  readonly #totalAtMs: number;
  readonly #totalMs: number;
  readonly cancellation = new Cancellation();
  readonly #client: Cancellation;
  readonly #shutdown: Shutdown | undefined;
  #phase: Phase = "total";
  #phaseMs = Number.POSITIVE_INFINITY;
  #sinceMs = 0;
  /** Whether anybody waits for the upstream. Between waits, `idle` does not run: the client is the slow one. */
  #isWaiting = false;
  #isWatching = true;
  #timer: Timer | undefined;
  /** Told when time runs out, also while nobody waits for bytes. */
  onExpired: ((failure: Failure) => void) | undefined;
  /** When the client was seen to be gone, monotonic. */
  clientGoneAtMs: number | undefined;

  /**
   * Watches the client at once, and time from the first `enter` on. `startedMs`: when the request began, monotonic;
   * the total counts over all its attempts.
   */
  constructor(clock: Clock, client: Cancellation, request: Watched) {
    this.#clock = clock;
    this.#client = client;
    this.#totalMs = request.totalMs;
    this.#totalAtMs = request.startedMs + request.totalMs;
    this.#shutdown = request.shutdown;
    // For good: the client lives no longer than its request, and to listen for an ended attempt harms nobody.
    client.onCancel(this.#onClientGone);
    this.#shutdown?.add(this.#onShutdown);
  }

  get isOver(): boolean {
    return this.cancellation.isCancelled;
  }

  /** Enters a phase that may last `limitMs` from now, or, for `idle`, from each touch. */
  enter(phase: Phase, limitMs: number): void {
    this.#phase = phase;
    this.#phaseMs = limitMs;
    this.#sinceMs = this.#clock.monotonicMs();
    this.#arm(this.#sinceMs);
  }

  /** A wait for the upstream's bytes begins: from now on its silence counts. */
  startWaiting(nowMs: number): void {
    this.#isWaiting = true;
    if (this.#phase === "idle") this.#sinceMs = nowMs;
  }

  /** Bytes came, or the body ended. */
  stopWaiting(): void {
    this.#isWaiting = false;
  }

  abort(failure: Failure): void {
    this.cancellation.cancel(failure);
  }

  /** Ends the watch. The upstream, if still open, is the caller's to close. */
  stop(): void {
    this.#timer?.cancel();
    this.#isWatching = false;
    this.#shutdown?.delete(this.#onShutdown);
  }

  /** Watches on, for the next call of the same attempt. To be called in the same turn as `stop`, or a drain is missed. */
  resume(): void {
    this.#isWatching = true;
    if (this.#client.isCancelled) this.#onClientGone();
    this.#shutdown?.add(this.#onShutdown);
    this.#arm(this.#clock.monotonicMs());
  }

  readonly #onShutdown = (): void => {
    this.#expire(new Failure("no_target", "The gateway is shutting down. Send the request again."));
  };

  readonly #onClientGone = (): void => {
    if (!this.#isWatching) return;
    this.clientGoneAtMs ??= this.#clock.monotonicMs();
    this.abort(new Failure("cancelled", "The client closed the connection."));
  };

  #arm(nowMs: number): void {
    this.#timer?.cancel();
    const dueMs = Math.min(this.#totalAtMs, this.#sinceMs + this.#phaseMs);
    this.#timer = this.#clock.schedule(Math.max(0, dueMs - nowMs), this.#onTimer);
  }

  #expire(failure: Failure): void {
    if (this.isOver) return;
    this.abort(failure);
    this.onExpired?.(failure);
  }

  readonly #onTimer = (): void => {
    const nowMs = this.#clock.monotonicMs();
    if (this.#phase === "idle" && !this.#isWaiting) this.#sinceMs = nowMs;
    if (nowMs >= this.#totalAtMs) this.#expire(timeout("total", this.#totalMs));
    else if (nowMs >= this.#sinceMs + this.#phaseMs) this.#expire(timeout(this.#phase, this.#phaseMs));
    else this.#arm(nowMs);
  };
}

function timeout(phase: Phase, limitMs: number): Failure {
  return new Failure("timeout", `The upstream ${what[phase]} within ${Math.round(limitMs)} ms.`, {
    code: phase,
  });
}
