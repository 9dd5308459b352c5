import { expect, test } from "bun:test";
import fc from "fast-check";
import { DayWindow } from "./day-window.ts";
import { windowOf } from "./window.ts";

const DAY_MS = 86_400_000;
const MIDNIGHT = Date.UTC(2026, 1, 28);

test("a day ends at midnight UTC, to the millisecond", () => {
  const day = new DayWindow(0, MIDNIGHT - 1);
  day.take(MIDNIGHT - 1);
  expect(day.waitMs(1, MIDNIGHT - 1)).toBe(1);
  expect(day.waitMs(1, MIDNIGHT)).toBe(0);
  expect(day.remaining(1, MIDNIGHT)).toBe(1);
});

test("what the ledger knows of today counts", () => {
  const day = new DayWindow(9, MIDNIGHT + 5);
  expect(day.remaining(10, MIDNIGHT + 5)).toBe(1);
  day.take(MIDNIGHT + 6);
  expect(day.waitMs(10, MIDNIGHT + 6)).toBe(DAY_MS - 6);
});

test("a request given back after its day is over does not lighten the next", () => {
  const day = new DayWindow(0, MIDNIGHT - 1);
  const yesterday = day.take(MIDNIGHT - 1);
  const today = day.take(MIDNIGHT);
  day.giveBack(yesterday);
  expect(day.remaining(1, MIDNIGHT)).toBe(0);
  day.giveBack(today);
  expect(day.remaining(1, MIDNIGHT)).toBe(1);
});

test("going back over midnight does not open yesterday again", () => {
  const day = new DayWindow(0, MIDNIGHT);
  day.take(MIDNIGHT);
  expect(day.waitMs(1, MIDNIGHT - 10)).toBe(DAY_MS + 10);
  expect(day.waitMs(1, MIDNIGHT)).toBe(DAY_MS);
});

test("a clock that stood a month ahead for one request is followed back", () => {
  const day = new DayWindow(0, MIDNIGHT);
  day.take(MIDNIGHT + 30 * DAY_MS);
  expect(day.remaining(10, MIDNIGHT + 5_000)).toBe(9);
  for (let taken = 0; taken < 9; taken++) day.take(MIDNIGHT + 5_000);
  expect(day.waitMs(10, MIDNIGHT + 5_000)).toBe(DAY_MS - 5_000);
  expect(day.remaining(10, MIDNIGHT + DAY_MS)).toBe(10);
});

test("a clock that stands ahead again and again gives no day twice", () => {
  const day = new DayWindow(7, MIDNIGHT);
  for (let jump = 0; jump < 3; jump++) {
    day.take(MIDNIGHT + 2 * DAY_MS);
    day.take(MIDNIGHT + 5);
  }
  expect(day.remaining(20, MIDNIGHT + 5)).toBe(7);
});

test("a limit of 0 has no wait that helps", () => {
  expect(new DayWindow(0, MIDNIGHT).waitMs(0, MIDNIGHT)).toBe(Infinity);
});

test("no day takes more than its limit, with any gaps and no job running", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 20 }),
      fc.array(fc.nat(DAY_MS * 2), { maxLength: 60 }),
      (limit, gaps) => {
        const day = new DayWindow(0, MIDNIGHT);
        const taken = new Map<number, number>();
        let nowMs = MIDNIGHT;
        for (const gapMs of gaps) {
          nowMs += gapMs % 7 === 0 ? 0 : gapMs;
          const waitMs = day.waitMs(limit, nowMs);
          nowMs += waitMs;
          expect(day.waitMs(limit, nowMs)).toBe(0);
          const startMs = day.take(nowMs);
          taken.set(startMs, (taken.get(startMs) ?? 0) + 1);
          expect(startMs).toBe(Math.floor(nowMs / DAY_MS) * DAY_MS);
        }
        for (const count of taken.values()) expect(count).toBeLessThanOrEqual(limit);
      },
    ),
  );
});

const windows = [
  { period: "day", at: "2026-03-01T00:00:00.000Z", start: "2026-03-01", end: "2026-03-02" },
  { period: "day", at: "2026-02-28T23:59:59.999Z", start: "2026-02-28", end: "2026-03-01" },
  { period: "month", at: "2026-02-28T23:59:59.999Z", start: "2026-02-01", end: "2026-03-01" },
  { period: "month", at: "2028-02-29T12:00:00.000Z", start: "2028-02-01", end: "2028-03-01" },
  { period: "month", at: "2026-12-31T23:59:59.999Z", start: "2026-12-01", end: "2027-01-01" },
  { period: "month", at: "2027-01-01T00:00:00.000Z", start: "2027-01-01", end: "2027-02-01" },
] as const;
for (const { period, at, start, end } of windows) {
  test(`the ${period} of ${at} is ${start} to ${end}`, () => {
    expect(windowOf(period, Date.parse(at))).toEqual({ startMs: Date.parse(start), endMs: Date.parse(end) });
  });
}

test("the total period has no end", () => {
  expect(windowOf("total", MIDNIGHT)).toEqual({ startMs: 0, endMs: Infinity });
});
