import { expect, test } from "bun:test";
import fc from "fast-check";
import type { Opaque } from "#model/chat.ts";
import { createSealer } from "./seal-opaque.ts";

const sealer = createSealer(new Uint8Array(32).fill(7));
const blob: Opaque = {
  kind: "openai_encrypted",
  vendor: "openai",
  model: "gpt-6",
  route: "openai",
  data: "gAAA😀",
};

test("what was sealed opens for the same tenant, byte for byte", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.string(), (data, tenant) => {
      const opaque: Opaque = { ...blob, data };
      expect(sealer.unseal(sealer.seal(opaque, tenant), tenant)).toEqual(opaque);
    }),
  );
});

test("another tenant, another key and another text open nothing", () => {
  const sealed = sealer.seal(blob, "acme");
  expect(sealer.unseal(sealed, "other")).toBeUndefined();
  expect(createSealer(new Uint8Array(32).fill(8)).unseal(sealed, "acme")).toBeUndefined();
  expect(sealer.unseal(`${sealed.slice(0, 20)}A${sealed.slice(21)}`, "acme")).toBeUndefined();
  expect(sealer.unseal("EqQBnative", "acme")).toBeUndefined();
  expect(sealer.unseal("xjp1.", "acme")).toBeUndefined();
});

test("the same blob seals to the same text, so prompt caches still hit", () => {
  expect(sealer.seal(blob, "acme")).toBe(sealer.seal(blob, "acme"));
});
