/**
 * How long an upstream asks to wait, by the headers that all of them use: `retry-after-ms`, then `retry-after` in seconds or
 * as a date (RFC 9110, section 10.2.3). What else a provider has of its own, its own reader adds.
 */
import type { UpstreamAnswer } from "./protocol.ts";

/** A day: what asks for more is a clock gone wrong, or a quota the caller cannot wait for. */
const WAIT_MS_MAX = 24 * 60 * 60 * 1000;
const NUMBER = /^\s*\d+(?:\.\d+)?\s*$/;

export function retryAfterMs({
  headers,
  nowMs,
}: Pick<UpstreamAnswer, "headers" | "nowMs">): number | undefined {
  const waitMs = toNumber(headers.get("retry-after-ms")) ?? secondsOrDate(headers.get("retry-after"), nowMs);
  return waitMs === undefined ? undefined : boundWaitMs(waitMs);
}

/** In whole milliseconds, from none to a day. */
export function boundWaitMs(waitMs: number): number {
  return Math.min(Math.max(0, Math.ceil(waitMs)), WAIT_MS_MAX);
}

/** A number as headers write it; undefined for anything else. */
export function toNumber(text: string | null): number | undefined {
  return text !== null && NUMBER.test(text) ? Number(text) : undefined;
}

function secondsOrDate(text: string | null, nowMs: number): number | undefined {
  const seconds = toNumber(text);
  return seconds === undefined ? untilMs(text, nowMs) : seconds * 1000;
}

/** To a date, which may have gone by. */
export function untilMs(date: string | null, nowMs: number): number | undefined {
  const atMs = date === null ? Number.NaN : Date.parse(date);
  return Number.isNaN(atMs) ? undefined : atMs - nowMs;
}
