import { expect, test } from "bun:test";
import { parseDuration } from "./duration.ts";

test.each([
  ["45s", 45_000],
  ["30m", 1_800_000],
  ["12h", 43_200_000],
  ["90d", 7_776_000_000],
  ["2w", 1_209_600_000],
])("%s is %d ms", (text, durationMs) => {
  expect(parseDuration("--since", text)).toBe(durationMs);
});

test.each(["", "90", "d", "0d", "-1d", "1.5h", "1y", "1d ", "9999999d"])("%j is refused by name", (text) => {
  expect(() => parseDuration("--since", text)).toThrow("--since must be a span of time");
});
