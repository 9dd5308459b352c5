/** Exponential backoff with equal jitter: at least half the step, so a retry never comes at once. */

export interface BackoffOptions {
  readonly backoffMs: number;
  readonly backoffMaxMs: number;
}

/** Delay before retry `retry` (from 1). `random` is in [0, 1). */
export function backoffDelayMs(retry: number, options: BackoffOptions, random: number): number {
  const stepMs = Math.min(options.backoffMaxMs, options.backoffMs * 2 ** Math.min(retry - 1, 30));
  return stepMs / 2 + (stepMs / 2) * random;
}
