import { describe, expect, test } from "bun:test";
import { asArray, asObject, type JsonObject } from "#lib/json.ts";
import type { Chat, Reasoning } from "#model/chat.ts";
import { encodeRequest } from "#protocols/gemini/encode-request.ts";

import { base, dialect, encode, call, result, loop } from "./fixture.ts";
describe("thinking", () => {
  const rows: readonly [string, string, Reasoning, JsonObject | undefined][] = [
    [
      "level on 3",
      "gemini-3-pro-preview",
      { effort: "low", visibility: "none" },
      { includeThoughts: false, thinkingLevel: "LOW" },
    ],
    [
      "3 Pro has no medium",
      "gemini-3-pro-preview",
      { effort: "medium" },
      { includeThoughts: true, thinkingLevel: "HIGH" },
    ],
    [
      "3.1 Pro has",
      "gemini-3.1-pro",
      { effort: "medium" },
      { includeThoughts: true, thinkingLevel: "MEDIUM" },
    ],
    ["flash has minimal", "gemini-3-flash", { effort: "none" }, { thinkingLevel: "MINIMAL" }],
    [
      "a budget becomes a level",
      "gemini-3-flash",
      { mode: "on", budgetTokens: 4000 },
      { includeThoughts: true, thinkingLevel: "LOW" },
    ],
    [
      "adaptive leaves the level out",
      "gemini-3-flash",
      { mode: "auto", visibility: "full" },
      { includeThoughts: true },
    ],
    [
      "budget on 2.5",
      "gemini-2.5-flash",
      { effort: "medium" },
      { includeThoughts: true, thinkingBudget: 8192 },
    ],
    [
      "clamped to the model",
      "gemini-2.5-flash",
      { budgetTokens: 90_000 },
      { includeThoughts: true, thinkingBudget: 24_576 },
    ],
    ["off on Flash", "gemini-2.5-flash", { mode: "off" }, { thinkingBudget: 0 }],
    ["Pro cannot be off", "gemini-2.5-pro", { effort: "none" }, { thinkingBudget: 128 }],
    [
      "adaptive is dynamic",
      "gemini-2.5-pro",
      { mode: "auto" },
      { includeThoughts: true, thinkingBudget: -1 },
    ],
    ["2.0 cannot think", "gemini-2.0-flash", { effort: "high" }, undefined],
    ["nor can its picture models", "gemini-2.5-flash-image", { effort: "high" }, undefined],
  ];
  for (const [name, model, reasoning, expected] of rows) {
    test(name, () => {
      const config = asObject(encode({ reasoning }, dialect(model)).body["generationConfig"]);
      expect(config?.["thinkingConfig"]).toEqual(expected);
    });
  }

  test("what cannot be had is listed", () => {
    expect(encode({ reasoning: { effort: "high" } }, dialect("gemini-2.0-flash")).dropped).toEqual([
      "reasoning",
    ]);
    expect(encode({ reasoning: { effort: "none" } }, dialect("gemini-2.5-pro")).dropped).toEqual([
      "reasoning",
    ]);
    expect(encode({ reasoning: { effort: "none" } }, dialect("gemini-2.0-flash")).dropped).toEqual([]);
  });
});

describe("tools", () => {
  const schema = { type: "object", properties: { a: { type: "string" } } };
  const tools: Chat["tools"] = [
    { type: "function", name: "f", description: "d", schema },
    {
      type: "function",
      name: "none",
      schema: { type: "object", properties: {}, additionalProperties: false },
    },
    { type: "custom", name: "patch file!", description: "free" },
  ];

  test("real JSON Schema for current models, the subset for older, nothing for no arguments", () => {
    const now = encode({ tools }).body["tools"];
    expect(now).toMatchObject([
      { functionDeclarations: [{ name: "f", parametersJsonSchema: schema }, { name: "none" }, {}] },
    ]);
    const old = encode({ tools }, dialect("gemini-2.0-flash")).body["tools"];
    expect(old).toMatchObject([{ functionDeclarations: [{ parameters: { type: "OBJECT" } }, {}, {}] }]);
    const [, bare] = asArray(asObject(asArray(now)[0])?.["functionDeclarations"]);
    expect(bare).toEqual({ name: "none" });
  });

  test("names are made fit the same way in declaration, choice and history", () => {
    const chat = {
      tools,
      toolChoice: { mode: "required", allowed: ["patch file!"] },
      ...loop([{ ...call("c", "patch file!", "text"), custom: true }], [result("c")]),
    } as const;
    const text = JSON.stringify(encode(chat).body);
    const names = [...text.matchAll(/patch_file[A-Za-z0-9_]*/g)].map(([name]) => name);
    expect(names.length).toBe(4);
    expect(new Set(names).size).toBe(1);
    expect(text).not.toContain("patch file!");
    expect(text).toContain('"args":{"input":"text"}');
  });

  const choices: readonly [string, Partial<Chat>, JsonObject | undefined][] = [
    ["nothing asked, nothing said", {}, undefined],
    ["auto", { toolChoice: { mode: "auto" } }, { mode: "AUTO" }],
    ["none", { toolChoice: { mode: "none" } }, { mode: "NONE" }],
    [
      "one tool",
      { toolChoice: { mode: "required", allowed: ["f"] } },
      { mode: "ANY", allowedFunctionNames: ["f"] },
    ],
    [
      "strict tools are validated",
      { tools: [{ type: "function", name: "f", schema, strict: true }] },
      { mode: "VALIDATED" },
    ],
  ];
  for (const [name, chat, expected] of choices) {
    test(name, () => {
      const config = asObject(encode({ tools, ...chat }).body["toolConfig"]);
      expect(config?.["functionCallingConfig"]).toEqual(expected);
    });
  }

  test("a subset with auto sends only the subset", () => {
    const { body } = encode({ tools, toolChoice: { mode: "auto", allowed: ["none"] } });
    expect(body["tools"]).toEqual([{ functionDeclarations: [{ name: "none" }] }]);
  });

  test("web search is translated with its options listed, other hosted tools are left out and listed", () => {
    const search = {
      type: "hosted",
      protocol: "openai-responses",
      kind: "web_search",
      value: { type: "web_search", filters: {} },
    } as const;
    const { body, dropped } = encode({ tools: [search] });
    expect(body["tools"]).toEqual([{ googleSearch: {} }]);
    expect(dropped).toEqual(["tools[0].filters"]);
    const shell = { ...search, kind: "shell", value: { type: "shell" } };
    expect(encode({ tools: [shell] }).dropped).toEqual(["tools[0]"]);
    expect(() => encode({ tools: [shell], toolChoice: { mode: "required" } })).toThrow(
      expect.objectContaining({ kind: "unsupported" }),
    );
  });
});

describe("small fields", () => {
  test("each is written, fitted or listed", () => {
    const { body, dropped } = encode({
      temperature: 1.5,
      topP: 0.5,
      topK: 3,
      outputTokensMax: 9,
      stop: ["1", "2", "3", "4", "5", "6"],
      seed: 2 ** 40,
      frequencyPenalty: 1,
      logitBias: { a: 1 },
      logprobs: { top: 2 },
      choices: 2,
      metadata: { a: "b" },
      userId: "u",
      verbosity: "low",
      parallelToolCalls: false,
      serviceTier: "flex",
      store: true,
      output: { type: "json_schema", schema: { type: "object", $schema: "x", properties: {} } },
    });
    expect(body["generationConfig"]).toEqual({
      temperature: 1.5,
      topP: 0.5,
      topK: 3,
      maxOutputTokens: 9,
      stopSequences: ["1", "2", "3", "4", "5"],
      responseLogprobs: true,
      logprobs: 2,
      candidateCount: 2,
      responseMimeType: "application/json",
      responseJsonSchema: { type: "object", properties: {} },
    });
    expect(body["serviceTier"]).toBe("flex");
    expect(dropped.toSorted()).toEqual(
      [
        "frequency_penalty",
        "logit_bias",
        "metadata",
        "parallel_tool_calls",
        "seed",
        "stop[5..]",
        "store",
        "user",
        "verbosity",
      ].toSorted(),
    );
  });

  test("several answers in a stream are refused", () => {
    expect(() => encode({ choices: 2, stream: true })).toThrow(
      expect.objectContaining({ kind: "unsupported" }),
    );
  });

  test("Vertex takes labels that fit, and the tier as a header", () => {
    const to = dialect("gemini-2.5-flash", "vertex");
    const chat = { ...base, metadata: { team: "a", "Bad Key": "b" }, serviceTier: "priority" };
    const encoded = encodeRequest(chat, to);
    expect(encoded.body["labels"]).toEqual({ team: "a" });
    expect(encoded.body["serviceTier"]).toBeUndefined();
    expect(encoded.headers).toEqual({ "x-vertex-ai-llm-shared-request-type": "priority" });
    expect(encoded.dropped).toEqual(["metadata"]);
  });

  test("JSON with tools before Gemini 3 is asked for in words, and listed", () => {
    const chat: Partial<Chat> = { output: { type: "json" }, tools: [{ type: "function", name: "f" }] };
    const { body, dropped } = encode(chat, dialect("gemini-2.5-flash"));
    expect(body["generationConfig"]).toBeUndefined();
    expect(JSON.stringify(body["systemInstruction"])).toContain("JSON");
    expect(dropped).toEqual(["response_format"]);
  });

  test("what refers to another provider's store is refused", () => {
    for (const extensions of [{ previous_response_id: "r" }, { background: true }, { mcp_servers: [{}] }]) {
      expect(() => encode({ extensions })).toThrow(expect.objectContaining({ kind: "unsupported" }));
    }
    expect(
      encode({ extensions: { background: false, mcp_servers: [], prompt: null } }).body["background"],
    ).toBeUndefined();
  });

  test("extensions of another API stay away and are listed", () => {
    expect(encode({ extensions: { foreign: 1 } }).dropped).toEqual(["foreign"]);
    expect(encode({ extensions: { foreign: 1 } }).body["foreign"]).toBeUndefined();
    expect(encode({ protocol: "gemini", extensions: { foreign: 1 } }).body["foreign"]).toBe(1);
  });
});
