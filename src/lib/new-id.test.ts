import { expect, test } from "bun:test";
import { createNewId } from "./new-id.ts";

function random(count: number): Uint8Array<ArrayBuffer> {
  return crypto.getRandomValues(new Uint8Array(count));
}

test("ids are 32 hex digits, and no two are equal", () => {
  const newId = createNewId(() => 1_767_225_600_000, random);
  const ids = Array.from({ length: 5_000 }, newId);
  expect(new Set(ids).size).toBe(ids.length);
  for (const id of ids) expect(id).toMatch(/^[0-9a-f]{32}$/);
});

test("later ones sort behind earlier ones", () => {
  const state = { nowMs: 0 };
  const newId = createNewId(() => state.nowMs, random);
  const times = [0, 1, 255, 65_536, 1_767_225_600_000, 1_767_225_600_001, 2 ** 47];
  const ids = times.map((time) => {
    state.nowMs = time;
    return newId();
  });
  expect(ids.toSorted()).toEqual(ids);
});

test("every digit behind the time is random, also where the randomness is fetched anew", () => {
  const newId = createNewId(() => 0, random);
  const seen = Array.from({ length: 20 }, () => new Set<string>());
  for (let count = 0; count < 2_000; count++) {
    const id = newId();
    for (const [place, digits] of seen.entries()) digits.add(id.charAt(12 + place));
  }
  for (const digits of seen) expect(digits.size).toBe(16);
});
