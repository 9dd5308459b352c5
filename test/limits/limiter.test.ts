import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { VirtualClock } from "#lib/virtual-clock.ts";
import type { Admission } from "#limits/admission.ts";
import { createLimiter } from "#limits/limiter.ts";
import type { Caller, Limits } from "#model/caller.ts";
import { Failure } from "#model/failure.ts";
import { callerWith, failureOf, NOTHING_USED, openLimiter } from "./open-limiter.ts";

describe("admitting", () => {
  const refusals = [
    { name: "requests per minute", limits: { requestsPerMinute: 1 }, code: "rpm", retryAfterMs: 60_000 },
    { name: "requests per day", limits: { requestsPerDay: 1 }, code: "rpd", retryAfterMs: 12 * 3_600_000 },
    {
      name: "the longer of two waits",
      limits: { requestsPerMinute: 1, requestsPerDay: 1 },
      code: "rpd",
      retryAfterMs: 12 * 3_600_000,
    },
  ] as const;
  for (const { name, limits, code, retryAfterMs } of refusals) {
    test(`refuses beyond ${name} with a wait after which the request passes`, async () => {
      const { clock, admit } = openLimiter();
      (await admit(limits))[Symbol.dispose]();
      const failure = await failureOf(() => admit(limits));
      expect([failure.kind, failure.status, failure.detail.code]).toEqual(["rate_limited", 429, code]);
      expect(failure.detail.retryAfterMs).toBe(retryAfterMs);
      await clock.advance(retryAfterMs - 1);
      await failureOf(() => admit(limits));
      await clock.advance(1);
      (await admit(limits))[Symbol.dispose]();
    });
  }

  test("refuses more at once than there are slots, until one comes back", async () => {
    const { admit, limiter, clock } = openLimiter();
    const limits = { concurrencyMax: 2, requestsPerMinute: 10 };
    const first = await admit(limits);
    await admit(limits);
    expect((await failureOf(() => admit(limits))).detail.code).toBe("concurrency");
    first[Symbol.dispose]();
    first[Symbol.dispose]();
    await admit(limits);
    expect((await failureOf(() => admit(limits))).detail.code).toBe("concurrency");
    expect(limiter.peek("key-1", clock.nowMs())).toEqual({ inFlight: 2, remainingRequestsThisMinute: 7 });
  });

  test("is synchronous once the key is loaded, and needs no ledger where nothing of it is limited", async () => {
    const { limiter, clock, queries } = openLimiter();
    const plain = callerWith({ requestsPerMinute: 5 }, "plain");
    expect(limiter.admit(plain, clock.nowMs())).not.toBeInstanceOf(Promise);
    const daily = callerWith({ requestsPerDay: 5 }, "daily");
    const first = limiter.admit(daily, clock.nowMs());
    expect(first).toBeInstanceOf(Promise);
    await first;
    expect(limiter.admit(daily, clock.nowMs())).not.toBeInstanceOf(Promise);
    expect(queries.map((query) => query.keyId)).toEqual(["daily"]);
  });

  test("takes up from the ledger where another process stopped", async () => {
    const { admit, queries } = openLimiter({ restored: { requestsToday: 8, spentNanoUsd: 70n } });
    const limits: Limits = { requestsPerDay: 10, budget: { limitNanoUsd: 100n, period: "month" } };
    const admission = await admit(limits);
    expect(queries).toEqual([
      { keyId: "key-1", daySinceMs: Date.UTC(2026, 2, 10), budgetSinceMs: Date.UTC(2026, 2, 1) },
    ]);
    expect(admission.rateLimit).toEqual({
      limitRequests: 10,
      remainingRequests: 1,
      resetRequestsMs: 12 * 3_600_000,
    });
    const failure = await failureOf(() => admission.reserve({ tokens: 1, costNanoUsd: 31 }, 0));
    expect([failure.kind, failure.status]).toEqual(["over_budget", 402]);
    const other = await admit(limits);
    other.reserve({ tokens: 1, costNanoUsd: 30 }, Date.UTC(2026, 2, 10, 12));
  });

  test("reads the ledger once for a crowd at the door, and lets through only what is left", async () => {
    const { admit, queries } = openLimiter({ restored: { requestsToday: 7, spentNanoUsd: 0n } });
    const crowd = await Promise.allSettled(Array.from({ length: 20 }, () => admit({ requestsPerDay: 10 })));
    expect(crowd.filter(({ status }) => status === "fulfilled")).toHaveLength(3);
    expect(queries).toHaveLength(1);
  });

  test("does not guess while the ledger is down, and goes on by itself when it is back", async () => {
    const clock = new VirtualClock();
    let isDown = true;
    const limiter = createLimiter({
      clock,
      restore: () =>
        isDown
          ? Promise.reject(new Failure("unavailable", "The database is down."))
          : Promise.resolve(NOTHING_USED),
    });
    const caller = callerWith({ requestsPerDay: 1 });
    expect((await failureOf(() => limiter.admit(caller, clock.nowMs()))).kind).toBe("unavailable");
    isDown = false;
    const admission = await limiter.admit(caller, clock.nowMs());
    expect(admission.rateLimit.remainingRequests).toBe(0);
  });

  test("reads the ledger again when midnight passes meanwhile, and leaves no request without a budget", async () => {
    const clock = new VirtualClock(Date.UTC(2026, 2, 10, 23, 59, 59));
    const limiter = createLimiter({
      clock,
      restore: async ({ budgetSinceMs }) => {
        if (budgetSinceMs === Date.UTC(2026, 2, 10)) await clock.advance(2_000);
        return NOTHING_USED;
      },
    });
    const caller = callerWith({ budget: { limitNanoUsd: 100n, period: "day" } });
    const today = await limiter.admit(caller, clock.nowMs());
    expect(clock.nowMs()).toBe(Date.UTC(2026, 2, 11, 0, 0, 1));
    today.reserve({ tokens: 0, costNanoUsd: 10 }, clock.nowMs());
    expect(limiter.peek("key-1", clock.nowMs())?.heldNanoUsd).toBe(10n);
  });

  test("reports the tighter of the minute and the day, and the tokens beside", async () => {
    const { admit } = openLimiter({ restored: { requestsToday: 0, spentNanoUsd: 0n } });
    const admission = await admit({ requestsPerMinute: 60, requestsPerDay: 1000, tokensPerMinute: 500 });
    expect(admission.rateLimit).toEqual({
      limitRequests: 60,
      remainingRequests: 59,
      resetRequestsMs: 1000,
      limitTokens: 500,
      remainingTokens: 500,
      resetTokensMs: 0,
    });
  });
});

describe("changed limits", () => {
  test("apply at the next request and forget nothing that was used", async () => {
    const { admit } = openLimiter();
    for (let count = 0; count < 3; count++) (await admit({ requestsPerMinute: 5 }))[Symbol.dispose]();
    expect((await admit({ requestsPerMinute: 10 })).rateLimit.remainingRequests).toBe(6);
    expect((await failureOf(() => admit({ requestsPerMinute: 0 }))).detail.retryAfterMs).toBeUndefined();
  });

  test("bring a budget's new period in from the ledger, holds in flight included", async () => {
    const { admit, limiter, clock } = openLimiter({ restored: { requestsToday: 0, spentNanoUsd: 10n } });
    const running = await admit({ budget: { limitNanoUsd: 100n, period: "day" } });
    running.reserve({ tokens: 0, costNanoUsd: 40 }, clock.nowMs());
    await admit({ budget: { limitNanoUsd: 200n, period: "month" } });
    expect(limiter.peek("key-1", clock.nowMs())).toMatchObject({ spentNanoUsd: 10n, heldNanoUsd: 40n });
    running.settle({ costNanoUsd: 25 }, clock.nowMs());
    expect(limiter.peek("key-1", clock.nowMs())).toMatchObject({ spentNanoUsd: 35n, heldNanoUsd: 0n });
  });

  test("count the requests in flight when a daily limit is new", async () => {
    const { admit } = openLimiter({ restored: { requestsToday: 2, spentNanoUsd: 0n } });
    await admit({});
    expect((await admit({ requestsPerDay: 10 })).rateLimit.remainingRequests).toBe(6);
  });

  test("read the ledger again when a request settled while it was being read", async () => {
    const clock = new VirtualClock();
    let booked = 0n;
    let reads = 0;
    let running: Admission | undefined;
    const limiter = createLimiter({
      clock,
      restore: () => {
        const spentNanoUsd = booked;
        reads += 1;
        if (reads === 1) {
          booked += 7n;
          running?.settle({ costNanoUsd: 7 }, clock.nowMs());
        }
        return Promise.resolve({ requestsToday: 0, spentNanoUsd });
      },
    });
    running = await limiter.admit(callerWith({}), clock.nowMs());
    await limiter.admit(callerWith({ budget: { limitNanoUsd: 100n, period: "total" } }), clock.nowMs());
    expect(reads).toBe(2);
    expect(limiter.peek("key-1", clock.nowMs())?.spentNanoUsd).toBe(7n);
  });
});

test("a key and its successors share every limit, whichever of them asks", async () => {
  const { limiter, clock, queries } = openLimiter();
  const limits: Limits = {
    requestsPerMinute: 3,
    requestsPerDay: 100,
    concurrencyMax: 2,
    tokensPerMinute: 100,
    budget: { limitNanoUsd: 100n, period: "total" },
  };
  const first = callerWith(limits, "first");
  const second: Caller = { ...callerWith(limits, "second"), limitsKeyId: "first" };
  const third: Caller = { ...callerWith(limits, "third"), limitsKeyId: "first" };
  const asFirst = await limiter.admit(first, clock.nowMs());
  asFirst.reserve({ tokens: 60, costNanoUsd: 60 }, clock.nowMs());
  const asSecond = await limiter.admit(second, clock.nowMs());
  expect((await failureOf(() => limiter.admit(third, clock.nowMs()))).detail.code).toBe("concurrency");
  const tooDear = () => asSecond.reserve({ tokens: 1, costNanoUsd: 41 }, clock.nowMs());
  expect((await failureOf(tooDear)).kind).toBe("over_budget");
  const tooMany = () => asSecond.reserve({ tokens: 41, costNanoUsd: 1 }, clock.nowMs());
  expect((await failureOf(tooMany)).detail.code).toBe("tpm");
  asSecond[Symbol.dispose]();
  (await limiter.admit(third, clock.nowMs()))[Symbol.dispose]();
  expect((await failureOf(() => limiter.admit(second, clock.nowMs()))).detail.code).toBe("rpm");
  expect(queries.map(({ keyId }) => keyId)).toEqual(["first"]);
  expect(limiter.keysLoaded).toBe(1);
});

describe("memory", () => {
  test("is bounded by forgetting idle keys, never those whose limits still remember something", async () => {
    const { admit, limiter, clock } = openLimiter({ keysMax: 10 });
    const busy = await admit({ concurrencyMax: 1 }, "busy");
    (await admit({ requestsPerMinute: 1 }, "used"))[Symbol.dispose]();
    for (let index = 0; index < 200; index++) (await admit({}, `idle-${index}`))[Symbol.dispose]();
    expect(limiter.keysLoaded).toBeLessThanOrEqual(12);
    expect((await failureOf(() => admit({ concurrencyMax: 1 }, "busy"))).detail.code).toBe("concurrency");
    expect((await failureOf(() => admit({ requestsPerMinute: 1 }, "used"))).detail.code).toBe("rpm");
    busy[Symbol.dispose]();
    await clock.advance(60_000);
    for (let index = 0; index < 20; index++) (await admit({}, `later-${index}`))[Symbol.dispose]();
    expect(limiter.peek("used", clock.nowMs())).toBeUndefined();
  });
});

test("under random interleavings budget, slots and day hold, and everything is back when idle", async () => {
  const move = fc.record({
    kind: fc.constantFrom("admit", "admit", "reserve", "settle", "dispose", "wait"),
    pick: fc.nat(40),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(move, { maxLength: 120 }), async (moves) => {
      const { clock, limiter, admit } = openLimiter();
      const limits: Limits = {
        concurrencyMax: 4,
        requestsPerDay: 30,
        requestsPerMinute: 20,
        budget: { limitNanoUsd: 200n, period: "total" },
      };
      const running: { admission: Admission; worst: number | undefined; isSettled: boolean }[] = [];
      let ledgerNanoUsd = 0n;
      for (const { kind, pick } of moves) {
        const entry = running[pick % Math.max(1, running.length)];
        if (kind === "wait") await clock.advance(pick * 100);
        if (kind === "admit") {
          const admission = await admit(limits).catch(() => undefined);
          if (admission) running.push({ admission, worst: undefined, isSettled: false });
        }
        if (kind === "reserve" && entry && entry.worst === undefined && !entry.isSettled) {
          try {
            entry.admission.reserve({ tokens: 0, costNanoUsd: pick }, clock.nowMs());
            entry.worst = pick;
          } catch (error) {
            expect(error).toBeInstanceOf(Failure);
          }
        }
        if (kind === "settle" && entry?.worst !== undefined && !entry.isSettled) {
          entry.isSettled = true;
          entry.admission.settle({ costNanoUsd: Math.floor(entry.worst / 2) }, clock.nowMs());
          ledgerNanoUsd += BigInt(Math.floor(entry.worst / 2));
        }
        if (kind === "dispose" && entry) {
          entry.admission[Symbol.dispose]();
          running.splice(running.indexOf(entry), 1);
        }
        const use = limiter.peek("key-1", clock.nowMs());
        expect(use?.inFlight ?? 0).toBe(running.length);
        expect(running.length).toBeLessThanOrEqual(4);
        expect((use?.spentNanoUsd ?? 0n) + (use?.heldNanoUsd ?? 0n) <= 200n).toBe(true);
        expect(use?.spentNanoUsd ?? 0n).toBe(ledgerNanoUsd);
      }
      for (const { admission } of running) admission[Symbol.dispose]();
      const use = limiter.peek("key-1", clock.nowMs());
      expect([use?.inFlight ?? 0, use?.heldNanoUsd ?? 0n, use?.spentNanoUsd ?? 0n]).toEqual([
        0,
        0n,
        ledgerNanoUsd,
      ]);
    }),
  );
});
