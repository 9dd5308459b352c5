import { expect, test } from "bun:test";
import type { Vendor } from "#model/chat.ts";
import { modelRules } from "./model-rules.ts";

function rulesOf(model: string, vendor: Vendor = "anthropic") {
  return modelRules({ model, vendor, route: "r", host: "anthropic" });
}

const spellings: readonly (readonly [string, string])[] = [
  ["claude-sonnet-4-20250514", "claude-sonnet-4"],
  ["claude-opus-4-0", "claude-opus-4"],
  ["claude-opus-4-1@20250805", "claude-opus-4-1"],
  ["anthropic/claude-sonnet-4.5", "claude-sonnet-4-5"],
  ["us.anthropic.claude-haiku-4-5-20251001-v1:0", "claude-haiku-4-5"],
  ["claude-opus-4-6-thinking", "claude-opus-4-6"],
  ["claude-3-5-sonnet-latest", "claude-3.5-sonnet"],
  ["claude-opus-5.5", "claude-opus-5-5"],
];
for (const [spelling, plain] of spellings) {
  test(`${spelling} is ${plain}`, () => {
    expect(rulesOf(spelling)).toEqual(rulesOf(plain));
    expect(rulesOf(spelling).isCatalogued).toBe(true);
  });
}

test("a new Claude reads as the newest: adaptive, no sampling, no prefill, no forced tool", () => {
  expect(rulesOf("claude-saga-9")).toMatchObject({
    thinking: ["adaptive"],
    sampling: "refused",
    takesPrefill: false,
    takesForcedTool: false,
    isCatalogued: false,
  });
});

test("another maker's model is taken at its word", () => {
  expect(rulesOf("deepseek-chat", "deepseek")).toMatchObject({
    sampling: "free",
    hasStructuredOutput: false,
  });
});
