import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Breaker, type BreakerOptions } from "./breaker.ts";

const options: BreakerOptions = {
  windowMs: 10_000,
  outcomesMin: 4,
  failureRate: 0.5,
  cooldownMs: 1_000,
  cooldownMaxMs: 4_000,
};

function tripped(atMs = 0): Breaker {
  const breaker = new Breaker(options);
  for (let count = 0; count < 4; count++) breaker.acquire(atMs)?.fail(atMs);
  return breaker;
}

describe("a closed breaker", () => {
  test("opens when the share of failures is reached, and not before there are enough outcomes", () => {
    const breaker = new Breaker(options);
    for (let count = 0; count < 3; count++) breaker.acquire(0)?.fail(0);
    expect(breaker.state).toBe("closed");
    breaker.acquire(0)?.fail(0);
    expect(breaker.state).toBe("open");
  });

  test("stays closed below the share", () => {
    const breaker = new Breaker(options);
    for (let count = 0; count < 30; count++) {
      breaker.acquire(0)?.succeed(0);
      if (count % 2 === 0 && count < 28) breaker.acquire(0)?.fail(0);
    }
    expect(breaker.state).toBe("closed");
  });

  test("forgets what lies before its window", () => {
    const breaker = new Breaker(options);
    for (let count = 0; count < 3; count++) breaker.acquire(0)?.fail(0);
    breaker.acquire(20_000)?.fail(20_000);
    expect(breaker.state).toBe("closed");
  });
});

describe("an open breaker", () => {
  test("grants nothing until its cooldown has passed, then one probe", () => {
    const breaker = tripped();
    expect(breaker.acquire(999)).toBeUndefined();
    const probe = breaker.acquire(1_000);
    expect(probe).toBeDefined();
    expect(breaker.state).toBe("half_open");
    expect(breaker.acquire(1_000)).toBeUndefined();
  });

  test("closes on a probe's success and forgets the past", () => {
    const breaker = tripped();
    breaker.acquire(1_000)?.succeed(1_000);
    expect(breaker.state).toBe("closed");
    breaker.acquire(1_001)?.fail(1_001);
    expect(breaker.state).toBe("closed");
  });

  test("waits twice as long after each failed probe, up to its bound", () => {
    const breaker = tripped();
    let nowMs = 0;
    for (const waitMs of [1_000, 2_000, 4_000, 4_000]) {
      expect(breaker.availableAtMs(nowMs)).toBe(nowMs + waitMs);
      nowMs += waitMs;
      breaker.acquire(nowMs)?.fail(nowMs);
    }
  });

  test("is not wedged by a probe whose client left", () => {
    const breaker = tripped();
    breaker.acquire(1_000)?.abandon();
    expect(breaker.acquire(1_000)).toBeDefined();
  });

  test("is not closed by an answer to a request from before it opened", () => {
    const breaker = new Breaker(options);
    const early = breaker.acquire(0);
    for (let count = 0; count < 4; count++) breaker.acquire(0)?.fail(0);
    early?.succeed(10);
    expect(breaker.state).toBe("open");
  });
});

test("a dead target sees at most one probe per cooldown, whatever comes", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(500), { minLength: 50, maxLength: 300 }), (steps) => {
      const breaker = tripped();
      const probedAtMs: number[] = [];
      let nowMs = 0;
      for (const step of steps) {
        nowMs += step;
        const permit = breaker.acquire(nowMs);
        if (permit) probedAtMs.push(nowMs);
        permit?.fail(nowMs);
      }
      for (const [index, atMs] of probedAtMs.entries()) {
        const before = probedAtMs[index - 1];
        if (before !== undefined) expect(atMs - before).toBeGreaterThanOrEqual(options.cooldownMs);
      }
    }),
  );
});
