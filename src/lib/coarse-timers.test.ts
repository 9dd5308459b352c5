import { expect, test } from "bun:test";
import fc from "fast-check";
import { CoarseTimers } from "./coarse-timers.ts";
import { VirtualClock } from "./virtual-clock.ts";

const LATE_MS_MAX = 25;

function open() {
  const host = new VirtualClock();
  return { host, timers: new CoarseTimers(host) };
}

test("everything is called once, never early and hardly late, in the order of its time", async () => {
  const delay = fc.record({
    delayMs: fc.double({ min: 1_000, max: 100_000, noNaN: true }),
    atMs: fc.nat(50_000),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(delay, { maxLength: 40 }), async (delays) => {
      const { host, timers } = open();
      const called: number[] = [];
      const lateMs: number[] = [];
      for (const { delayMs, atMs } of delays.toSorted((a, b) => a.atMs - b.atMs)) {
        await host.advance(atMs - host.monotonicMs());
        const dueMs = atMs + delayMs;
        timers.schedule(delayMs, () => {
          called.push(dueMs);
          lateMs.push(host.monotonicMs() - dueMs);
        });
      }
      await host.advance(200_000);
      expect(called.length).toBe(delays.length);
      for (const late of lateMs) {
        expect(late).toBeGreaterThanOrEqual(0);
        expect(late).toBeLessThanOrEqual(LATE_MS_MAX);
      }
      for (const [index, dueMs] of called.entries())
        expect(dueMs).toBeGreaterThan((called[index - 1] ?? 0) - LATE_MS_MAX);
      expect(host.pending).toBe(0);
    }),
    { numRuns: 50 },
  );
});

test("what is cancelled is not called, whichever of a slot it is, and leaves no host's timer behind", async () => {
  for (const place of [0, 1, 2]) {
    const { host, timers } = open();
    const called: number[] = [];
    const set = [0, 1, 2].map((index) => timers.schedule(1_000, () => called.push(index)));
    set[place]?.cancel();
    set[place]?.cancel();
    await host.advance(1_100);
    expect(called).toEqual([0, 1, 2].filter((index) => index !== place));
    for (const timer of set) timer.cancel();
    expect(host.pending).toBe(0);
  }
});

test("many timers are one of the host's, and none once the last is cancelled", () => {
  const { host, timers } = open();
  const set = Array.from({ length: 1_000 }, (_, index) => timers.schedule(1_000 + index, () => undefined));
  expect(host.pending).toBe(1);
  for (const timer of set) timer.cancel();
  expect(host.pending).toBe(0);
});

test("an earlier one that comes later is not kept waiting by those before it", async () => {
  const { host, timers } = open();
  const called: string[] = [];
  timers.schedule(60_000, () => called.push("late"));
  timers.schedule(2_000, () => called.push("early"));
  await host.advance(2_025);
  expect(called).toEqual(["early"]);
  await host.advance(58_025);
  expect(called).toEqual(["early", "late"]);
});

test("a callback may set and cancel others, those of its own slot too", async () => {
  const { host, timers } = open();
  const called: string[] = [];
  timers.schedule(1_000, () => {
    called.push("first");
    second.cancel();
    timers.schedule(1_000, () => called.push("again"));
  });
  const second = timers.schedule(1_000, () => called.push("second"));
  await host.advance(3_000);
  expect(called).toEqual(["first", "again"]);
});

test("one that throws does not keep the others of its slot from being called", async () => {
  const { host, timers } = open();
  const called: string[] = [];
  timers.schedule(1_000, () => {
    throw new Error("a bug");
  });
  timers.schedule(1_000, () => called.push("second"));
  const advanced = host.advance(1_100).catch((error: unknown) => error);
  expect(await advanced).toEqual(new Error("a bug"));
  expect(called).toEqual(["second"]);
});

test("a delay longer than the host's timers take is waited for all the same", async () => {
  const { host, timers } = open();
  const delayMs = 2 ** 31 + 5_000;
  const called: number[] = [];
  timers.schedule(delayMs, () => called.push(host.monotonicMs()));
  timers.schedule(Number.POSITIVE_INFINITY, () => called.push(-1));
  await host.advance(delayMs - 1);
  expect(called).toEqual([]);
  await host.advance(26);
  expect(called.length).toBe(1);
});
