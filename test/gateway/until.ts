/** Looks again until there is something to see: tests wait for what happened, never for a time. */
const TIMEOUT_MS = 10_000;
const POLL_MS = 5;

export async function until<T>(
  what: string,
  look: () => T | undefined | Promise<T | undefined>,
  timeoutMs = TIMEOUT_MS,
): Promise<T> {
  const deadlineMs = performance.now() + timeoutMs;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > deadlineMs) throw new Error(`never seen: ${what}`);
    await Bun.sleep(POLL_MS);
  }
}

/** The wall clock with fractions, as the simulated provider notes it. */
export const preciseNowMs = () => performance.timeOrigin + performance.now();
