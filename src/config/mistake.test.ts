import { expect, test } from "bun:test";
import { ConfigError } from "./mistake.ts";

const mistakes = [1, 2, 3, 4, 5].map((line) => ({
  path: ["server", `f${line}`],
  message: "unknown field",
  line,
}));

test("of many mistakes the first three are told, how many there are, and where the rest is", () => {
  const error = new ConfigError(mistakes, "bad.yaml");
  expect(error.message.split("\n")).toEqual([
    "The configuration has 5 mistakes:",
    "  bad.yaml:1: server.f1: unknown field",
    "  bad.yaml:2: server.f2: unknown field",
    "  bad.yaml:3: server.f3: unknown field",
    "  and 2 more: `xjp config check bad.yaml` lists them all",
  ]);
  expect(error.mistakes).toHaveLength(5);
});

test("without a file to check, every mistake is told", () => {
  expect(new ConfigError(mistakes).message.split("\n")).toHaveLength(6);
});
