/** How long an OpenAI-like server asks to wait, from whichever of its headers says so. */

/** A day; what asks for more has a wrong clock, or is a quota nobody waits for. */
const WAIT_MS_MAX = 86_400_000;

export function openaiWaitMs(
  headers: { get(name: string): string | null },
  nowMs: number,
): number | undefined {
  const wait =
    toNumber(headers.get("retry-after-ms")) ??
    retryAfterMs(headers.get("retry-after"), nowMs) ??
    resetMs(headers.get("x-ratelimit-reset-requests"), headers.get("x-ratelimit-remaining-requests")) ??
    resetMs(headers.get("x-ratelimit-reset-tokens"), headers.get("x-ratelimit-remaining-tokens"));
  return wait === undefined ? undefined : Math.min(Math.max(0, Math.ceil(wait)), WAIT_MS_MAX);
}

function toNumber(text: string | null): number | undefined {
  return text !== null && /^\s*\d+(?:\.\d+)?\s*$/.test(text) ? Number(text) : undefined;
}

function retryAfterMs(text: string | null, nowMs: number): number | undefined {
  const seconds = toNumber(text);
  if (seconds !== undefined) return seconds * 1000;
  const dateMs = Date.parse(text ?? "");
  return Number.isNaN(dateMs) ? undefined : dateMs - nowMs;
}

/** `6m0s`, `20ms`. These headers come with every answer, so they count only where nothing remains. */
function resetMs(text: string | null, remaining: string | null): number | undefined {
  if (text === null || remaining !== "0") return undefined;
  const spans = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)];
  if (spans.length === 0) return undefined;
  return spans.reduce((sum, [, amount, unit]) => sum + Number(amount) * (UNIT_MS.get(unit ?? "s") ?? 0), 0);
}

const UNIT_MS: ReadonlyMap<string, number> = new Map([
  ["ms", 1],
  ["s", 1000],
  ["m", 60_000],
  ["h", 3_600_000],
  ["d", 86_400_000],
]);
