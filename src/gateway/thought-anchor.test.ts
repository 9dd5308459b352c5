import { expect, test } from "bun:test";
import type { Chat } from "#model/chat.ts";
import { anchorOf, createPlaces, isUnguessable } from "./thought-anchor.ts";

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

const user = (text: string) => ({ side: "user", parts: [{ type: "text", text }] }) as const;
const result = {
  side: "user",
  parts: [{ type: "tool_result", callId: "call_0", content: [{ type: "text", text: "x" }] }],
} as const;
const calling = (...ids: string[]) =>
  ({
    side: "assistant",
    parts: ids.map((id) => ({ type: "tool_call", id, name: "f", argumentsText: "{}" }) as const),
  }) as const;

test("the place is what the user said last, with results and system text in between", () => {
  const system = { side: "system", parts: [{ text: "be brief", role: "system" }] } as const;
  const turns: Chat["turns"] = [
    user("one"),
    calling("call_0"),
    result,
    system,
    calling("call_1"),
    user("two"),
  ];
  const placeOf = createPlaces([...turns, calling("call_0")]);
  const [one, other, two] = [1, 4, 6].map((end) => placeOf(weak, end));
  expect(other).toBe(one ?? "");
  expect(two).not.toBe(one ?? "");
  expect(createPlaces([user("one")])(weak, 1)).toBe(one ?? "");
  expect(createPlaces(turns)(weak, 6)).toBe(two ?? "");
});

test("the same call made again after the same question has a place of its own, on its way out as on its way back", () => {
  const call = { id: "call_0", name: "f", argumentsText: " {}" };
  const history = [user("one"), calling("call_0"), result, calling("call_0"), result, calling("call_0")];
  const placeOf = createPlaces(history);
  const places = [1, 3, 5].map((end) => placeOf(call, end));
  expect(new Set(places).size).toBe(3);
  for (const [index, end] of [1, 3, 5].entries())
    expect(createPlaces(history.slice(0, end))(call, end)).toBe(places[index] ?? "");
});

test("arguments deeper than the stack are compared as they are written", () => {
  const deep = (mark: string) => "[".repeat(300_000) + mark + "]".repeat(300_000);
  const of = (argumentsText: string) => anchorOf({ id: "call_0", name: "f", argumentsText }, () => "");
  expect(of(deep(""))).toBe(of(deep("")));
  expect(of(deep("1"))).not.toBe(of(deep("2")));
});

test("a long history with a long question is read once", () => {
  const counted = Array.from({ length: 500 }, (_, index) => calling(`call_${index}`));
  let read = 0;
  const watched = new Proxy([user("x".repeat(1_000_000)), ...counted], {
    get: (target, name, receiver) => {
      if (name === "0") read += 1;
      return Reflect.get(target, name, receiver);
    },
  });
  const placeOf = createPlaces(watched);
  for (let end = 1; end <= 500; end += 1) placeOf({ ...weak, id: `call_${end - 1}` }, end);
  expect(read).toBe(1);
});
