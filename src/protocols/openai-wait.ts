/**
 * How long a server of OpenAI's APIs asks to wait: by the usual headers, or the `x-ratelimit-reset*` family (`6m0s`, seconds,
 * or a time since the epoch in seconds or milliseconds). That family comes with every answer, also with a 500 that has
 * nothing to do with it: it asks for a wait only where a limit was met.
 */
import type { UpstreamAnswer } from "./protocol.ts";
import { boundWaitMs, retryAfterMs, toNumber, untilMs } from "./retry-after.ts";

const TOO_MANY = 429;
/** Of requests, of tokens, and of a server that has one limit. */
const limits = ["-requests", "-tokens", ""] as const;

export function openaiWaitMs(answer: UpstreamAnswer): number | undefined {
  return retryAfterMs(answer) ?? resetOf(answer);
}

/** Of the limit of which nothing remains; where a limit was met and nobody tells which, of the last one to start anew. */
function resetOf({ headers, nowMs, status }: UpstreamAnswer): number | undefined {
  const remaining = (limit: string) => headers.get(`x-ratelimit-remaining${limit}`);
  const exhausted = limits.filter((limit) => remaining(limit) === "0");
  const untold = status === TOO_MANY ? limits.filter((limit) => remaining(limit) === null) : [];
  const waits = (exhausted.length > 0 ? exhausted : untold).flatMap(
    (limit) => resetMs(headers.get(`x-ratelimit-reset${limit}`), nowMs) ?? [],
  );
  return waits.length === 0 ? undefined : boundWaitMs(Math.max(...waits));
}

/** Epoch seconds passed this number in 2001, and no reset lasts that long. */
const EPOCH_SECONDS_LEAST = 1e9;
const EPOCH_MS_LEAST = 1e12;
const SPAN = /(\d+(?:\.\d+)?)(ms|s|m|h|d)/g;
const UNIT_MS: ReadonlyMap<string, number> = new Map([
  ["ms", 1],
  ["s", 1000],
  ["m", 60_000],
  ["h", 3_600_000],
  ["d", 86_400_000],
]);

function resetMs(text: string | null, nowMs: number): number | undefined {
  const number = toNumber(text);
  if (number !== undefined) {
    if (number >= EPOCH_MS_LEAST) return number - nowMs;
    return number >= EPOCH_SECONDS_LEAST ? number * 1000 - nowMs : number * 1000;
  }
  const spans = [...(text ?? "").matchAll(SPAN)];
  if (spans.length === 0) return untilMs(text, nowMs);
  return spans.reduce((sum, [, amount, unit = ""]) => sum + Number(amount) * (UNIT_MS.get(unit) ?? 0), 0);
}
