/** Random JSON in every place of a request: read, or refused by the name of the field, never a crash. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { isObject, type Json, type JsonObject } from "#lib/json.ts";
import type { Chat } from "#model/chat.ts";
import { Failure } from "#model/failure.ts";
import type { RequestLine } from "#protocols/protocol.ts";
import { decodeRequest } from "./decode-request.ts";

const line: RequestLine = { headers: new Headers(), unseal: () => undefined };

function decode(body: JsonObject): Chat {
  return decodeRequest({ model: "m", input: "hi", ...body }, line);
}

function failureOf(body: JsonObject): Failure | undefined {
  try {
    decode(body);
    return undefined;
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
}

/** Every kind of value this API has, so that a random one may stand in the place of each. */
const everything: JsonObject = {
  model: "m",
  instructions: "i",
  max_output_tokens: 20,
  temperature: 1,
  top_p: 0.5,
  top_logprobs: 1,
  stream: true,
  parallel_tool_calls: true,
  store: false,
  service_tier: "auto",
  user: "u",
  safety_identifier: "s",
  prompt_cache_key: "k",
  truncation: "auto",
  background: false,
  max_tool_calls: 3,
  prompt_cache_retention: "24h",
  conversation: { id: "c" },
  previous_response_id: "p",
  prompt: { id: "x" },
  moderation: { model: "m" },
  metadata: { a: "b" },
  include: ["message.output_text.logprobs"],
  stream_options: { include_obfuscation: false },
  context_management: [{ type: "compaction" }],
  prompt_cache_options: { mode: "explicit" },
  text: {
    format: { type: "json_schema", name: "n", schema: {}, strict: true, description: "d" },
    verbosity: "low",
  },
  reasoning: { effort: "low", summary: "auto", context: "auto" },
  tool_choice: { type: "allowed_tools", mode: "auto", tools: [{ type: "function", name: "f" }] },
  tools: [
    { type: "function", name: "f", description: "d", parameters: {}, strict: false },
    { type: "custom", name: "c", format: { type: "grammar", syntax: "regex", definition: "a" } },
    { type: "namespace", name: "n", tools: [{ type: "function", name: "g" }] },
    { type: "web_search" },
  ],
  input: [
    { role: "system", content: [{ type: "input_text", text: "t" }] },
    {
      type: "message",
      role: "user",
      content: [
        { type: "input_text", text: "t", prompt_cache_breakpoint: { mode: "explicit", ttl: "30m" } },
        { type: "input_image", image_url: "https://x.test/a.png", detail: "auto", file_id: "f" },
        { type: "input_file", file_data: "AAAA", file_url: "https://x.test", file_id: "f", filename: "n" },
        { type: "input_audio", input_audio: { data: "AA", format: "mp3" } },
      ],
    },
    {
      type: "reasoning",
      id: "r",
      summary: [{ type: "summary_text", text: "t" }],
      content: [{ type: "reasoning_text", text: "t" }],
      encrypted_content: "e",
    },
    {
      role: "assistant",
      id: "m",
      phase: "commentary",
      content: [
        { type: "output_text", text: "t", annotations: [{}] },
        { type: "refusal", refusal: "r" },
      ],
    },
    { type: "function_call", id: "i", call_id: "c", name: "f", namespace: "n", arguments: "{}" },
    { type: "custom_tool_call", call_id: "d", name: "c", input: "x" },
    { type: "function_call_output", call_id: "c", output: [{ type: "input_text", text: "t" }] },
    { type: "item_reference", id: "x" },
  ],
};

type Path = readonly (string | number)[];

function pathsOf(value: Json | undefined, path: Path = []): readonly Path[] {
  const children = Array.isArray(value)
    ? value.flatMap((child, index) => pathsOf(child, [...path, index]))
    : isObject(value)
      ? Object.entries(value).flatMap(([name, child]) => pathsOf(child, [...path, name]))
      : [];
  return path.length === 0 ? children : [path, ...children];
}

function replaced(value: Json | undefined, path: Path, replacement: Json): Json {
  const [step, ...rest] = path;
  if (step === undefined) return replacement;
  if (Array.isArray(value)) {
    return value.map((child, index) => (index === step ? replaced(child, rest, replacement) : child));
  }
  const object = isObject(value) ? value : {};
  return { ...object, [step]: replaced(object[step], rest, replacement) };
}

describe("any JSON in any field", () => {
  const paths = pathsOf(everything);

  test("the request that has everything decodes", () => {
    expect(decode(everything).turns.length).toBe(3);
    expect(paths.length).toBeGreaterThan(120);
  });

  test("is read or refused by a name that begins with the field, never a crash", () => {
    const path = fc.constantFrom(...paths);
    const value = fc.oneof(
      fc.constantFrom<Json>(null, 0, -1, 1.5, "", "x", true, [], {}, [null], [{}], [[]]),
      jsonValue(),
    );
    fc.assert(
      fc.property(path, value, (at, json) => {
        const body = replaced(everything, at, json);
        if (!isObject(body)) throw new Error("the body stays an object");
        const failure = failureOf(body);
        if (!failure) return;
        expect(failure.kind).toBe("bad_request");
        expect(failure.detail.param).toStartWith(String(at[0]));
      }),
      { numRuns: 3000 },
    );
  });

  test("a wrong type is refused in every scalar field", () => {
    const strings = [
      "instructions",
      "service_tier",
      "user",
      "safety_identifier",
      "prompt_cache_key",
      "previous_response_id",
    ];
    for (const name of strings) expect(failureOf({ [name]: 5 })?.detail.param).toBe(name);
    for (const name of ["stream", "store", "background", "parallel_tool_calls"]) {
      expect(failureOf({ [name]: "true" })?.detail.param).toBe(name);
    }
    for (const name of ["temperature", "top_p", "max_output_tokens", "top_logprobs", "max_tool_calls"]) {
      expect(failureOf({ [name]: "1" })?.detail.param).toBe(name);
    }
    for (const name of ["text", "reasoning", "metadata", "prompt", "moderation"]) {
      expect(failureOf({ [name]: [] })?.detail.param).toBe(name);
    }
  });
});

function jsonValue(): fc.Arbitrary<Json> {
  return fc.json({ maxDepth: 3 }).map((text) => JSON.parse(text));
}
