/**
 * Many far-off callbacks behind one timer of the host's. Every request sets deadlines of seconds and minutes, and nearly
 * every one is cancelled: with a host's timer each, they would cost more than a step of the request.
 *
 * Time is cut into slots, and what is due within one hangs in a list, so that to set and to cancel is to move a few
 * references. The host's timer is set for the earliest slot that has anything in it.
 *
 * Invariants: nothing is called before it is due, nor more than SLOT_MS later than the host would; what was cancelled is
 * not called, and nothing of it is kept; with nothing to wait for there is no host's timer that would keep a process alive.
 */
import type { Clock, Timer } from "./clock.ts";

const SLOT_MS = 25;
/** The host's timers take no longer delay: what is due later is looked at again then. */
const HOST_MS_MAX = 2 ** 31 - 1;

export class CoarseTimers {
  readonly #host: Pick<Clock, "monotonicMs" | "schedule">;
  /** By number; none is empty. */
  readonly #slots = new Map<number, Slot>();
  #armed: { readonly slot: number; readonly timer: Timer } | undefined;

  constructor(host: Pick<Clock, "monotonicMs" | "schedule">) {
    this.#host = host;
  }

  schedule(delayMs: number, callback: () => void): Timer {
    const number = Math.ceil((this.#host.monotonicMs() + delayMs) / SLOT_MS);
    let slot = this.#slots.get(number);
    if (!slot) {
      slot = new Slot(number, this.#onEmpty);
      this.#slots.set(number, slot);
      if (!this.#armed || number < this.#armed.slot) this.#arm(number);
    }
    return new Entry(slot, callback);
  }

  readonly #onEmpty = (number: number): void => {
    this.#slots.delete(number);
    if (this.#slots.size > 0) return;
    this.#armed?.timer.cancel();
    this.#armed = undefined;
  };

  #arm(slot: number): void {
    this.#armed?.timer.cancel();
    const delayMs = Math.max(0, slot * SLOT_MS - this.#host.monotonicMs());
    this.#armed = { slot, timer: this.#host.schedule(Math.min(delayMs, HOST_MS_MAX), this.#onTime) };
  }

  readonly #onTime = (): void => {
    this.#armed = undefined;
    const current = Math.floor(this.#host.monotonicMs() / SLOT_MS);
    const due = [...this.#slots.keys()].filter((number) => number <= current).sort((a, b) => a - b);
    for (const number of due) this.#slots.get(number)?.run(this.#host);
    let earliest = Number.POSITIVE_INFINITY;
    for (const number of this.#slots.keys()) earliest = Math.min(earliest, number);
    if (this.#slots.size > 0) this.#arm(earliest);
  };
}

class Slot {
  readonly number: number;
  readonly #onEmpty: (number: number) => void;
  first: Entry | undefined;
  last: Entry | undefined;

  constructor(number: number, onEmpty: (number: number) => void) {
    this.number = number;
    this.#onEmpty = onEmpty;
  }

  remove({ before, after }: Entry): void {
    if (before) before.after = after;
    else this.first = after;
    if (after) after.before = before;
    else this.last = before;
    if (!this.first) this.#onEmpty(this.number);
  }

  /** What one callback throws is thrown by a timer of its own, so that the others are called all the same. */
  run(host: Pick<Clock, "schedule">): void {
    for (let entry = this.first; entry; entry = this.first) {
      try {
        entry.take()();
      } catch (error) {
        host.schedule(0, () => {
          throw error;
        });
      }
    }
  }
}

class Entry implements Timer {
  readonly #callback: () => void;
  /** Absent once it was called or cancelled. */
  #slot: Slot | undefined;
  before: Entry | undefined;
  after: Entry | undefined;

  constructor(slot: Slot, callback: () => void) {
    this.#callback = callback;
    this.#slot = slot;
    this.before = slot.last;
    if (slot.last) slot.last.after = this;
    else slot.first = this;
    slot.last = this;
  }

  cancel(): void {
    this.#slot?.remove(this);
    this.#slot = undefined;
    this.before = undefined;
    this.after = undefined;
  }

  take(): () => void {
    this.cancel();
    return this.#callback;
  }
}
