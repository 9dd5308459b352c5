/**
 * How long a server of Anthropic's API asks to wait: by the usual headers, then by the resets of the limits that are used up
 * (`anthropic-ratelimit-*-reset`, RFC 3339).
 */
import type { UpstreamAnswer } from "#protocols/protocol.ts";
import { boundWaitMs, retryAfterMs, toNumber, untilMs } from "#protocols/retry-after.ts";

/** Undefined where nothing was said. Resets count only for a rate limit: other answers carry them too. */
export function waitMs(answer: UpstreamAnswer, isRateLimit: boolean): number | undefined {
  return retryAfterMs(answer) ?? (isRateLimit ? longestReset(answer) : undefined);
}

const limits = ["requests", "tokens", "input-tokens", "output-tokens"] as const;

function longestReset({ headers, nowMs }: UpstreamAnswer): number | undefined {
  const waits = limits.flatMap((limit) => {
    const remaining = toNumber(headers.get(`anthropic-ratelimit-${limit}-remaining`));
    const wait = untilMs(headers.get(`anthropic-ratelimit-${limit}-reset`), nowMs);
    return remaining === 0 && wait !== undefined ? [wait] : [];
  });
  return waits.length === 0 ? undefined : boundWaitMs(Math.max(...waits));
}
