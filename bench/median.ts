/** Order statistics of a few numbers. */
export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}

/** The value below which the share lies, in (0, 1]. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((left, right) => left - right);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}
