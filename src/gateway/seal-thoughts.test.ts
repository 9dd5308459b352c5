import { expect, test } from "bun:test";
import { createThoughtSealer } from "./seal-thoughts.ts";

const sealer = createThoughtSealer(new Uint8Array(32).fill(7));
const text = 'Thoughts of "ünïcode" and \u2028.';
const sealed = sealer.seal(text, "acme", "call_1");

test("opens what it sealed, and no two seals are alike", () => {
  expect(sealer.open(sealed, "acme", "call_1")).toBe(text);
  expect(sealer.seal(text, "acme", "call_1")).not.toBe(sealed);
});

test.each([
  ["another tenant", sealed, "other", "call_1"],
  ["another call", sealed, "acme", "call_2"],
  ["the border of tenant and call moved", sealed, "acmec", "all_1"],
  [
    "a changed byte",
    `${sealed.slice(0, 60)}${sealed[60] === "A" ? "B" : "A"}${sealed.slice(61)}`,
    "acme",
    "call_1",
  ],
  ["a cut seal", sealed.slice(0, 24), "acme", "call_1"],
  ["nothing", "", "acme", "call_1"],
])("does not open for %s", (_, given, tenantId, anchor) => {
  expect(sealer.open(given, tenantId, anchor)).toBeUndefined();
});

test("does not open with another gateway's secret", () => {
  expect(createThoughtSealer(new Uint8Array(32)).open(sealed, "acme", "call_1")).toBeUndefined();
});

test("a row's name is the same on every process and tells neither tenant nor call", () => {
  const name = sealer.name("acme", "call_1");
  expect(createThoughtSealer(new Uint8Array(32).fill(7)).name("acme", "call_1")).toBe(name);
  expect(new Set([name, sealer.name("other", "call_1"), sealer.name("acme", "call_2")]).size).toBe(3);
  expect(name).not.toContain("call");
});
