/**
 * Time as a dependency. Everything that waits or asks the time gets a `Clock`, so a test or the simulator can run
 * hours in milliseconds.
 */
import type { Cancellation } from "./cancellation.ts";
import { CoarseTimers } from "./coarse-timers.ts";

export interface Clock {
  /** Milliseconds since the epoch, for rows and windows. */
  nowMs(): number;
  /** Milliseconds that only rise, with fractions, for durations. */
  monotonicMs(): number;
  /** Calls back once after a delay, unless cancelled: not before its end, and a little later where the delay is long. */
  schedule(delayMs: number, callback: () => void): Timer;
}

export interface Timer {
  cancel(): void;
}

/** From here on a delay is a deadline, of which there are many, and not a pause. */
const LONG_MS = 1_000;

const host: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  schedule(delayMs, callback) {
    const handle = setTimeout(callback, delayMs);
    return { cancel: () => clearTimeout(handle) };
  },
};
const longTimers = new CoarseTimers(host);

export const systemClock: Clock = {
  ...host,
  schedule: (delayMs, callback) =>
    delayMs < LONG_MS ? host.schedule(delayMs, callback) : longTimers.schedule(delayMs, callback),
};

/** Waits, or throws the reason as soon as it is cancelled. */
export function sleep(clock: Clock, delayMs: number, cancellation: Cancellation): Promise<void> {
  return new Promise((resolve, reject) => {
    const onCancel = () => {
      timer.cancel();
      reject(cancellation.reason);
    };
    const timer = clock.schedule(delayMs, () => {
      cancellation.off(onCancel);
      resolve();
    });
    cancellation.onCancel(onCancel);
  });
}
