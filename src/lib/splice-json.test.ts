import { expect, test } from "bun:test";
import fc from "fast-check";
import type { JsonObject } from "./json.ts";
import { spliceJson } from "./splice-json.ts";

const splice = (text: string, change: JsonObject) => {
  const before = JSON.parse(text);
  return spliceJson(text, before, { ...before, ...change });
};

const rows: readonly (readonly [string, string, JsonObject, string])[] = [
  ["replaces one field in place", '{"a":1,"model":"x","b":2}', { model: "y" }, '{"a":1,"model":"y","b":2}'],
  [
    "keeps a long integer's digits",
    '{"seed":12345678901234567890,"model":"x"}',
    { model: "y" },
    '{"seed":12345678901234567890,"model":"y"}',
  ],
  [
    "keeps all spacing where a value is replaced",
    '{ "a" : [ 1 , 2.50 ], "m" : null }',
    { m: 1 },
    '{ "a" : [ 1 , 2.50 ], "m" : 1 }',
  ],
  [
    "keeps spacing inside untouched values where a field is cut out",
    '{ "a" : [ 1 , 2.50 ], "m" : null }',
    { m: undefined },
    '{"a" : [ 1 , 2.50 ]}',
  ],
  [
    "finds a second key of the same name that is spelled with escapes",
    String.raw`{"m":1,"a":0,"\u006d":2}`,
    { m: 3 },
    '{"a":0,"m":3}',
  ],
  ["is not held up by the same name inside a value", '{"m":1,"a":{"m":2}}', { m: 3 }, '{"m":3,"a":{"m":2}}'],
  ["replaces and appends at once", '{ "m": 1 }\n', { m: 3, n: 4 }, '{ "m": 3 ,"n":4}\n'],
  ["appends what is new", '{"a":1}', { stream: true }, '{"a":1,"stream":true}'],
  ["cuts out what is gone", '{"a":1,"b":{"c":"}"},"d":3}', { b: undefined }, '{"a":1,"d":3}'],
  [
    "is not fooled by escapes and braces in text",
    String.raw`{"a":"\\\"}{","m":"[\\"}`,
    { m: "z" },
    String.raw`{"a":"\\\"}{","m":"z"}`,
  ],
  ["starts an empty object", "{}", { a: "b" }, '{"a":"b"}'],
  ["leaves text alone where nothing changes", '{ "a": 1e2 }', {}, '{ "a": 1e2 }'],
  ["lets the last of equal keys count", '{"m":1,"m":2,"a":0}', { m: 3 }, '{"m":3,"a":0}'],
];

for (const [name, text, change, wanted] of rows) {
  test(`splicing ${name}`, () => expect(splice(text, change)).toBe(wanted));
}

test("a spliced text parses to exactly the wanted object, whatever the object", () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.string(), fc.jsonValue()),
      fc.dictionary(fc.string(), fc.jsonValue()),
      fc.nat(4),
      (base, change, indent) => {
        const text = JSON.stringify(base, null, indent);
        const before = JSON.parse(text);
        const after = { ...before, ...JSON.parse(JSON.stringify(change)) };
        expect(JSON.parse(spliceJson(text, before, after))).toEqual(after);
      },
    ),
  );
});
