/** The last touch each connector puts on a body. */
import { describe, expect, test } from "bun:test";
import type { JsonObject } from "#lib/json.ts";
import { Failure } from "#model/failure.ts";
import { type Asked, callOf, openConnector } from "./open-connector.ts";

function shape(fields: string, asked: Asked, body: JsonObject): JsonObject {
  const connector = openConnector(fields);
  return connector.shape?.(body, callOf(connector, asked)) ?? body;
}

describe("Claude on Vertex", () => {
  const fields = "type: vertex, project: p";
  const body = { model: "claude-x", messages: [], stream: true, future_field: null };

  test("has its model in the URL and its version in the body; all else stays", () => {
    expect(shape(fields, { model: "claude-x" }, body)).toEqual({
      messages: [],
      stream: true,
      future_field: null,
      anthropic_version: "vertex-2023-10-16",
    });
  });

  test("has the configured version", () => {
    const shaped = shape(`${fields}, anthropic_version: '2026-10-21'`, { model: "claude-x" }, body);
    expect(shaped["anthropic_version"]).toBe("2026-10-21");
  });

  test("keeps its model when counting, and gets no version", () => {
    expect(shape(fields, { model: "claude-x", operation: "count" }, body)).toEqual(body);
  });

  test("does not change what goes to Gemini", () => {
    expect(shape(fields, { model: "gemini-x" }, { contents: [] })).toEqual({ contents: [] });
  });
});

describe("OpenRouter's provider preferences", () => {
  const fields = "type: openrouter, api_key: k, provider: { data_collection: deny, order: [a] }";
  const plain = "type: openrouter, api_key: k";
  const asked = { sort: "price", order: ["b"] };

  test("of the configuration are added", () => {
    expect(shape(fields, { model: "m" }, { x: 1 })).toEqual({
      x: 1,
      provider: { data_collection: "deny", order: ["a"] },
    });
  });

  test("of a Chat caller stay where the configuration says nothing", () => {
    expect(shape(fields, { model: "m" }, { provider: asked })["provider"]).toEqual({
      sort: "price",
      data_collection: "deny",
      order: ["a"],
    });
    expect(shape(plain, { model: "m" }, { provider: asked })["provider"]).toEqual(asked);
  });

  test.each(["anthropic-messages", "openai-responses"] as const)(
    "of a caller of %s are not taken",
    (protocol) => {
      expect(shape(plain, { model: "m", protocol }, { provider: asked, x: 1 })).toEqual({ x: 1 });
    },
  );

  test.each(["models", "fallbacks"])(
    "lists of models (%s) are refused: they lead around a key's limits",
    (param) => {
      const attempt = (fields: string) => shape(fields, { model: "m" }, { [param]: ["expensive/model"] });
      const failure = catchFailure(() => attempt(plain));
      expect(failure.kind).toBe("bad_request");
      expect(failure.detail.param).toBe(param);
      expect(attempt(`${plain}, allow_model_lists: true`)).toEqual({ [param]: ["expensive/model"] });
    },
  );
});

describe("Clewdr's canned answer to a lone Hi", () => {
  const hi = { role: "user", content: "Hi" };
  const avoided = [{ role: "user", content: "Hi\n" }];
  const cases: readonly (readonly [string, readonly JsonObject[], readonly JsonObject[]])[] = [
    ["text", [hi], avoided],
    ["a block", [{ role: "user", content: [{ type: "text", text: "Hi" }] }], avoided],
  ];
  test.each(cases)("is avoided: %s", (_, messages, expected) => {
    expect(shape("type: clewdr", { model: "m" }, { messages, max_tokens: 1 })).toEqual({
      messages: expected,
      max_tokens: 1,
    });
  });

  const untouched: readonly (readonly [string, readonly JsonObject[]])[] = [
    ["another text", [{ role: "user", content: "Hi!" }]],
    ["a conversation", [hi, { role: "assistant", content: "Hello" }, hi]],
    [
      "a block with a cache mark",
      [{ role: "user", content: [{ type: "text", text: "Hi", cache_control: { type: "ephemeral" } }] }],
    ],
    [
      "two blocks",
      [
        {
          role: "user",
          content: [
            { type: "text", text: "Hi" },
            { type: "text", text: "Hi" },
          ],
        },
      ],
    ],
  ];
  test.each(untouched)("nothing else is touched: %s", (_, messages) => {
    expect(shape("type: clewdr", { model: "m" }, { messages })).toEqual({ messages });
  });

  test("streams are not touched, they are real", () => {
    expect(shape("type: clewdr", { model: "m", operation: "stream" }, { messages: [hi] })).toEqual({
      messages: [hi],
    });
  });
});

function catchFailure(attempt: () => unknown): Failure {
  try {
    attempt();
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error("it was accepted");
}
