import { expect, test } from "bun:test";
import { boundTokens } from "./bound-tokens.ts";
import type { Chat, UserPart } from "./chat.ts";

const targets = [{ model: "claude-sonnet-4-5" }];
const said = (...parts: readonly UserPart[]): Pick<Chat, "turns"> => ({ turns: [{ side: "user", parts }] });

const texts = [
  { name: "words are a third of a token a letter", text: "a".repeat(300), tokens: 100 },
  { name: "a Han character may be a token for each of its bytes", text: "汉".repeat(100), tokens: 300 },
  { name: "so may an accented letter, a Cyrillic one and an emoji", text: "éж😀", tokens: 2 + 2 + 4 },
  { name: "digits and punctuation merge in no tokenizer for certain", text: '{"1":[23,45]}', tokens: 13 },
];
test.each(texts)("$name", ({ text, tokens }) => {
  expect(boundTokens({ text, targets })).toBe(tokens);
});

const data = "A".repeat(4_000_000);
const media = { from: "base64", mime: "image/png", data } as const;
const files = [
  { name: "a picture costs what a picture costs", part: { type: "image", media }, tokens: 10_000 },
  { name: "a document's base64 is bounded by its pages", part: { type: "document", media }, tokens: 500_000 },
  { name: "a recording's by its length", part: { type: "audio", media }, tokens: 250_000 },
  {
    name: "one behind a URL by the largest prompt",
    part: { type: "video", media: { from: "url", url: "https://example.com/v.mp4" } },
    tokens: 1_000_000,
  },
  {
    name: "a picture in a tool's result is one too",
    part: { type: "document", blocks: [{ type: "image", media }] },
    tokens: 10_000,
  },
] as const;
test.each(files)("$name, whatever its bytes", ({ part, tokens }) => {
  const text = "media" in part && part.media.from === "url" ? "" : data;
  expect(boundTokens({ text, chat: said(part), targets })).toBe(tokens);
});

test("the text around a picture still counts, and so does base64 that is not found as it was sent", () => {
  const part = { type: "image", media } as const;
  const around = `${"a".repeat(30)}${data}${"汉".repeat(10)}`;
  expect(boundTokens({ text: around, chat: said(part), targets })).toBe(10_000 + 10 + 30);
  const escaped = { text: "a".repeat(3_000_000), chat: said(part), targets };
  expect(boundTokens(escaped)).toBe(10_000 + 1_000_000);
});

test("gpt-4o-mini counts a picture as several times as many tokens as the others", () => {
  const chat = said({ type: "image", media });
  expect(
    boundTokens({ text: data, chat, targets: [{ model: "gpt-4o" }, { model: "openai/gpt-4o-mini" }] }),
  ).toBe(50_000);
});
