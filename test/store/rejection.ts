/** What a promise rejects with. A promise that resolves fails the test. */
export async function rejection(promise: PromiseLike<unknown>): Promise<unknown> {
  const outcome = await promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  if ("error" in outcome) return outcome.error;
  throw new Error(`expected a rejection, got ${Bun.inspect(outcome.value)}`);
}

/** What a call throws, at once or later. */
export function failureOf(call: () => unknown): Promise<unknown> {
  return rejection((async () => call())());
}
