/** The demo's tokenizer. */
import { expect, test } from "bun:test";
import fastCheck from "fast-check";
import { countTokens, splitTokens } from "./tokens.ts";

test("a word and the space behind it are one token, a long word is several", () => {
  expect(splitTokens("hi  there abcdefghijklmno")).toEqual(["hi  ", "there ", "abcdefghijkl", "mno"]);
  expect(splitTokens("")).toEqual([]);
});

test("tokens joined are the text, and no character is torn apart", () => {
  fastCheck.assert(
    fastCheck.property(fastCheck.string({ unit: "binary" }), (text) => {
      const tokens = splitTokens(text);
      expect(tokens.join("")).toBe(text);
      expect(countTokens(text)).toBe(tokens.length);
      expect(tokens.every((token) => token.isWellFormed())).toBe(true);
    }),
  );
});
