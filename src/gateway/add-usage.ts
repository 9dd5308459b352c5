/** Counts of several calls that make one answer, as one; and the last call's own, out of the sum. */
import { sumCounts, type Usage } from "#model/usage.ts";
import { countFields, type Counts } from "./keep-counts.ts";

/** What is not reported by either stays unreported; what is no count is the later one's. */
export function addUsage(earlier: Usage | undefined, later: Usage): Usage {
  if (!earlier) return later;
  const sums: Counts = {};
  for (const name of countFields) {
    const [first, second] = [earlier[name], later[name]];
    if (first !== undefined && second !== undefined) sums[name] = sumCounts(first, second);
  }
  return { ...earlier, ...later, ...sums, ...(earlier.estimated === true && { estimated: true }) };
}

export function subtractUsage(total: Usage, parts: readonly Usage[]): Usage {
  const rest: Counts = {};
  for (const name of countFields) {
    const whole = total[name];
    if (whole === undefined) continue;
    rest[name] = parts.reduce((left, part) => Math.max(0, left - (part[name] ?? 0)), whole);
  }
  return { ...total, ...rest };
}
