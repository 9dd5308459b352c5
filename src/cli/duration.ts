/** Spans of time as people write them: `90d`, `12h`, `30m`, `45s`, `2w`. */
import { UsageError } from "./command.ts";

const unitsMs = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;

/** In milliseconds. Throws a `UsageError` that names the option. */
export function parseDuration(name: string, text: string): number {
  const match = /^(\d{1,6})([smhdw])$/.exec(text);
  const [, count, unit] = match ?? [];
  const unitMs = Object.entries(unitsMs).find(([letter]) => letter === unit)?.[1];
  if (count !== undefined && unitMs !== undefined && Number(count) > 0) return Number(count) * unitMs;
  throw new UsageError(`${name} must be a span of time such as 90d, 12h or 30m, not "${text}".`);
}
