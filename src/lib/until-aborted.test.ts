import { expect, test } from "bun:test";
import { untilAborted } from "./until-aborted.ts";

async function outcomeOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.catch((error: unknown) => error);
}

test("gives what the promise gives", async () => {
  const { signal } = new AbortController();
  expect(await untilAborted(Promise.resolve(1), signal)).toBe(1);
  expect(await outcomeOf(untilAborted(Promise.reject(new Error("no")), signal))).toEqual(new Error("no"));
});

test("gives up with the signal's reason, the promise still pending", async () => {
  const abort = new AbortController();
  const waiting = outcomeOf(untilAborted(new Promise(() => {}), abort.signal));
  abort.abort("left");
  expect(await waiting).toBe("left");
});

test("does not begin to wait under an aborted signal", async () => {
  expect(await outcomeOf(untilAborted(new Promise(() => {}), AbortSignal.abort("left")))).toBe("left");
});
