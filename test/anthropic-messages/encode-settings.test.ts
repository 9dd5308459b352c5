/** Tools, thinking, output shapes and settings from other APIs: what is said, said otherwise, or listed as dropped. */
import { describe, expect, test } from "bun:test";
import type { Json, JsonObject } from "#lib/json.ts";
import type { AssistantPart, Chat, FunctionTool, Turn, UserPart } from "#model/chat.ts";
import { Failure } from "#model/failure.ts";
import { anthropicMessages } from "#protocols/anthropic-messages/anthropic-messages.ts";
import type { Dialect, EncodedRequest } from "#protocols/protocol.ts";
import { chatOf, dialectOf } from "./fixture.ts";

const { upstream } = anthropicMessages;

function encode(fields: Partial<Chat>, dialect: Partial<Dialect> = {}): EncodedRequest {
  return upstream.encodeRequest(chatOf(fields), dialectOf(dialect));
}

const user = (...parts: readonly UserPart[]): Turn => ({ side: "user", parts });
const answer = (...parts: readonly AssistantPart[]): Turn => ({ side: "assistant", parts });
const text = (value: string) => ({ type: "text", text: value }) as const;
const call = (id: string, name = "f", argumentsText = "{}") =>
  ({ type: "tool_call", id, name, argumentsText }) as const;
const result = (callId: string, value = "r") =>
  ({ type: "tool_result", callId, content: [text(value)] }) as const;
const tool = (name: string, fields: Partial<FunctionTool> = {}): FunctionTool => ({
  type: "function",
  name,
  ...fields,
});

describe("tools", () => {
  test("names are fitted and restored, namespaces told apart", () => {
    const long = "n".repeat(90);
    const tools = [
      tool("a.b"),
      tool("a:b"),
      tool("x", { namespace: "one" }),
      tool("x", { namespace: "two" }),
      tool(long),
    ];
    const names = listOf(encode({ tools }).body["tools"]).map((entry) => entry["name"]);
    expect(new Set(names).size).toBe(5);
    for (const name of names) expect(name).toMatch(/^[a-zA-Z0-9_-]{1,64}$/);
    const blocks = names.map((name, index) => ({
      type: "tool_use",
      id: `t${index}`,
      name: name ?? null,
      input: {},
    }));
    const events = upstream.decodeReply({ content: blocks }, dialectOf(), chatOf({ tools }));
    const calls = events.flatMap((event) =>
      event.type === "part_start" && event.part.type === "tool_call"
        ? [[event.part.name, event.part.namespace]]
        : [],
    );
    expect(calls).toEqual([
      ["a.b", undefined],
      ["a:b", undefined],
      ["x", "one"],
      ["x", "two"],
      [long, undefined],
    ]);
  });

  test("a tool without parameters takes an empty object", () => {
    expect(encode({ tools: [tool("f")] }).body["tools"]).toEqual([
      { name: "f", input_schema: { type: "object", properties: {} } },
    ]);
  });

  test("strict schemas are fitted, or the promise is listed", () => {
    const schema = { type: "object", properties: { n: { type: "integer", minimum: 1 } }, required: ["n"] };
    expect(encode({ tools: [tool("f", { strict: true, schema })] }).body["tools"]).toMatchObject([
      {
        strict: true,
        input_schema: {
          additionalProperties: false,
          properties: { n: { type: "integer", description: "(minimum: 1)" } },
        },
      },
    ]);
    const onVertex = encode({ tools: [tool("f", { strict: true, schema })] }, { host: "vertex" });
    expect(onVertex.body["tools"]).toEqual([{ name: "f", input_schema: schema }]);
    expect(onVertex.dropped).toEqual(["tools[0].strict"]);
  });

  test("a forced tool is found in its namespace", () => {
    const tools = [tool("x", { namespace: "one" }), tool("y")];
    const { body } = encode({ tools, toolChoice: { mode: "required", allowed: ["x"] } });
    expect(body["tool_choice"]).toEqual({ type: "tool", name: "one__x" });
  });

  test("web search carries over with its user's place, where the host has it", () => {
    const webSearch = { user_location: { type: "approximate", approximate: { city: "Oslo" } } };
    expect(encode({ webSearch }).body["tools"]).toEqual([
      {
        type: "web_search_20250305",
        name: "web_search",
        user_location: { type: "approximate", city: "Oslo" },
      },
    ]);
    expect(refusal({ webSearch }, { host: "compatible" })).toBe("web_search_options");
  });

  test("a hosted tool of another provider is left out and listed, and refused where nothing else could be called", () => {
    const search = { type: "hosted", protocol: "openai-responses", kind: "file_search", value: {} } as const;
    const { body, dropped } = encode({ tools: [search] });
    expect(body["tools"]).toBeUndefined();
    expect(dropped).toEqual(["tools[0]"]);
    expect(refusal({ tools: [search], toolChoice: { mode: "required" } })).toBe("tools[0]");
  });

  const tools = [tool("f"), tool("g"), tool("h")];
  const choices: readonly (readonly [string, Partial<Chat>, JsonObject | undefined, readonly string[]])[] = [
    ["auto", { toolChoice: { mode: "auto" } }, { type: "auto" }, ["f", "g", "h"]],
    ["none", { toolChoice: { mode: "none" } }, { type: "none" }, ["f", "g", "h"]],
    ["required", { toolChoice: { mode: "required" } }, { type: "any" }, ["f", "g", "h"]],
    [
      "one",
      { toolChoice: { mode: "required", allowed: ["g"] } },
      { type: "tool", name: "g" },
      ["f", "g", "h"],
    ],
    ["some", { toolChoice: { mode: "auto", allowed: ["g", "h"] } }, { type: "auto" }, ["g", "h"]],
    ["one of some", { toolChoice: { mode: "required", allowed: ["g", "h"] } }, { type: "any" }, ["g", "h"]],
    [
      "one at a time",
      { parallelToolCalls: false },
      { type: "auto", disable_parallel_tool_use: true },
      ["f", "g", "h"],
    ],
    ["not said", {}, undefined, ["f", "g", "h"]],
  ];
  for (const [name, fields, choice, names] of choices) {
    test(`choice: ${name}`, () => {
      const { body } = encode({ tools, ...fields });
      expect<unknown>(body["tool_choice"]).toEqual(choice);
      expect<unknown>(listOf(body["tools"]).map((entry) => entry["name"])).toEqual(names);
    });
  }

  test("forcing gives way to thinking with a budget, and to models that refuse it", () => {
    const forced = { tools, toolChoice: { mode: "required", allowed: ["g"] } } as const;
    for (const encoded of [
      encode({ ...forced, reasoning: { mode: "on", budgetTokens: 2000 } }),
      encode(forced, { model: "claude-opus-5.5" }),
    ]) {
      expect(encoded.body["tool_choice"]).toEqual({ type: "auto" });
      expect(JSON.stringify(encoded.body["system"])).toContain("Call the tool");
      expect(encoded.dropped).toContain("tool_choice");
    }
    const silenced = encode(forced, { model: "claude-opus-5" });
    expect(silenced.body).toMatchObject({
      thinking: { type: "disabled" },
      tool_choice: { type: "tool", name: "g" },
    });
  });
});

describe("thinking", () => {
  const rows: readonly (readonly [string, string, Partial<Chat>, JsonObject])[] = [
    [
      "an effort becomes a budget",
      "claude-sonnet-4-5",
      { reasoning: { effort: "low" } },
      { thinking: { type: "enabled", budget_tokens: 2048 } },
    ],
    [
      "a budget stays",
      "claude-sonnet-4-5",
      { reasoning: { budgetTokens: 3000 } },
      { thinking: { type: "enabled", budget_tokens: 3000 } },
    ],
    [
      "a budget is made to fit the caller's cap",
      "claude-sonnet-4-5",
      { reasoning: { effort: "high" }, outputTokensMax: 4000 },
      { max_tokens: 4000, thinking: { type: "enabled", budget_tokens: 3200 } },
    ],
    [
      "an effort on a model that takes it",
      "claude-opus-4-6",
      { reasoning: { effort: "xhigh" } },
      { thinking: { type: "adaptive", display: "summarized" }, output_config: { effort: "high" } },
    ],
    [
      "a budget becomes an effort",
      "claude-opus-5",
      { reasoning: { budgetTokens: 30_000 } },
      { thinking: { type: "adaptive", display: "summarized" }, output_config: { effort: "xhigh" } },
    ],
    ["off", "claude-opus-5", { reasoning: { mode: "off" } }, { thinking: { type: "disabled" } }],
    [
      "off where it cannot be",
      "claude-opus-5-5",
      { reasoning: { effort: "none" } },
      { output_config: { effort: "low" } },
    ],
    [
      "off between tools at most",
      "claude-sonnet-5.5",
      { reasoning: { mode: "off" } },
      { thinking: { type: "between_tools" } },
    ],
    [
      "the model decides",
      "claude-opus-4-6",
      { reasoning: { mode: "auto", visibility: "none" } },
      { thinking: { type: "adaptive", display: "omitted" } },
    ],
  ];
  for (const [name, model, fields, expected] of rows) {
    test(`${name} (${model})`, () => {
      const { body } = encode(fields, { model });
      expect(body).toMatchObject(expected);
      expect<unknown>(
        Object.keys(body).filter((key) => key === "thinking" || key === "output_config"),
      ).toEqual(Object.keys(expected).filter((key) => key !== "max_tokens"));
    });
  }

  test("no thinking fits under a small cap, and an open tool loop without its thoughts takes none", () => {
    const small = encode({ reasoning: { effort: "low" }, outputTokensMax: 1200 });
    const loop = encode({
      reasoning: { effort: "low" },
      turns: [user(text("q")), answer(call("a")), { side: "user", parts: [result("a")] }],
    });
    for (const encoded of [small, loop]) {
      expect(encoded.body["thinking"]).toBeUndefined();
      expect(encoded.dropped).toEqual(["reasoning"]);
    }
  });
});

describe("output shapes", () => {
  const schema = { type: "object", properties: { a: { type: "string" } }, required: ["a"] };
  const output = { type: "json_schema", schema } as const;

  test("natively where the model has it", () => {
    expect(encode({ output }).body["output_config"]).toEqual({
      format: { type: "json_schema", schema: { ...schema, additionalProperties: false } },
    });
  });

  test("by a forced tool where it has not", () => {
    const { body, dropped } = encode({ output }, { model: "claude-sonnet-4" });
    expect(body).toMatchObject({
      tools: [{ name: "json", input_schema: schema }],
      tool_choice: { type: "tool", name: "json" },
    });
    expect(dropped).toEqual([]);
  });

  test("in words beside other tools, and listed", () => {
    const { body, dropped } = encode({ output, tools: [tool("f")] }, { model: "claude-sonnet-4" });
    expect(JSON.stringify(body["system"])).toContain("JSON Schema");
    expect(dropped).toEqual(["response_format"]);
  });

  test("a recursive schema cannot be native", () => {
    const tree = { type: "object", properties: { child: { $ref: "#" } } };
    expect(encode({ output: { type: "json_schema", schema: tree } }).body["output_config"]).toBeUndefined();
  });

  test("any JSON, and one of some words, are asked for", () => {
    for (const shape of [{ type: "json" }, { type: "enum", values: ["a", "b"] }] as const) {
      expect(encode({ output: shape }).dropped).toEqual(["response_format"]);
    }
  });
});

describe("settings", () => {
  const rows: readonly (readonly [string, string, Partial<Chat>, JsonObject, readonly string[]])[] = [
    ["the model's maximum stands in for a cap", "claude-opus-4-1", {}, { max_tokens: 32_000 }, []],
    [
      "a cap beyond the maximum",
      "claude-3-5-haiku-latest",
      { outputTokensMax: 99_999 },
      { max_tokens: 8192 },
      [],
    ],
    ["a temperature beyond 1", "claude-sonnet-4", { temperature: 1.7 }, { temperature: 1 }, ["temperature"]],
    [
      "temperature or top_p",
      "claude-sonnet-4.5",
      { temperature: 0.2, topP: 0.9 },
      { temperature: 0.2 },
      ["top_p"],
    ],
    [
      "both on older models",
      "claude-3-haiku-20240307",
      { temperature: 0.2, topP: 0.9 },
      { temperature: 0.2, top_p: 0.9 },
      [],
    ],
    [
      "no sampling on newer models",
      "claude-opus-5",
      { temperature: 0.2, topP: 0.5, topK: 3 },
      {},
      ["temperature", "top_p", "top_k"],
    ],
    [
      "a model new to us takes none",
      "claude-saga-9",
      { temperature: 0.2 },
      { max_tokens: 128_000 },
      ["temperature"],
    ],
    ["stop texts", "claude-opus-5", { stop: ["END", "\n"] }, { stop_sequences: ["END"] }, ["stop"]],
    ["tier", "claude-opus-5", { serviceTier: "priority" }, { service_tier: "auto" }, []],
    ["a tier it has not", "claude-opus-5", { serviceTier: "flex" }, {}, ["service_tier"]],
    ["user", "claude-opus-5", { userId: "u1" }, { metadata: { user_id: "u1" } }, []],
    ["a user who is an address", "claude-opus-5", { userId: "a@b.example" }, {}, ["user"]],
    [
      "hints are listed",
      "claude-opus-5",
      {
        seed: 1,
        frequencyPenalty: 0.5,
        logitBias: { "1": 2 },
        verbosity: "low",
        metadata: { a: "b" },
        cache: { key: "k" },
        extensions: { prediction: {} },
      },
      {},
      ["frequency_penalty", "seed", "logit_bias", "verbosity", "metadata", "prompt_cache_key", "prediction"],
    ],
  ];
  for (const [name, model, fields, expected, dropped] of rows) {
    test(`${name} (${model})`, () => {
      const encoded = encode(fields, { model });
      expect(encoded.body).toMatchObject(expected);
      expect(encoded.dropped).toEqual([...dropped]);
      for (const param of dropped)
        if (expected[param] === undefined) expect(encoded.body).not.toHaveProperty(param);
    });
  }

  const contracts: readonly (readonly [string, Partial<Chat>])[] = [
    ["n", { choices: 2 }],
    ["logprobs", { logprobs: {} }],
    ["modalities", { modalities: ["text", "audio"] }],
    ["cached_content", { cache: { explicitName: "c" } }],
    ["previous_response_id", { extensions: { previous_response_id: "resp_1" } }],
    ["background", { extensions: { background: true } }],
  ];
  for (const [param, fields] of contracts) {
    test(`${param} changes the answer's contract and is refused`, () => expect(refusal(fields)).toBe(param));
  }

  test("at most four cache marks, the last ones, the longer-lived first", () => {
    const mark = (lifetime: "5m" | "12h") => ({ cache: { lifetime } });
    const system = [{ text: "s", role: "system", ...mark("5m") }] as const;
    const parts = [1, 2, 3].map((n) => ({ type: "text", text: `${n}`, ...mark("12h") }) as const);
    const encoded = encode({ system, tools: [tool("f", mark("12h"))], turns: [user(...parts)] });
    const marks = JSON.stringify(encoded.body).match(/"cache_control":\{[^}]*\}/g) ?? [];
    expect(marks).toEqual([
      '"cache_control":{"type":"ephemeral","ttl":"5m"}',
      ...Array<string>(3).fill('"cache_control":{"type":"ephemeral"}'),
    ]);
  });

  test("headers: a version for everyone but Vertex, betas only where they are known", () => {
    const betas = ["context-1m-2025-08-07", "orbit-2027"];
    expect(encode({ betas }).headers).toEqual({
      "anthropic-version": "2023-06-01",
      "anthropic-beta": betas.join(","),
    });
    const onVertex = encode({ betas }, { host: "vertex" });
    expect(onVertex.headers).toEqual({ "anthropic-beta": "context-1m-2025-08-07" });
    expect(onVertex.dropped).toEqual(["anthropic-beta:orbit-2027"]);
  });
});

function refusal(fields: Partial<Chat>, dialect: Partial<Dialect> = {}): string | undefined {
  try {
    encode(fields, dialect);
  } catch (error) {
    if (error instanceof Failure && error.kind === "unsupported") return error.detail.param;
    throw error;
  }
  throw new Error("accepted");
}

function listOf(value: Json | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? value : [];
}
