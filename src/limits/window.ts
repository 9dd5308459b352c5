/**
 * Calendar windows in UTC as functions of time. No job rolls them: the window is whatever the time says, so they are
 * right across the edge with nothing running.
 */
import type { BudgetPeriod } from "#model/caller.ts";

const DAY_MS = 86_400_000;

export interface Window {
  readonly startMs: number;
  /** Exclusive; infinite for `total`. */
  readonly endMs: number;
}

/**
 * Callers that asked for the time a little earlier are not a clock that was set back. One that stood further ahead is
 * followed back, or what it opened too early would stay open until it came.
 */
export const STEP_BACK_MS = 60_000;

export function windowOf(period: BudgetPeriod, nowMs: number): Window {
  switch (period) {
    case "day": {
      const startMs = Math.floor(nowMs / DAY_MS) * DAY_MS;
      return { startMs, endMs: startMs + DAY_MS };
    }
    case "month": {
      const date = new Date(nowMs);
      const [year, month] = [date.getUTCFullYear(), date.getUTCMonth()];
      return { startMs: Date.UTC(year, month), endMs: Date.UTC(year, month + 1) };
    }
    case "total":
      return { startMs: 0, endMs: Number.POSITIVE_INFINITY };
  }
}
