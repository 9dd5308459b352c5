import { describe, expect, test } from "bun:test";
import { Cancellation } from "./cancellation.ts";

/** A cancellation with listeners of these names, and what they were told. */
function listening(names: string): {
  cancellation: Cancellation;
  told: string[];
  off: (name: string) => void;
} {
  const cancellation = new Cancellation();
  const told: string[] = [];
  const listeners = new Map(names.split("").map((name) => [name, () => void told.push(name)]));
  for (const listener of listeners.values()) cancellation.onCancel(listener);
  const off = (name: string): void => cancellation.off(listeners.get(name) ?? (() => undefined));
  return { cancellation, told, off };
}

describe("a cancellation", () => {
  test.each(["", "a", "ab", "abc"])("tells each of its listeners once (%p)", (names) => {
    const { cancellation, told } = listening(names);
    cancellation.cancel("first");
    cancellation.cancel("second");
    expect(told).toEqual(names.split(""));
    expect(cancellation.reason).toBe("first");
  });

  test.each([
    ["a", ""],
    ["b", "acd"],
    ["ab", "cd"],
    ["ba", "cd"],
    ["dcb", "a"],
    ["abcd", ""],
    ["x", "abcd"],
  ])("does not tell those that left (%p)", (left, staying) => {
    const { cancellation, told, off } = listening(left === "a" ? "a" : "abcd");
    for (const name of left) off(name);
    cancellation.cancel("over");
    expect(told.toSorted()).toEqual(staying.split(""));
  });

  test("tells who comes after it at once, and who came back in the place of one that left", () => {
    const { cancellation, told, off } = listening("ab");
    off("a");
    off("b");
    cancellation.onCancel(() => void told.push("late"));
    cancellation.cancel("over");
    cancellation.onCancel(() => void told.push("later"));
    expect(told).toEqual(["late", "later"]);
  });
});
