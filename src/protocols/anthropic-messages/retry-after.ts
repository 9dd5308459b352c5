/**
 * How long an upstream asks to wait: `retry-after-ms`, `retry-after` (seconds or a date), then the resets of the limits
 * that are used up (`anthropic-ratelimit-*-reset`, RFC 3339).
 */
import type { UpstreamAnswer } from "#protocols/protocol.ts";

/** Undefined where nothing was said. Resets count only for a rate limit: other answers carry them too. */
export function retryAfterMs(answer: UpstreamAnswer, isRateLimit: boolean): number | undefined {
  const milliseconds = positive(answer.headers.get("retry-after-ms"));
  if (milliseconds !== undefined) return milliseconds;
  const text = answer.headers.get("retry-after");
  const seconds = positive(text);
  if (seconds !== undefined) return seconds * 1000;
  return until(text, answer.nowMs) ?? (isRateLimit ? longestReset(answer) : undefined);
}

function positive(text: string | null): number | undefined {
  if (text === null || text.trim() === "") return undefined;
  const value = Number(text);
  return Number.isFinite(value) && value >= 0 ? value : undefined;
}

function until(date: string | null, nowMs: number): number | undefined {
  const atMs = date === null ? Number.NaN : Date.parse(date);
  return Number.isNaN(atMs) ? undefined : Math.max(0, atMs - nowMs);
}

const limits = ["requests", "tokens", "input-tokens", "output-tokens"] as const;

function longestReset(answer: UpstreamAnswer): number | undefined {
  const waits = limits.flatMap((limit) => {
    const remaining = positive(answer.headers.get(`anthropic-ratelimit-${limit}-remaining`));
    const wait = until(answer.headers.get(`anthropic-ratelimit-${limit}-reset`), answer.nowMs);
    return remaining === 0 && wait !== undefined ? [wait] : [];
  });
  return waits.length === 0 ? undefined : Math.max(...waits);
}
