/**
 * Time as a dependency. Everything that waits or asks the time gets a `Clock`, so a test or the simulator can run
 * hours in milliseconds.
 */

export interface Clock {
  /** Milliseconds since the epoch, for rows and windows. */
  nowMs(): number;
  /** Milliseconds that only rise, with fractions, for durations. */
  monotonicMs(): number;
  /** Calls back once after a delay, unless cancelled. */
  schedule(delayMs: number, callback: () => void): Timer;
}

export interface Timer {
  cancel(): void;
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  schedule(delayMs, callback) {
    const handle = setTimeout(callback, delayMs);
    return { cancel: () => clearTimeout(handle) };
  },
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
