/** Request fields: what they mean, and what is refused by name. */
import { describe, expect, test } from "bun:test";
import type { JsonObject } from "#lib/json.ts";
import type { Chat } from "#model/chat.ts";
import { Failure } from "#model/failure.ts";
import type { RequestLine } from "#protocols/protocol.ts";
import { decodeRequest } from "./decode-request.ts";

const line: RequestLine = { headers: new Headers(), unseal: () => undefined };

function decode(body: JsonObject): Chat {
  return decodeRequest({ model: "m", input: "hi", ...body }, line);
}

describe("fields", () => {
  const rows: readonly (readonly [name: string, body: JsonObject, expected: unknown])[] = [
    [
      "a function without strict is strict",
      { tools: [{ type: "function", name: "f" }] },
      { tools: [{ name: "f", strict: true }] },
    ],
    [
      "a namespaced tool is flattened",
      {
        tools: [
          { type: "namespace", name: "crm", description: "d", tools: [{ type: "function", name: "find" }] },
        ],
      },
      { tools: [{ type: "function", name: "crm__find", namespace: "crm" }] },
    ],
    [
      "a tool choice finds the namespaced tool by its own name",
      {
        tools: [{ type: "namespace", name: "crm", tools: [{ type: "function", name: "find" }] }],
        tool_choice: { type: "function", name: "find" },
      },
      { toolChoice: { mode: "required", allowed: ["crm__find"] } },
    ],
    [
      "a custom tool keeps its grammar",
      {
        tools: [
          { type: "custom", name: "c", format: { type: "grammar", syntax: "lark", definition: "start: A" } },
        ],
      },
      { tools: [{ type: "custom", name: "c", format: { syntax: "lark", definition: "start: A" } }] },
    ],
    [
      "a hosted tool stays verbatim",
      { tools: [{ type: "web_search", filters: {} }] },
      {
        tools: [
          {
            type: "hosted",
            protocol: "openai-responses",
            kind: "web_search",
            value: { type: "web_search", filters: {} },
          },
        ],
      },
    ],
    [
      "allowed tools",
      { tool_choice: { type: "allowed_tools", mode: "auto", tools: [{ type: "function", name: "f" }] } },
      { toolChoice: { mode: "auto", allowed: ["f"] } },
    ],
    [
      "a hosted tool choice has no canonical name",
      { tool_choice: { type: "web_search" } },
      { extensions: { tool_choice: { type: "web_search" } } },
    ],
    [
      "reasoning",
      { reasoning: { effort: "low", summary: "auto" } },
      { reasoning: { effort: "low", visibility: "summary" } },
    ],
    [
      "no reasoning",
      { reasoning: { effort: "none" } },
      { reasoning: { mode: "off", effort: "none", visibility: "none" } },
    ],
    [
      "what reasoning has no name for",
      { reasoning: { context: "all_turns" } },
      { extensions: { "reasoning.context": "all_turns" } },
    ],
    [
      "a flat JSON schema",
      {
        text: {
          format: { type: "json_schema", name: "n", schema: { type: "object" }, strict: true },
          verbosity: "low",
        },
      },
      {
        output: { type: "json_schema", name: "n", schema: { type: "object" }, strict: true },
        verbosity: "low",
      },
    ],
    [
      "log probabilities",
      { include: ["message.output_text.logprobs"], top_logprobs: 3 },
      { logprobs: { top: 3 } },
    ],
    [
      "stored state is carried for the gateway to judge",
      { previous_response_id: "resp_1" },
      { extensions: { previous_response_id: "resp_1" } },
    ],
    [
      "null is absent",
      { temperature: null, tools: null, metadata: null, text: null, reasoning: null },
      { tools: [], extensions: {} },
    ],
    [
      "store and ownership",
      {
        store: true,
        metadata: { a: "b" },
        safety_identifier: "u",
        prompt_cache_key: "k",
        service_tier: "flex",
      },
      { store: true, metadata: { a: "b" }, userId: "u", cache: { key: "k" }, serviceTier: "flex" },
    ],
  ];
  for (const [name, body, expected] of rows) {
    test(name, () => {
      expect(decode(body)).toMatchObject(expected as never);
    });
  }
});

describe("refusals name the field", () => {
  const rows: readonly (readonly [body: JsonObject, param: string])[] = [
    [{ model: null }, "model"],
    [{ input: null }, "input"],
    [{ input: 5 }, "input"],
    [{ input: [null] }, "input[0]"],
    [{ input: [{ content: "x" }] }, "input[0].type"],
    [{ input: [{ role: "robot", content: "x" }] }, "input[0].role"],
    [{ input: [{ role: "user", content: [{ type: "input_text" }] }] }, "input[0].content[0].text"],
    [{ input: [{ role: "user", content: [{ type: "input_image" }] }] }, "input[0].content[0].image_url"],
    [
      { input: [{ role: "user", content: [{ type: "input_image", image_url: "no url" }] }] },
      "input[0].content[0].image_url",
    ],
    [{ input: [{ type: "function_call", name: "f", arguments: "{}" }] }, "input[0].call_id"],
    [{ input: [{ type: "function_call_output", call_id: "a", output: 4 }] }, "input[0].output"],
    [{ input: [{ type: "reasoning", summary: "x" }] }, "input[0].summary"],
    [{ temperature: -1 }, "temperature"],
    [{ top_logprobs: 21 }, "top_logprobs"],
    [{ max_output_tokens: 0.5 }, "max_output_tokens"],
    [{ reasoning: { effort: "huge" } }, "reasoning.effort"],
    [{ text: { format: { type: "json_schema", name: "n" } } }, "text.format.schema"],
    [{ tools: [{ type: "function" }] }, "tools[0].name"],
    [
      {
        tools: [
          { type: "function", name: "f" },
          { type: "function", name: "f" },
        ],
      },
      "tools",
    ],
    [{ tool_choice: "maybe" }, "tool_choice"],
    [{ metadata: { a: 1 } }, "metadata.a"],
    [{ include: [1] }, "include[0]"],
    [{ background: "yes" }, "background"],
  ];
  for (const [body, param] of rows) {
    test(`${param} in ${JSON.stringify(body)}`, () => {
      expect(() => decode(body)).toThrow(expect.objectContaining({ kind: "bad_request" }));
      expect(failureOf(body)?.detail.param).toBe(param);
    });
  }
});

function failureOf(body: JsonObject): Failure | undefined {
  try {
    decode(body);
    return undefined;
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
}
