/**
 * Time as a dependency. Everything that waits or asks the time gets a `Clock`, so a test or the simulator can run
 * hours in milliseconds.
 */
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

/** Waits, or throws the signal's reason as soon as it aborts. */
export function sleep(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason);
      return;
    }
    const onAbort = () => {
      timer.cancel();
      reject(signal.reason);
    };
    const timer = clock.schedule(delayMs, () => {
      signal.removeEventListener("abort", onAbort);
      resolve();
    });
    signal.addEventListener("abort", onAbort, { once: true });
  });
}
