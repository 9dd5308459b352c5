/** What a caller may send, and that nothing it sends can crash us. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Json, JsonObject } from "#lib/json.ts";
import type { Chat, Opaque } from "#model/chat.ts";
import { Failure } from "#model/failure.ts";
import { anthropicMessages } from "#protocols/anthropic-messages/anthropic-messages.ts";
import { lineOf, seal } from "./fixture.ts";

const { client } = anthropicMessages;
const base = { model: "m", max_tokens: 10, messages: [{ role: "user", content: "hi" }] };

function decode(fields: JsonObject, headers: Readonly<Record<string, string>> = {}): Chat {
  return client.decodeRequest({ ...base, ...fields }, lineOf(headers));
}

describe("settings", () => {
  const rows: readonly (readonly [string, JsonObject, Partial<Chat>])[] = [
    ["a cap of zero stays zero", { max_tokens: 0 }, { outputTokensMax: 0 }],
    ["sampling", { temperature: 0.5, top_p: 0.9, top_k: 4 }, { temperature: 0.5, topP: 0.9, topK: 4 }],
    ["stop sequences", { stop_sequences: ["a", "b"] }, { stop: ["a", "b"] }],
    ["null is absent", { temperature: null, stop_sequences: null, tools: null }, { tools: [] }],
    ["system text", { system: "s" }, { system: [{ text: "s", role: "system" }] }],
    [
      "system blocks with a mark",
      { system: [{ type: "text", text: "s", cache_control: { type: "ephemeral", ttl: "1h" } }] },
      { system: [{ text: "s", role: "system", cache: { lifetime: "1h" } }] },
    ],
    ["top-level cache mark", { cache_control: { type: "ephemeral" } }, { cache: { automatic: {} } }],
    [
      "budget",
      { thinking: { type: "enabled", budget_tokens: 2000 } },
      { reasoning: { mode: "on", budgetTokens: 2000 } },
    ],
    [
      "adaptive with effort, thoughts omitted",
      { thinking: { type: "adaptive", display: "omitted" }, output_config: { effort: "xhigh" } },
      { reasoning: { mode: "auto", visibility: "none", effort: "xhigh" } },
    ],
    ["thinking off", { thinking: { type: "disabled" } }, { reasoning: { mode: "off" } }],
    [
      "thinking between tools",
      { thinking: { type: "between_tools" } },
      { reasoning: { mode: "off", betweenTools: true } },
    ],
    ["any tool", { tool_choice: { type: "any" } }, { toolChoice: { mode: "required" } }],
    [
      "one tool, one call at a time",
      { tool_choice: { type: "tool", name: "f", disable_parallel_tool_use: true } },
      { toolChoice: { mode: "required", allowed: ["f"] }, parallelToolCalls: false },
    ],
    [
      "output schema",
      { output_config: { format: { type: "json_schema", schema: { type: "object" } } } },
      { output: { type: "json_schema", schema: { type: "object" }, strict: true } },
    ],
    ["user", { metadata: { user_id: "u" } }, { userId: "u" }],
    ["standard tier", { service_tier: "standard_only" }, { serviceTier: "default" }],
    ["fast", { speed: "fast" }, { serviceTier: "fast" }],
    ["unknown fields", { mcp_servers: [1], container: null }, { extensions: { mcp_servers: [1] } }],
  ];
  for (const [name, fields, expected] of rows) {
    test(name, () => expect(decode(fields)).toMatchObject(expected));
  }

  test("version and betas come from the headers", () => {
    const chat = decode({}, { "anthropic-version": "2026-10-21", "anthropic-beta": "a, b,a" });
    expect(chat.apiVersion).toBe("2026-10-21");
    expect(chat.betas).toEqual(["a", "b"]);
  });

  test.each([
    ["betas[1]", { betas: ["a", "b\r\nx-api-key: other"] }, {}],
    ["betas[0]", { betas: ["caf\u00e9"] }, {}],
    ["anthropic-beta", {}, { "anthropic-beta": "a, \u00e9" }],
    ["anthropic-version", {}, { "anthropic-version": "2023\u00e9" }],
  ])("what no header can hold is refused: %s", (param, fields, headers) => {
    expect(() => decode(fields, headers)).toThrow(
      expect.objectContaining({ kind: "bad_request", detail: { param } }),
    );
  });
});

describe("content", () => {
  function userPart(block: Json): unknown {
    const [turn] = decode({ messages: [{ role: "user", content: [block] }] }).turns;
    return turn?.parts[0];
  }

  const rows: readonly (readonly [string, JsonObject, object])[] = [
    [
      "image by URL",
      { type: "image", source: { type: "url", url: "u" } },
      { type: "image", media: { from: "url", url: "u" } },
    ],
    [
      "image by base64",
      { type: "image", source: { type: "base64", media_type: "image/png", data: "AA" } },
      { media: { from: "base64", mime: "image/png", data: "AA" } },
    ],
    [
      "image by file",
      { type: "image", source: { type: "file", file_id: "f" } },
      { media: { from: "file", id: "f", vendor: "anthropic" } },
    ],
    [
      "text document with title, context and citations",
      {
        type: "document",
        source: { type: "text", media_type: "text/plain", data: "d" },
        title: "t",
        context: "c",
        citations: { enabled: true },
      },
      {
        type: "document",
        media: { from: "text", text: "d", mime: "text/plain" },
        title: "t",
        context: "c",
        citations: true,
      },
    ],
    [
      "PDF by URL",
      { type: "document", source: { type: "url", url: "u" } },
      { media: { from: "url", url: "u", mime: "application/pdf" } },
    ],
    [
      "document of blocks",
      { type: "document", source: { type: "content", content: [{ type: "text", text: "a" }] } },
      { type: "document", blocks: [{ type: "text", text: "a" }] },
    ],
    [
      "search result",
      { type: "search_result", source: "s", title: "t", content: [{ type: "text", text: "a" }] },
      { type: "search_result", source: "s", title: "t", texts: ["a"] },
    ],
    [
      "a block new to us keeps its path",
      { type: "container_upload", file_id: "f" },
      { type: "unknown", value: { type: "container_upload", file_id: "f" }, path: "messages[0].content[0]" },
    ],
    [
      "a source new to us travels with its block",
      { type: "image", source: { type: "orbit", id: 1 } },
      { type: "unknown", value: { type: "image", source: { type: "orbit", id: 1 } } },
    ],
  ];
  for (const [name, block, expected] of rows) {
    test(name, () => expect(userPart(block)).toMatchObject(expected));
  }

  test("a tool result knows the name of its call, its error flag and its media", () => {
    const chat = decode({
      messages: [
        { role: "assistant", content: [{ type: "tool_use", id: "t1", name: "f", input: { a: 1 } }] },
        {
          role: "user",
          content: [
            {
              type: "tool_result",
              tool_use_id: "t1",
              is_error: true,
              content: [{ type: "image", source: { type: "url", url: "u" } }],
            },
          ],
        },
      ],
    });
    expect(chat.turns[1]?.parts[0]).toEqual({
      type: "tool_result",
      callId: "t1",
      name: "f",
      isError: true,
      content: [{ type: "image", media: { from: "url", url: "u" } }],
    });
  });

  test("system messages lead, stand between, or travel whole with blocks only this API knows", () => {
    const addition = { role: "system", content: [{ type: "tool_addition", tool: {} }] };
    const chat = decode({
      messages: [
        { role: "system", content: "first" },
        { role: "user", content: "hi" },
        { role: "system", content: [{ type: "text", text: "mid" }] },
        addition,
      ],
    });
    expect(chat.system).toEqual([{ text: "first", role: "system" }]);
    expect(chat.turns[1]).toEqual({ side: "system", parts: [{ text: "mid", role: "system" }] });
    expect(chat.turns[2]?.parts[0]).toMatchObject({ type: "unknown", value: addition });
  });
});

describe("opaque state", () => {
  const google: Opaque = { kind: "google_thought_signature", vendor: "google", route: "v", data: "G" };
  const openai: Opaque = { kind: "openai_encrypted", vendor: "openai", data: "E" };

  function answer(content: readonly Json[]): unknown {
    return decode({ messages: [{ role: "assistant", content }] }).turns[0]?.parts;
  }

  test("a bare signature is Anthropic's", () => {
    expect(answer([{ type: "thinking", thinking: "t", signature: "S" }])).toEqual([
      {
        type: "reasoning",
        kind: "summary",
        text: "t",
        signature: { kind: "anthropic_signature", vendor: "anthropic", data: "S" },
      },
    ]);
  });

  test("what was sealed is opened, with and without text", () => {
    expect(
      answer([
        { type: "thinking", thinking: "t", signature: seal(openai) },
        { type: "redacted_thinking", data: seal(openai) },
      ]),
    ).toEqual([
      { type: "reasoning", kind: "summary", text: "t", signature: openai },
      { type: "reasoning", kind: "redacted", signature: openai },
    ]);
  });

  test("state of a call or a text finds its part again, before it or behind it", () => {
    const call = { type: "tool_use", id: "a", name: "f", input: {} };
    expect(answer([{ type: "redacted_thinking", data: seal(google) }, call])).toMatchObject([
      { type: "tool_call", signature: google },
    ]);
    const text = { type: "text", text: "x" };
    const parts = answer([text, { type: "redacted_thinking", data: `${seal(google)}~` }, call]);
    expect(parts).toMatchObject([{ type: "text", signature: google }, { type: "tool_call" }]);
    expect(parts).not.toMatchObject([{}, { signature: google }]);
  });

  test("what looks sealed and does not open is dropped", () => {
    expect(answer([{ type: "thinking", thinking: "t", signature: "xjp1.forged" }])).toEqual([]);
  });
});

describe("refusals name the field", () => {
  const rows: readonly (readonly [JsonObject, string])[] = [
    [{ model: undefined }, "model"],
    [{ model: "" }, "model"],
    [{ max_tokens: undefined }, "max_tokens"],
    [{ max_tokens: -1 }, "max_tokens"],
    [{ max_tokens: "1" }, "max_tokens"],
    [{ messages: [] }, "messages"],
    [{ messages: [{ role: "tool", content: "x" }] }, "messages[0].role"],
    [{ messages: [{ role: "user" }] }, "messages[0].content"],
    [{ messages: [{ role: "user", content: [{ type: "text" }] }] }, "messages[0].content[0].text"],
    [{ messages: [{ role: "user", content: [{ type: "image" }] }] }, "messages[0].content[0].source"],
    [
      { messages: [{ role: "assistant", content: [{ type: "tool_use", id: "a", name: "f", input: "{}" }] }] },
      "messages[0].content[0].input",
    ],
    [
      {
        messages: [
          {
            role: "user",
            content: [{ type: "document", source: { type: "content", content: [{ type: "document" }] } }],
          },
        ],
      },
      "messages[0].content[0].source.content[0].type",
    ],
    [{ temperature: 1.5 }, "temperature"],
    [{ thinking: { type: "enabled" } }, "thinking.budget_tokens"],
    [{ thinking: { type: "enabled", budget_tokens: 5 } }, "thinking.budget_tokens"],
    [{ thinking: { type: "loud" } }, "thinking.type"],
    [{ output_config: { effort: "huge" } }, "output_config.effort"],
    [{ tools: [{ name: "f" }] }, "tools[0].input_schema"],
    [
      {
        tools: [
          { name: "f", input_schema: {} },
          { name: "f", input_schema: {} },
        ],
      },
      "tools[1].name",
    ],
    [{ tool_choice: { type: "tool" } }, "tool_choice.name"],
    [{ system: [{ type: "image" }] }, "system[0].type"],
    [{ cache_control: { type: "ephemeral", ttl: "2h" } }, "cache_control.ttl"],
    [{ stop_sequences: [1] }, "stop_sequences[0]"],
  ];
  for (const [fields, param] of rows) {
    test(`${param}: ${JSON.stringify(fields)}`, () => {
      expect(refusedParam(() => decode(fields))).toBe(param);
    });
  }

  const full: JsonObject = {
    ...base,
    system: [{ type: "text", text: "s", cache_control: { type: "ephemeral" } }],
    messages: [
      {
        role: "user",
        content: [
          { type: "text", text: "a" },
          { type: "image", source: { type: "base64", media_type: "image/png", data: "" } },
          {
            type: "document",
            source: { type: "content", content: [] },
            title: "t",
            citations: { enabled: true },
          },
          { type: "search_result", source: "s", title: "t", content: [{ type: "text", text: "a" }] },
        ],
      },
      {
        role: "assistant",
        content: [
          { type: "thinking", thinking: "t", signature: "s" },
          { type: "redacted_thinking", data: "d" },
          { type: "text", text: "a", citations: [{ type: "char_location" }] },
          { type: "tool_use", id: "i", name: "n", input: {} },
        ],
      },
      { role: "user", content: [{ type: "tool_result", tool_use_id: "i", content: [], is_error: false }] },
    ],
    tools: [
      { name: "n", description: "d", input_schema: { type: "object" }, strict: true, input_examples: [] },
    ],
    tool_choice: { type: "auto", disable_parallel_tool_use: false },
    thinking: { type: "enabled", budget_tokens: 1024, display: "omitted" },
    output_config: { effort: "low", format: { type: "json_schema", schema: {} } },
    metadata: { user_id: "u" },
    stop_sequences: ["x"],
    stream: true,
    temperature: 1,
    top_p: 1,
    top_k: 1,
    service_tier: "auto",
    speed: "standard",
    cache_control: { type: "ephemeral", ttl: "5m" },
    betas: ["b"],
  };
  const paths = pathsOf(full);

  test("the full body is accepted as it is", () => {
    expect(client.decodeRequest(full, lineOf()).tools.length).toBe(1);
    expect(paths.length).toBeGreaterThan(60);
  });

  test("any JSON in any field is accepted or refused by name, never a crash", () => {
    fc.assert(
      fc.property(fc.constantFrom(...paths), fc.jsonValue({ maxDepth: 2 }), (path, value) => {
        const param = refusedParam(() => client.decodeRequest(replaced(full, path, toJson(value)), lineOf()));
        expect(param === undefined || param.length > 0).toBe(true);
      }),
      { numRuns: 3000 },
    );
  });

  /** The param of a `bad_request`; undefined where it was accepted. Anything else thrown is a crash. */
  function refusedParam(action: () => unknown): string | undefined {
    try {
      action();
      return undefined;
    } catch (error) {
      if (!(error instanceof Failure) || error.kind !== "bad_request") throw error;
      expect(error.detail.param).toBeString();
      return error.detail.param;
    }
  }
});

type Path = readonly (string | number)[];

function pathsOf(value: Json | undefined, path: Path = []): Path[] {
  if (Array.isArray(value))
    return [path, ...value.flatMap((entry: Json, at) => pathsOf(entry, [...path, at]))];
  if (typeof value !== "object" || value === null) return [path];
  const inner = Object.entries(value).flatMap(([name, entry]) => pathsOf(entry, [...path, name]));
  return path.length === 0 ? inner : [path, ...inner];
}

function replaced(root: JsonObject, path: Path, value: Json): JsonObject {
  const copy: JsonObject = structuredClone(root);
  let place: unknown = copy;
  for (const step of path.slice(0, -1)) place = Reflect.get(Object(place), step);
  Reflect.set(Object(place), path.at(-1) ?? "", value);
  return copy;
}

function toJson(value: unknown): Json {
  return JSON.parse(JSON.stringify(value));
}
