import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { BudgetAccount, type Hold } from "./budget.ts";

const MIDNIGHT = Date.UTC(2026, 4, 1);
const HOUR_MS = 3_600_000;

describe("a budget", () => {
  test("holds up to its limit exactly, and not one nano more", () => {
    const account = new BudgetAccount({ limitNanoUsd: 100n, period: "total" }, 40n, MIDNIGHT);
    expect(account.reserve(61n, MIDNIGHT, MIDNIGHT)).toBeUndefined();
    const hold = account.reserve(60n, MIDNIGHT, MIDNIGHT);
    expect(hold).toBeDefined();
    expect(account.reserve(1n, MIDNIGHT, MIDNIGHT)).toBeUndefined();
    hold?.settle(10n);
    expect(account.state(MIDNIGHT)).toEqual({ spentNanoUsd: 50n, heldNanoUsd: 0n });
  });

  test("ends a hold once: settled twice or released after, it stays settled", () => {
    const account = new BudgetAccount({ limitNanoUsd: 100n, period: "total" }, 0n, MIDNIGHT);
    const hold = account.reserve(50n, MIDNIGHT, MIDNIGHT);
    hold?.settle(20n);
    hold?.settle(20n);
    hold?.release();
    expect(account.state(MIDNIGHT)).toEqual({ spentNanoUsd: 20n, heldNanoUsd: 0n });
  });

  test("starts anew with the period, and says when that is", () => {
    const account = new BudgetAccount({ limitNanoUsd: 10n, period: "day" }, 10n, MIDNIGHT - HOUR_MS);
    expect(account.reserve(1n, MIDNIGHT - 1, MIDNIGHT - 1)).toBeUndefined();
    expect(account.state(MIDNIGHT - 1).endsInMs).toBe(1);
    expect(account.reserve(10n, MIDNIGHT, MIDNIGHT)).toBeDefined();
  });

  test("books a request that crosses midnight on the day it was admitted", () => {
    const account = new BudgetAccount({ limitNanoUsd: 100n, period: "day" }, 0n, MIDNIGHT - HOUR_MS);
    const hold = account.reserve(90n, MIDNIGHT - 5, MIDNIGHT - 5);
    expect(account.state(MIDNIGHT + 5)).toMatchObject({ spentNanoUsd: 0n, heldNanoUsd: 0n });
    hold?.settle(80n);
    expect(account.state(MIDNIGHT + 5)).toMatchObject({ spentNanoUsd: 0n, heldNanoUsd: 0n });
  });

  test("holds a request admitted before midnight against yesterday, so a spent day cannot be carried over", () => {
    const account = new BudgetAccount({ limitNanoUsd: 100n, period: "day" }, 95n, MIDNIGHT - HOUR_MS);
    expect(account.reserve(6n, MIDNIGHT - 1, MIDNIGHT + 1)).toBeUndefined();
    expect(account.reserve(5n, MIDNIGHT - 1, MIDNIGHT + 1)).toBeDefined();
    expect(account.reserve(100n, MIDNIGHT + 1, MIDNIGHT + 1)).toBeDefined();
  });

  test("follows a clock back that stood a month ahead, with what was spent and held meanwhile", () => {
    const account = new BudgetAccount({ limitNanoUsd: 100n, period: "day" }, 10n, MIDNIGHT);
    const early = account.reserve(5n, MIDNIGHT, MIDNIGHT);
    const aheadMs = MIDNIGHT + 30 * 24 * HOUR_MS;
    account.spend(20n, aheadMs, aheadMs);
    const ahead = account.reserve(40n, aheadMs, aheadMs);
    expect(account.state(MIDNIGHT + 5)).toMatchObject({ spentNanoUsd: 30n, heldNanoUsd: 45n });
    ahead?.settle(7n);
    early?.settle(3n);
    expect(account.state(MIDNIGHT + 5)).toMatchObject({ spentNanoUsd: 40n, heldNanoUsd: 0n });
    const tomorrowMs = MIDNIGHT + 24 * HOUR_MS;
    expect(account.reserve(100n, tomorrowMs, tomorrowMs)).toBeDefined();
  });

  test("keeps what is spent and held when the limit changes", () => {
    const account = new BudgetAccount({ limitNanoUsd: 100n, period: "month" }, 50n, MIDNIGHT);
    account.reserve(50n, MIDNIGHT, MIDNIGHT);
    account.setLimit(120n);
    expect(account.reserve(21n, MIDNIGHT, MIDNIGHT)).toBeUndefined();
    expect(account.reserve(20n, MIDNIGHT, MIDNIGHT)).toBeDefined();
    account.setLimit(10n);
    expect(account.reserve(1n, MIDNIGHT, MIDNIGHT)).toBeUndefined();
  });

  test("never passes its limit in any interleaving, is unheld when idle, and counts what was settled", () => {
    const move = fc.record({
      kind: fc.constantFrom("reserve", "settle", "release", "wait"),
      amount: fc.nat(60),
      pick: fc.nat(50),
    });
    fc.assert(
      fc.property(
        fc.bigInt({ min: 0n, max: 200n }),
        fc.array(move, { maxLength: 150 }),
        (limitNanoUsd, moves) => {
          const account = new BudgetAccount({ limitNanoUsd, period: "day" }, 0n, MIDNIGHT);
          const ledger = new Map<number, bigint>();
          const open: { hold: Hold; day: number }[] = [];
          let nowMs = MIDNIGHT;
          const dayOf = (atMs: number) => Math.floor(atMs / 86_400_000);
          for (const { kind, amount, pick } of moves) {
            if (kind === "wait") nowMs += amount * 10 * 60_000;
            if (kind === "reserve") {
              const hold = account.reserve(BigInt(amount), nowMs, nowMs);
              if (hold !== undefined) open.push({ hold, day: dayOf(nowMs) });
            }
            if (kind === "settle" || kind === "release") {
              const [entry] = open.splice(pick % Math.max(1, open.length), 1);
              const spent = entry && kind === "settle" ? (entry.hold.nanoUsd * BigInt(pick)) / 50n : 0n;
              if (kind === "settle") entry?.hold.settle(spent);
              else entry?.hold.release();
              if (entry) ledger.set(entry.day, (ledger.get(entry.day) ?? 0n) + spent);
            }
            const { spentNanoUsd, heldNanoUsd } = account.state(nowMs);
            expect(spentNanoUsd + heldNanoUsd <= limitNanoUsd).toBe(true);
            expect(spentNanoUsd).toBe(ledger.get(dayOf(nowMs)) ?? 0n);
          }
          for (const { hold } of open) hold.release();
          expect(account.state(nowMs).heldNanoUsd).toBe(0n);
          for (const spent of ledger.values()) expect(spent <= limitNanoUsd).toBe(true);
        },
      ),
    );
  });
});
