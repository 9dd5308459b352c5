import { expect, test } from "bun:test";
import { format, inspect } from "node:util";
import { Secret } from "./secret.ts";

const VALUE = "sk-very-private";
const secret = new Secret(VALUE);

const waysToPrint: readonly (readonly [string, () => string])[] = [
  ["JSON", () => JSON.stringify({ key: secret, list: [secret] })],
  ["inspect", () => inspect({ key: secret }, { depth: 9, showHidden: true })],
  ["Bun.inspect", () => Bun.inspect({ key: secret })],
  ["a template string", () => `key ${String(secret)}`],
  ["concatenation", () => ["key ", secret].join("")],
  ["format", () => format("%s %o %j %O", secret, secret, secret, secret)],
  ["an error message", () => String(new Error(`bad key ${String(secret)}`))],
  ["spread into an object", () => JSON.stringify(Object.assign({}, secret))],
  ["own property names", () => Object.getOwnPropertyNames(secret).join()],
];

test.each(waysToPrint)("a secret shows nothing of itself in %s", (_, print) => {
  expect(print()).not.toContain(VALUE);
});

test("a secret prints as [secret]", () => {
  expect(`${String(secret)} ${JSON.stringify(secret)} ${inspect(secret)}`).toBe(
    '[secret] "[secret]" [secret]',
  );
});

test("only reveal gives the value", () => {
  expect(secret.reveal()).toBe(VALUE);
});
