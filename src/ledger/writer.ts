/**
 * Moves the journal to SQL.
 *
 *   idle ──interval──▶ insert batch ──▶ advance ──▶ ... ──▶ recover dead owners (at start, then now and then) ──▶ idle
 *     ▲                     │ sink fails                         │
 *     └── backoff, then from the same place ◀────────────────────┘
 *
 * - The journal advances only after the insert succeeded; a crash in between inserts the same ids again.
 * - Nothing is held in memory but the batch in hand. While the database is down the rows stay on disk; when it is
 *   back they follow, with no restart.
 * - One pump at a time, so rows of one process arrive in the order they were settled.
 */
import { backoffDelayMs } from "#lib/backoff.ts";
import type { Clock, Timer } from "#lib/clock.ts";
import { Failure, toFailure } from "#model/failure.ts";
import { BATCH_RECORDS, type Journal, type JournalBatch } from "./journal.ts";
import type { Damage } from "./read-lines.ts";
import { recoverDead, type Recovery } from "./recover.ts";
import { keepRefused, retryRefused } from "./refused-rows.ts";
import { insertSparing, type RefusedRow, type UsageSink } from "./usage-sink.ts";

export interface Writer {
  /**
   * Resolves when every row settled before the call, and every dead process's that can be read, is in SQL; throws
   * `unavailable` if the database does not take them.
   */
  flush(): Promise<void>;
  /** Drains, trying again until the deadline. Resolves to whether all is in SQL; the journal keeps what is not. */
  close(deadlineMs: number): Promise<boolean>;
}

export interface WriterOptions {
  readonly clock: Clock;
  /** Jitter; in [0, 1). */
  readonly random?: () => number;
  readonly intervalMs?: number;
  readonly onEvent?: (event: WriterEvent) => void;
}

/** For the log and metrics. */
export type WriterEvent =
  | { readonly type: "failed"; readonly failure: Failure; readonly retryInMs: number }
  | { readonly type: "recovered"; readonly recovery: Recovery }
  /** Rows the database does not take; they are in the journal folder's `refused.rows` and tried at the next start. */
  | { readonly type: "refused"; readonly rows: readonly RefusedRow[] }
  | { readonly type: "damaged"; readonly damage: Damage };

/** How long a row may wait for a batch of company before it goes to SQL. */
const INTERVAL_MS = 250;
/** A process that died beside living ones is recovered by one of them within this time. */
const RECOVER_INTERVAL_MS = 15_000;
const BACKOFF = { backoffMs: 200, backoffMaxMs: 5_000 };

/** Starts at once. The journal stays the caller's to close, after the writer. */
export function createWriter(journal: Journal, sink: UsageSink, options: WriterOptions): Writer {
  return new JournalWriter(journal, sink, options);
}

class JournalWriter implements Writer {
  readonly #journal: Journal;
  readonly #sink: UsageSink;
  readonly #options: WriterOptions;
  #timer: Timer | undefined;
  #pump: Promise<void> | undefined;
  #failures = 0;
  #recoverAtMs = Number.NEGATIVE_INFINITY;
  #recoverFailures = 0;
  #hasRetriedRefused = false;
  #isClosed = false;

  constructor(journal: Journal, sink: UsageSink, options: WriterOptions) {
    this.#journal = journal;
    this.#sink = sink;
    this.#options = options;
    journal.onBatch = () => this.#wakeNow();
    this.#wakeIn(0);
  }

  async flush(): Promise<void> {
    // A pump already under way may have passed the rows meant here, and its failure is not this call's.
    await this.#pump?.catch(() => {});
    await this.#run();
  }

  async close(deadlineMs: number): Promise<boolean> {
    this.#isClosed = true;
    this.#journal.onBatch = undefined;
    this.#timer?.cancel();
    const { clock } = this.#options;
    const { promise: isLate, resolve } = Promise.withResolvers<false>();
    const deadline = clock.schedule(deadlineMs, () => resolve(false));
    try {
      return await Promise.race([isLate, this.#drainUntil(clock.monotonicMs() + deadlineMs)]);
    } finally {
      deadline.cancel();
    }
  }

  async #drainUntil(deadlineMs: number): Promise<boolean> {
    const { clock } = this.#options;
    for (;;) {
      try {
        await this.flush();
        return true;
      } catch (error) {
        const retryInMs = this.#failed(error);
        if (clock.monotonicMs() + retryInMs >= deadlineMs) return false;
        await new Promise<void>((resolve) => void clock.schedule(retryInMs, resolve));
      }
    }
  }

  /** Company is there: who waits longer only makes the next rows wait, too. */
  #wakeNow(): void {
    // A round under way looks for itself; one that failed has its pause.
    if (this.#pump || this.#failures > 0) return;
    this.#timer?.cancel();
    this.#wakeIn(0);
  }

  #wakeIn(delayMs: number): void {
    this.#timer = this.#options.clock.schedule(delayMs, () => void this.#tick());
  }

  /** Never rejects: a failure is reported and tried again later. */
  async #tick(): Promise<void> {
    let delayMs = this.#options.intervalMs ?? INTERVAL_MS;
    try {
      await this.#run();
      if (this.#journal.backlog.records >= BATCH_RECORDS) delayMs = 0;
    } catch (error) {
      delayMs = this.#failed(error);
    }
    if (!this.#isClosed) this.#wakeIn(delayMs);
  }

  #run(): Promise<void> {
    this.#pump ??= this.#work().finally(() => {
      this.#pump = undefined;
    });
    return this.#pump;
  }

  async #work(): Promise<void> {
    // Only what is there now: rows that come meanwhile wait for company, or each would be a transaction of its own.
    let left = this.#journal.backlog.records;
    for (let batch = this.#take(left); batch !== undefined; batch = this.#take(left)) {
      left -= batch.rows;
      const refused = await insertSparing(this.#sink, batch.texts);
      keepRefused(this.#journal.folder, refused);
      if (refused.length > 0) this.#emit({ type: "refused", rows: refused });
      this.#journal.advance(batch);
      // A long backlog is many inserts in a row; requests come in between.
      await new Promise((resolve) => setImmediate(resolve));
    }
    // Last, so that a dead process's unreadable files hold up no living row.
    await this.#recover();
    this.#failures = 0;
  }

  #take(left: number): JournalBatch | undefined {
    return left > 0 ? this.#journal.read() : undefined;
  }

  /**
   * What cannot be read is reported and tried again later. It is not thrown: a file that nobody mends must not keep
   * the sums of every key, and with them new keys, out of reach.
   */
  async #recover(): Promise<void> {
    const nowMs = this.#options.clock.monotonicMs();
    if (nowMs < this.#recoverAtMs) return;
    const unreadable: Failure[] = [];
    try {
      const recovery = await this.#recoverDead((failure) => unreadable.push(failure));
      if (recovery.owners > 0) this.#emit({ type: "recovered", recovery });
    } catch (error) {
      if (toFailure(error).kind === "unavailable") throw error;
      unreadable.push(
        new Failure("internal", "The journal folder, or `refused.rows` in it, cannot be read. Mend it.", {
          cause: error,
          code: "journal_unreadable",
        }),
      );
    }
    const [failure] = unreadable;
    if (failure === undefined) {
      this.#recoverFailures = 0;
      this.#recoverAtMs = nowMs + RECOVER_INTERVAL_MS;
      return;
    }
    this.#recoverFailures += 1;
    const retryInMs = this.#backoffMs(this.#recoverFailures);
    this.#recoverAtMs = nowMs + retryInMs;
    this.#emit({ type: "failed", failure, retryInMs });
  }

  async #recoverDead(onUnreadable: (failure: Failure) => void): Promise<Recovery> {
    const { folder } = this.#journal;
    const onDamage = (damage: Damage) => this.#emit({ type: "damaged", damage });
    const recovery = await recoverDead(folder, { sink: this.#sink, onDamage, onUnreadable });
    if (!this.#hasRetriedRefused) await retryRefused(folder, this.#sink);
    this.#hasRetriedRefused = true;
    return recovery;
  }

  #failed(error: unknown): number {
    this.#failures += 1;
    const retryInMs = this.#backoffMs(this.#failures);
    this.#emit({ type: "failed", failure: toFailure(error), retryInMs });
    return retryInMs;
  }

  #backoffMs(failures: number): number {
    return backoffDelayMs(failures, BACKOFF, (this.#options.random ?? Math.random)());
  }

  #emit(event: WriterEvent): void {
    this.#options.onEvent?.(event);
  }
}
