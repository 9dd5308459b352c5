import { expect, test } from "bun:test";
import fc from "fast-check";
import { repeatedMember } from "./repeated-member.ts";

const NAMES = ["model", "max_tokens"];

test.each([
  ['{"model":1,"max_tokens":2}', undefined],
  ['{"model":1,"max_tokens":2,"model":3}', "model"],
  ['{"model":1,"a":2,"a":3}', undefined],
  ['{"model":1,"a":{"model":2,"max_tokens":3},"b":[{"model":4}]}', undefined],
  [String.raw`{"model":1,"m\u006fdel":2}`, "model"],
  [String.raw`{"m\u006fdel":1,"model":2}`, "model"],
  [String.raw`{"model":1,"a":"\u00e9","b":"\"model\":2"}`, undefined],
  [' {\n"model"\t: [ "}" ] , "max_tokens" :1e3,"\\u006dax_tokens": {"a":"{"} } ', "max_tokens"],
])("of %s the member %p is repeated", (text, expected) => {
  expect(repeatedMember(text, NAMES)).toBe(expected);
});

test.each([
  ['{"c":{"max":1,"b":{"max":2}},"max":3}', undefined],
  ['{"c":{"max":1,"max":2}}', "c.max"],
  ['{"c":{"max":1},"c":{"max":2}}', "c"],
  ['{"c":"\\"max\\"","d":{"max":1,"max":2}}', undefined],
])("below an object, in %s, %p is repeated", (text, expected) => {
  expect(repeatedMember(text, ["c", "c.max"])).toBe(expected);
});

/** JSON as nobody writes it: odd spacing, names spelled with escapes, equal names. */
const spacing = fc.constantFrom("", "", " ", "\n", "\r\n", "\t ");
const spelled = (name: string) =>
  fc.array(fc.boolean(), { minLength: name.length, maxLength: name.length }).map((escapes) => {
    const spell = (character: string, index: number) =>
      escapes[index]
        ? `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`
        : JSON.stringify(character).slice(1, -1);
    return `"${name.split("").map(spell).join("")}"`;
  });
const value = fc.oneof(
  fc.jsonValue().map((json) => JSON.stringify(json)),
  fc.constantFrom(
    "-0",
    "1e400",
    "12345678901234567890",
    '{"model":1,"model":2}',
    String.raw`"\ud800\"model\":"`,
  ),
);
const member = fc
  .constantFrom("model", "max_tokens", "__proto__", "a", 'a"b')
  .chain((name) => fc.tuple(fc.constant(name), spelled(name), spacing, spacing, spacing, value));

test("it is repeated where, and only where, the object is written with it twice", () => {
  fc.assert(
    fc.property(fc.array(member, { maxLength: 5 }), (members) => {
      const written = members.map(([, key, a, b, c, text]) => `${a}${key}${b}:${c}${text}${a}`);
      const names: readonly string[] = members.map(([name]) => name);
      const present = NAMES.filter((name) => names.includes(name));
      const repeated = repeatedMember(`{${written.join(",")}}`, present);
      const twice = present.filter((name) => names.indexOf(name) !== names.lastIndexOf(name));
      expect(repeated === undefined).toBe(twice.length === 0);
      if (repeated !== undefined) expect(twice).toContain(repeated);
    }),
    { numRuns: 500 },
  );
});
