import { describe, expect, test } from "bun:test";
import type { Limits } from "#model/caller.ts";
import { failureOf, openLimiter } from "./open-limiter.ts";

describe("reserving", () => {
  const budget = { limitNanoUsd: 100n, period: "day" } as const;

  test("refuses an unknown price on a budget unless a ceiling is set, which is then held", async () => {
    const { admit, clock } = openLimiter();
    const admission = await admit({ budget });
    const failure = await failureOf(() => admission.reserve({ tokens: 1 }, clock.nowMs()));
    expect([failure.kind, failure.status]).toEqual(["price_unknown", 402]);
    const withCeiling = openLimiter({ ceilingNanoUsd: 60 });
    const other = await withCeiling.admit({ budget });
    other.reserve({ tokens: 1 }, withCeiling.clock.nowMs());
    expect(withCeiling.limiter.peek("key-1", withCeiling.clock.nowMs())?.heldNanoUsd).toBe(60n);
  });

  test("over budget says when the period is renewed, unless even a whole one would not do", async () => {
    const { admit, clock } = openLimiter({ restored: { requestsToday: 0, spentNanoUsd: 90n } });
    const rows = [
      { period: "day", costNanoUsd: 100, retryAfterMs: 12 * 3_600_000 },
      { period: "day", costNanoUsd: 101, retryAfterMs: undefined },
      { period: "total", costNanoUsd: 100, retryAfterMs: undefined },
    ] as const;
    for (const { period, costNanoUsd, retryAfterMs } of rows) {
      const admission = await admit({ budget: { limitNanoUsd: 100n, period } });
      const failure = await failureOf(() => admission.reserve({ tokens: 1, costNanoUsd }, clock.nowMs()));
      expect([failure.kind, failure.detail.retryAfterMs]).toEqual(["over_budget", retryAfterMs]);
    }
  });

  test("needs no price where there is no budget", async () => {
    const { admit, clock } = openLimiter();
    const admission = await admit({ requestsPerMinute: 1 });
    admission.reserve({ tokens: 1 }, clock.nowMs());
    admission.settle({}, clock.nowMs());
  });

  test("that is refused counts for the minute, not for the day, and holds nothing", async () => {
    const { admit, limiter, clock } = openLimiter();
    const limits: Limits = { requestsPerMinute: 5, requestsPerDay: 5, tokensPerMinute: 100, budget };
    const before = await admit(limits);
    before.reserve({ tokens: 80, costNanoUsd: 10 }, clock.nowMs());
    const use = limiter.peek("key-1", clock.nowMs());
    let refused = 0;
    const rows = [
      { worstCase: { tokens: 10, costNanoUsd: 91 }, kind: "over_budget", code: "budget" },
      { worstCase: { tokens: 50, costNanoUsd: 10 }, kind: "rate_limited", code: "tpm" },
    ];
    for (const { worstCase, kind, code } of rows) {
      const admission = await admit(limits);
      const failure = await failureOf(() => admission.reserve(worstCase, clock.nowMs()));
      expect([failure.kind, failure.detail.code]).toEqual([kind, code]);
      refused += 1;
      expect(limiter.peek("key-1", clock.nowMs())).toMatchObject({
        heldNanoUsd: 10n,
        remainingRequestsToday: 4,
      });
      admission[Symbol.dispose]();
      expect(limiter.peek("key-1", clock.nowMs())).toEqual({
        ...use,
        inFlight: 1,
        remainingRequestsThisMinute: 4 - refused,
      });
    }
  });

  test("says truthfully when the tokens are back", async () => {
    const { admit, clock } = openLimiter();
    const limits = { tokensPerMinute: 600, requestsPerMinute: 30 };
    const first = await admit({ tokensPerMinute: 600 });
    first.reserve({ tokens: 600 }, clock.nowMs());
    const second = await admit(limits);
    const failure = await failureOf(() => second.reserve({ tokens: 50 }, clock.nowMs()));
    expect(failure.detail.retryAfterMs).toBe(5_000);
    second[Symbol.dispose]();
    await clock.advance(5_000);
    (await admit(limits)).reserve({ tokens: 50 }, clock.nowMs());
  });

  test("says when the minute lets the request in again, where that is later than its tokens", async () => {
    const { admit, clock } = openLimiter();
    const limits = { tokensPerMinute: 600, requestsPerMinute: 1 };
    const first = await admit({ tokensPerMinute: 600 });
    first.reserve({ tokens: 600 }, clock.nowMs());
    const second = await admit(limits);
    const failure = await failureOf(() => second.reserve({ tokens: 50 }, clock.nowMs()));
    second[Symbol.dispose]();
    expect(failure.detail.retryAfterMs).toBe(60_000);
    await clock.advance(60_000);
    (await admit(limits)).reserve({ tokens: 50 }, clock.nowMs());
  });

  test("is corrected by the real tokens, up and down", async () => {
    const { admit, limiter, clock } = openLimiter();
    const limits = { tokensPerMinute: 1000 };
    const cheap = await admit(limits);
    cheap.reserve({ tokens: 700 }, clock.nowMs());
    cheap.settle({ tokens: 100 }, clock.nowMs());
    expect(limiter.peek("key-1", clock.nowMs())?.remainingTokensThisMinute).toBe(900);
    const dear = await admit(limits);
    dear.reserve({ tokens: 100 }, clock.nowMs());
    dear.settle({ tokens: 950 }, clock.nowMs());
    const waiting = await admit(limits);
    const failure = await failureOf(() => waiting.reserve({ tokens: 1 }, clock.nowMs()));
    expect(failure.detail.retryAfterMs).toBe(Math.ceil((51 / 1000) * 60_000));
  });

  test("again replaces the first hold; refused, the first stays and the request still counts", async () => {
    const { admit, limiter, clock } = openLimiter();
    const admission = await admit({ requestsPerDay: 5, tokensPerMinute: 100, budget });
    admission.reserve({ tokens: 50, costNanoUsd: 30 }, clock.nowMs());
    admission.reserve({ tokens: 60, costNanoUsd: 90 }, clock.nowMs());
    await failureOf(() => admission.reserve({ tokens: 60, costNanoUsd: 101 }, clock.nowMs()));
    expect(limiter.peek("key-1", clock.nowMs())).toEqual({
      inFlight: 1,
      remainingRequestsToday: 4,
      remainingTokensThisMinute: 40,
      spentNanoUsd: 0n,
      heldNanoUsd: 90n,
    });
  });

  test("comes back whole when the request is disposed without having settled", async () => {
    const { admit, limiter, clock } = openLimiter();
    {
      using admission = await admit({ tokensPerMinute: 100, budget });
      admission.reserve({ tokens: 50, costNanoUsd: 30 }, clock.nowMs());
      await clock.advance(10 * 60_000);
    }
    expect(limiter.peek("key-1", clock.nowMs())).toEqual({
      inFlight: 0,
      remainingTokensThisMinute: 100,
      spentNanoUsd: 0n,
      heldNanoUsd: 0n,
    });
  });

  test("settles once", async () => {
    const { admit, limiter, clock } = openLimiter();
    const admission = await admit({ budget });
    admission.reserve({ tokens: 0, costNanoUsd: 30 }, clock.nowMs());
    admission.settle({ costNanoUsd: 20 }, clock.nowMs());
    admission.settle({ costNanoUsd: 20 }, clock.nowMs());
    admission[Symbol.dispose]();
    expect(limiter.peek("key-1", clock.nowMs())).toEqual({ inFlight: 0, spentNanoUsd: 20n, heldNanoUsd: 0n });
  });
});
