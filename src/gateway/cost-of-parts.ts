/**
 * What an attempt costs whose answer took several upstream calls: the sum of the calls, each at its own price, because
 * a price may depend on how long the prompt of one call is.
 */
import type { Cost } from "#ledger/price.ts";
import type { Usage } from "#model/usage.ts";
import { subtractUsage } from "./add-usage.ts";

/** `earlier`: what each call but the last reported. */
export function costOfParts(usage: Usage, earlier: readonly Usage[], cost: (call: Usage) => Cost): Cost {
  if (earlier.length === 0) return cost(usage);
  const last = cost(subtractUsage(usage, earlier));
  if (last.source === "unknown") return last;
  let { nanoUsd } = last;
  for (const call of earlier) {
    const part = cost(call);
    if (part.source === "unknown") return part;
    nanoUsd += part.nanoUsd;
  }
  return { ...last, nanoUsd: Math.min(nanoUsd, Number.MAX_SAFE_INTEGER) };
}
