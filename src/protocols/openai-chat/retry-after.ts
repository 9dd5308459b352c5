/**
 * How long an upstream asks to wait, from whichever header it uses: `retry-after-ms`, `retry-after` (seconds or a
 * date), or the `x-ratelimit-reset*` family (`6m0s`, seconds, or a time since the epoch in seconds or milliseconds).
 * That family comes with every answer, also with a 500 that has nothing to do with it: it asks for a wait only where a
 * limit was met.
 */

import type { UpstreamAnswer } from "#protocols/protocol.ts";

const TOO_MANY = 429;
/** A day: what asks for more is a clock gone wrong, or a quota the caller cannot wait for. */
const WAIT_MS_MAX = 24 * 60 * 60 * 1000;

export function retryAfterMs({ headers, nowMs, status }: UpstreamAnswer): number | undefined {
  const wait =
    milliseconds(headers.get("retry-after-ms")) ??
    retryAfter(headers.get("retry-after"), nowMs) ??
    resetOf(headers, nowMs, status === TOO_MANY);
  return wait === undefined ? undefined : Math.min(Math.max(0, Math.ceil(wait)), WAIT_MS_MAX);
}

function milliseconds(text: string | null): number | undefined {
  if (text === null || !/^\d+(?:\.\d+)?$/.test(text.trim())) return undefined;
  return Number(text);
}

function retryAfter(text: string | null, nowMs: number): number | undefined {
  if (text === null) return undefined;
  const seconds = milliseconds(text);
  if (seconds !== undefined) return seconds * 1000;
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : date - nowMs;
}

/** The exhausted budget is the one that counts; where one was met and it is not told which, the later of the two. */
function resetOf(headers: UpstreamAnswer["headers"], nowMs: number, wasRefused: boolean): number | undefined {
  const exhausted = ["requests", "tokens"].filter(
    (kind) => headers.get(`x-ratelimit-remaining-${kind}`) === "0",
  );
  if (exhausted.length === 0 && !wasRefused && headers.get("x-ratelimit-remaining") !== "0") return undefined;
  const kinds = exhausted.length > 0 ? exhausted : ["requests", "tokens"];
  const names = [...kinds.map((kind) => `x-ratelimit-reset-${kind}`), "x-ratelimit-reset"];
  const waits = names.flatMap((name) => resetMs(headers.get(name), nowMs) ?? []);
  return waits.length === 0 ? undefined : Math.max(...waits);
}

/** Epoch seconds passed this number in 2001, and no reset lasts that long. */
const EPOCH_SECONDS_LEAST = 1e9;
const EPOCH_MS_LEAST = 1e12;

function resetMs(text: string | null, nowMs: number): number | undefined {
  if (text === null) return undefined;
  const number = milliseconds(text);
  if (number !== undefined) {
    if (number >= EPOCH_MS_LEAST) return number - nowMs;
    return number >= EPOCH_SECONDS_LEAST ? number * 1000 - nowMs : number * 1000;
  }
  const parts = [...text.trim().matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)];
  if (parts.length > 0)
    return parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * unitMs(unit), 0);
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : date - nowMs;
}

function unitMs(unit: string | undefined): number {
  switch (unit) {
    case "ms":
      return 1;
    case "m":
      return 60_000;
    case "h":
      return 3_600_000;
    case "d":
      return 86_400_000;
    case undefined:
    default:
      return 1000;
  }
}
