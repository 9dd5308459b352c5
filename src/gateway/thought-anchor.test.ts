import { expect, test } from "bun:test";
import type { Chat } from "#model/chat.ts";
import { anchorOf, isUnguessable, questionBefore } from "./thought-anchor.ts";

test.each([
  ["call_abc123DEF456ghi789jkl012", "weather", true],
  ["toolu_01A09q90qw90lq917835lq9x", "weather", true],
  ["chatcmpl-tool-0a1b2c3d4e5f60718293a4b5c6d7e8f9", "weather", true],
  ["call_0", "weather", false],
  ["functions.getWeatherForecastNow:12", "getWeatherForecastNow", false],
  ["functions.getWeatherForecast2026:12", "getWeatherForecast2026", false],
  ["tool_0_list_directory_recursively", "list_directory_recursively", false],
  ["call_1234567890123456789", "weather", false],
  ["D681PevKs", "weather", false],
  ["", "", false],
])("an id like %s of %s is unguessable: %p", (id, name, expected) => {
  expect(isUnguessable(id, name)).toBe(expected);
});

const weak = { id: "call_0", name: "f", argumentsText: '{"a":1,"b":[2,{"c":3,"d":4}]}' };

test.each([
  [
    "spacing and order of fields",
    { ...weak, argumentsText: '{ "b": [2, {"d":4,"c":3}], "a": 1.0 }' },
    "q",
    true,
  ],
  ["another value", { ...weak, argumentsText: '{"a":2,"b":[2,{"c":3,"d":4}]}' }, "q", false],
  ["another order of a list", { ...weak, argumentsText: '{"a":1,"b":[{"c":3,"d":4},2]}' }, "q", false],
  ["another question", weak, "r", false],
  ["another function", { ...weak, name: "g" }, "q", false],
])("a counted id with %s", (_, call, question, isSame) => {
  expect(anchorOf(call, () => question) === anchorOf(weak, () => "q")).toBe(isSame);
});

test("no arguments are an empty object", () => {
  const of = (argumentsText: string) => anchorOf({ id: "call_0", name: "f", argumentsText }, () => "");
  expect(of("")).toBe(of("{}"));
  expect(of("not json")).not.toBe(of("{}"));
});

test("an unguessable id stands for itself, and the question is not even looked up", () => {
  const call = { id: "call_abc123DEF456ghi789jkl012", name: "f", argumentsText: "{}" };
  const never = () => {
    throw new Error("asked for");
  };
  expect(anchorOf({ ...call, argumentsText: '{"a":1}' }, never)).toBe(anchorOf(call, never));
});

test("the question is what the user said last, with results and system text in between", () => {
  const turns: Chat["turns"] = [
    { side: "user", parts: [{ type: "text", text: "one" }] },
    { side: "assistant", parts: [{ type: "tool_call", id: "a", name: "f", argumentsText: "" }] },
    { side: "user", parts: [{ type: "tool_result", callId: "a", content: [{ type: "text", text: "x" }] }] },
    { side: "system", parts: [{ text: "be brief", role: "system" }] },
    { side: "user", parts: [{ type: "text", text: "two" }] },
  ];
  expect([0, 1, 4, 5].map((end) => questionBefore(turns, end))).toEqual(["", "one", "one", "two"]);
});
