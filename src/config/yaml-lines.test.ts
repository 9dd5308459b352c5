import { describe, expect, test } from "bun:test";
import { readYamlLines } from "./yaml-lines.ts";

const FILE = `# a comment
server:
  host: 0.0.0.0 # another: one
  note: |
    host: not a key
    - nor an item
connectors:
  a: { type: openai,
       api_key: "x: {y" }
  "b c": { type: demo }
models:
  fast:
    targets:
      - connector: a
        model: m
      - { connector: b, model: n }
    aliases:
    - one
    - two
  slow:
    targets: []
`;

describe("the line of a path", () => {
  const cases = [
    [["server"], 2],
    [["server", "host"], 3],
    [["server", "note"], 4],
    [["connectors"], 7],
    [["connectors", "a"], 8],
    [["connectors", "a", "api_key"], 8],
    [["connectors", "b c", "type"], 10],
    [["models", "fast", "targets", 0, "connector"], 14],
    [["models", "fast", "targets", 0, "model"], 15],
    [["models", "fast", "targets", 1], 16],
    [["models", "fast", "targets", 1, "model"], 16],
    [["models", "fast", "aliases", 1], 19],
    [["models", "slow", "targets"], 21],
    [["nowhere"], undefined],
  ] as const;
  test.each(cases)("%p is on line %p", (path, line) => {
    expect(readYamlLines(FILE).lineOf(path)).toBe(line);
  });
});

test("nothing is written twice in a good file", () => {
  expect(readYamlLines(FILE).repeated).toEqual([]);
});

test("a key written twice in one mapping is reported with its second line", () => {
  const { repeated } = readYamlLines("models:\n  a:\n    x: 1\n  b:\n    x: 1\n  a:\n    x: 2\n");
  expect(repeated[0]).toEqual({ path: ["models", "a"], message: "is written twice", line: 6 });
});
