import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { TokenBucket } from "./token-bucket.ts";

const MINUTE_MS = 60_000;

describe("a token bucket", () => {
  const rows = [
    {
      name: "lets the whole capacity through at once",
      capacity: 3,
      takes: [0, 0, 0],
      last: { atMs: 0, waitMs: 20_000 },
    },
    {
      name: "has one token more after its share of a minute",
      capacity: 60,
      takes: Array<number>(60).fill(0),
      last: { atMs: 400, waitMs: 600 },
    },
    {
      name: "rounds the wait up to a whole millisecond",
      capacity: 7,
      takes: Array<number>(7).fill(0),
      last: { atMs: 0, waitMs: 8572 },
    },
    { name: "says zero where a token is there", capacity: 2, takes: [0], last: { atMs: 0, waitMs: 0 } },
    {
      name: "never lets anything through a limit of 0",
      capacity: 0,
      takes: [],
      last: { atMs: 0, waitMs: Infinity },
    },
  ];
  for (const { name, capacity, takes, last } of rows) {
    test(name, () => {
      const bucket = new TokenBucket(capacity, 0);
      for (const atMs of takes) expect(bucket.take(1, atMs)).toBe(1);
      expect(bucket.waitMs(1, last.atMs)).toBe(last.waitMs);
    });
  }

  test("is full again exactly one minute after it was emptied, whatever the capacity", () => {
    for (const capacity of [1, 7, 59, 1000, 333_333, 100_000_000]) {
      const bucket = new TokenBucket(capacity, 5);
      expect(bucket.take(capacity, 5)).toBe(capacity);
      expect(bucket.fullInMs(5)).toBe(MINUTE_MS);
      expect(bucket.remaining(5 + MINUTE_MS - 1)).toBeLessThan(capacity);
      expect(bucket.remaining(5 + MINUTE_MS)).toBe(capacity);
    }
  });

  test("does not drift when asked at every millisecond", () => {
    const bucket = new TokenBucket(7, 0);
    bucket.take(7, 0);
    for (let nowMs = 0; nowMs < MINUTE_MS; nowMs++)
      expect(bucket.remaining(nowMs)).toBe(Math.floor((nowMs * 7) / MINUTE_MS));
    expect(bucket.remaining(MINUTE_MS)).toBe(7);
  });

  test("takes all of itself for a request larger than it, and charges the rest as a debt", () => {
    const bucket = new TokenBucket(100, 0);
    expect(bucket.take(1_000, 0)).toBe(100);
    bucket.correct(100, 250, 0);
    expect(bucket.remaining(0)).toBe(0);
    expect(bucket.waitMs(1, 0)).toBe(Math.ceil((151 / 100) * MINUTE_MS));
  });

  test("gives back what was not used, and never more than fits", () => {
    const bucket = new TokenBucket(100, 0);
    expect(bucket.take(80, 0)).toBe(80);
    bucket.correct(80, 30, 0);
    expect(bucket.remaining(0)).toBe(70);
    bucket.correct(100, 0, 0);
    expect(bucket.remaining(0)).toBe(100);
  });

  test("keeps what was used when its limit changes, and makes no debt of a lower one", () => {
    const bucket = new TokenBucket(10, 0);
    bucket.take(6, 0);
    bucket.resize(20, 0);
    expect(bucket.remaining(0)).toBe(14);
    bucket.resize(2, 0);
    expect(bucket.remaining(0)).toBe(0);
    expect(bucket.waitMs(1, 0)).toBe(MINUTE_MS / 2);
  });

  test("gains nothing from callers whose time is a little behind", () => {
    const bucket = new TokenBucket(60, 10_000);
    bucket.take(60, 10_000);
    expect(bucket.remaining(9_000)).toBe(0);
    expect(bucket.remaining(10_000)).toBe(0);
    expect(bucket.waitMs(1, 9_000)).toBe(2_000);
  });

  test("goes on refilling after the clock was set back", () => {
    const bucket = new TokenBucket(60, 3_600_000);
    bucket.take(60, 3_600_000);
    expect(bucket.remaining(0)).toBe(0);
    expect(bucket.remaining(1_000)).toBe(1);
  });

  test("admits no more than its capacity and the refill, and a refusal's wait is exact", () => {
    const step = fc.record({ gapMs: fc.nat(20_000), amount: fc.integer({ min: 1, max: 40 }) });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 500 }), fc.array(step, { maxLength: 80 }), (capacity, steps) => {
        const bucket = new TokenBucket(capacity, 0);
        const admitted: { atMs: number; amount: number }[] = [];
        let nowMs = 0;
        for (const { gapMs, amount } of steps) {
          nowMs += gapMs;
          const waitMs = bucket.waitMs(amount, nowMs);
          if (waitMs > 0) {
            expect(bucket.take(amount, nowMs)).toBeUndefined();
            expect(bucket.waitMs(amount, nowMs + waitMs - 1)).toBe(1);
            nowMs += waitMs;
          }
          const taken = bucket.take(amount, nowMs);
          expect(taken).toBe(Math.min(amount, capacity));
          admitted.push({ atMs: nowMs, amount: taken ?? 0 });
        }
        for (const [index, first] of admitted.entries()) {
          let sum = 0;
          for (const { atMs, amount } of admitted.slice(index)) {
            sum += amount;
            expect(sum * MINUTE_MS).toBeLessThanOrEqual(
              capacity * MINUTE_MS + capacity * (atMs - first.atMs),
            );
          }
        }
      }),
    );
  });
});
