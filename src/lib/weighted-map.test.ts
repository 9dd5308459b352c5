import { expect, test } from "bun:test";
import { WeightedMap } from "./weighted-map.ts";

function filled(): WeightedMap<string, number> {
  const map = new WeightedMap<string, number>(10);
  map.set("a", 1, 4);
  map.set("b", 2, 4);
  return map;
}

test("what was not used for longest leaves first when the weight is too much", () => {
  const map = filled();
  map.get("a");
  map.set("c", 3, 4);
  expect([map.get("a"), map.get("b"), map.get("c")]).toEqual([1, undefined, 3]);
});

test("a value set again weighs once", () => {
  const map = filled();
  map.set("b", 5, 6);
  expect([map.get("a"), map.get("b")]).toEqual([1, 5]);
});

test("what is heavier than the map is not remembered, and what it would replace is forgotten", () => {
  const map = filled();
  map.set("b", 3, 11);
  expect([map.get("a"), map.get("b")]).toEqual([1, undefined]);
});

test("what is deleted gives its weight back", () => {
  const map = filled();
  map.delete("a");
  map.set("c", 3, 6);
  expect([map.get("b"), map.get("c")]).toEqual([2, 3]);
});
