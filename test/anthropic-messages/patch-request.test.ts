/** The native lane: the caller's own body, with nothing touched but what must be; and token counting. */
import { describe, expect, test } from "bun:test";
import type { JsonObject } from "#lib/json.ts";
import { Failure } from "#model/failure.ts";
import { anthropicMessages } from "#protocols/anthropic-messages/anthropic-messages.ts";
import type { Dialect, EncodedRequest } from "#protocols/protocol.ts";
import { dialectOf, lineOf, seal } from "./fixture.ts";

const { client, upstream } = anthropicMessages;
const base = { model: "logical", max_tokens: 10, messages: [{ role: "user", content: "hi" }] };

function patch(
  fields: JsonObject,
  dialect: Partial<Dialect> = {},
  headers: Readonly<Record<string, string>> = {},
): EncodedRequest {
  const raw = { ...base, ...fields };
  const chat = client.decodeRequest(raw, lineOf(headers));
  return upstream.patchRequest(raw, chat, dialectOf({ model: "real", ...dialect }));
}

test("unknown fields, nulls and the order of keys survive", () => {
  const raw = {
    zeta: { deep: [1, null] },
    ...base,
    temperature: null,
    thinking: { type: "disabled" },
    alpha: 1,
  };
  const chat = client.decodeRequest(raw, lineOf());
  const { body, dropped } = upstream.patchRequest(raw, chat, dialectOf({ model: "real" }));
  expect(JSON.stringify(body)).toBe(JSON.stringify({ ...raw, model: "real" }));
  expect(dropped).toEqual([]);
});

test("version and betas of the caller go to Anthropic; others get what they know", () => {
  const headers = { "anthropic-version": "2026-10-21", "anthropic-beta": "context-1m-2025-08-07,orbit-2027" };
  expect(patch({}, {}, headers).headers).toEqual(headers);
  expect(patch({}).headers).toEqual({ "anthropic-version": "2023-06-01" });
  expect(patch({}, { host: "clewdr" }, headers).headers).toEqual({
    ...headers,
    "anthropic-version": "2023-06-01",
  });
  expect(patch({}, { host: "vertex" }, headers).headers).toEqual({
    "anthropic-beta": "context-1m-2025-08-07",
  });
  expect(patch({}, { host: "compatible" }, headers)).toMatchObject({
    headers: { "anthropic-version": "2023-06-01" },
    dropped: ["anthropic-beta:context-1m-2025-08-07", "anthropic-beta:orbit-2027"],
  });
});

describe("an upstream never sees", () => {
  const sealed = seal({ kind: "openai_encrypted", vendor: "openai", data: "E" });
  const own = { type: "thinking", thinking: "t", signature: "S" };
  const call = { type: "tool_use", id: "a", name: "f", input: {} };
  const history = (...content: readonly JsonObject[]) => ({
    messages: [...base.messages, { role: "assistant", content }],
  });

  test("state this gateway sealed, forged or not", () => {
    const encoded = patch(
      history(
        { type: "thinking", thinking: "t", signature: sealed },
        { type: "redacted_thinking", data: sealed },
        { type: "redacted_thinking", data: `${sealed}~` },
        { type: "redacted_thinking", data: "xjp1.forged" },
        own,
        call,
      ),
    );
    expect(encoded.body["messages"]).toEqual(history(own, call).messages);
    expect(encoded.dropped).toEqual([0, 1, 2, 3].map((at) => `messages[1].content[${at}]`));
    expect(JSON.stringify(encoded.body)).not.toContain("xjp1.");
  });

  test("unsigned thoughts, where it is Claude", () => {
    const unsigned = { type: "thinking", thinking: "t", signature: "" };
    expect(patch(history(unsigned, call)).body["messages"]).toEqual(history(call).messages);
    const elsewhere = patch(history(unsigned, call), { vendor: "deepseek", host: "deepseek" });
    expect(elsewhere.body["messages"]).toEqual(history(unsigned, call).messages);
  });

  test("citations made for display", () => {
    const shown = {
      type: "web_search_result_location",
      url: "u",
      title: "t",
      cited_text: "",
      encrypted_index: "",
    };
    const real = { ...shown, encrypted_index: "X" };
    const text = { type: "text", text: "a" };
    expect(
      patch(history({ ...text, citations: [shown, real] }, { ...text, citations: [shown] })).body["messages"],
    ).toEqual(history({ ...text, citations: [real] }, text).messages);
  });

  test("an empty message in place of foreign thoughts", () => {
    const [, last] = Object(patch(history({ type: "redacted_thinking", data: sealed })).body["messages"]);
    expect(last).toEqual({ role: "assistant", content: [{ type: "text", text: "." }] });
  });
});

describe("Vertex", () => {
  const format = { type: "json_schema", schema: { type: "object" } };

  test("structured output is asked for in words, strict and small settings are listed", () => {
    const encoded = patch(
      {
        system: "s",
        output_config: { effort: "low", format },
        service_tier: "auto",
        tools: [{ name: "f", input_schema: {}, strict: true, new_field: 1 }],
      },
      { host: "vertex" },
    );
    expect(encoded.body).toMatchObject({
      output_config: { effort: "low" },
      system: [
        { type: "text", text: "s" },
        { type: "text", text: expect.stringContaining('{"type":"object"}') },
      ],
      tools: [{ name: "f", input_schema: {}, new_field: 1 }],
    });
    expect(JSON.stringify(encoded.body)).not.toMatch(/strict|service_tier|"format"/);
    expect(encoded.dropped).toEqual(["service_tier", "tools[0].strict", "output_config.format"]);
  });

  const refused: readonly (readonly [string, JsonObject])[] = [
    ["mcp_servers", { mcp_servers: [] }],
    ["container", { container: "c" }],
    [
      "messages[0].content[0].source",
      { messages: [{ role: "user", content: [{ type: "image", source: { type: "url", url: "u" } }] }] },
    ],
    [
      "messages[0].content[0].content[0].source",
      {
        messages: [
          {
            role: "user",
            content: [
              {
                type: "tool_result",
                tool_use_id: "a",
                content: [{ type: "document", source: { type: "file", file_id: "f" } }],
              },
            ],
          },
        ],
      },
    ],
  ];
  for (const [param, fields] of refused) {
    test(`${param} is refused, another target may take it`, () => {
      try {
        patch(fields, { host: "vertex" });
      } catch (error) {
        expect(error).toBeInstanceOf(Failure);
        expect(error).toMatchObject({ kind: "unsupported", detail: { param } });
        return;
      }
      throw new Error("accepted");
    });
  }
});

test("what Clewdr drops without a word is listed", () => {
  const encoded = patch({ compaction: {}, thinking: { type: "between_tools" } }, { host: "clewdr" });
  expect(encoded.dropped).toEqual(["compaction", "thinking"]);
  expect(patch({ mcp_servers: [], thinking: { type: "adaptive" } }, { host: "clewdr" }).dropped).toEqual([]);
});

describe("counting", () => {
  test("needs no output limit and sends only what the call takes", () => {
    const { max_tokens: _, ...raw } = base;
    const full = {
      ...raw,
      system: "s",
      stream: true,
      temperature: 1,
      metadata: {},
      speed: "standard",
      unknown: 1,
    };
    const chat = client.counting?.decodeRequest(full, lineOf());
    const expected = { model: "real", messages: base.messages, system: "s", speed: "standard" };
    const dialect = dialectOf({ model: "real" });
    expect(upstream.counting?.patchRequest(full, dialect)).toEqual(expected);
    if (chat === undefined) throw new Error("no counting");
    expect(upstream.counting?.encodeRequest(chat, dialect)).toEqual({
      ...expected,
      messages: [{ role: "user", content: [{ type: "text", text: "hi" }] }],
    });
  });

  test("answers both ways", () => {
    expect(upstream.counting?.decodeReply({ input_tokens: 7 })).toBe(7);
    expect(upstream.counting?.decodeReply({ totalTokens: 7 })).toBeUndefined();
    expect(upstream.counting?.decodeReply("x")).toBeUndefined();
    expect(client.counting?.encodeReply(7)).toEqual({ input_tokens: 7 });
  });
});
