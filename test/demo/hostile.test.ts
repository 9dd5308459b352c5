/** Bodies with anything anywhere: the demo answers or refuses, it never breaks. fast-check prints the seed. */
import { expect, test } from "bun:test";
import fastCheck from "fast-check";
import { createDemoUpstream } from "#demo/demo-upstream.ts";
import { isObject, type Json, type JsonObject } from "#lib/json.ts";
import { PARAMETERS } from "./samples.ts";

const RUNS = 300;
const demo = createDemoUpstream();
const call = { id: "c1", type: "function", function: { name: "f", arguments: "{}" } };
const image = { type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } };

const BODIES: readonly [string, JsonObject][] = [
  [
    "/v1/chat/completions",
    {
      model: "demo-reasoning",
      stream: true,
      stop: ["x"],
      stream_options: { include_usage: true },
      messages: [
        { role: "system", content: "be kind" },
        { role: "user", content: [{ type: "text", text: "hi" }, image] },
        { role: "assistant", content: null, reasoning_content: "hm", tool_calls: [call] },
        { role: "tool", tool_call_id: "c1", content: "42" },
      ],
      tools: [{ type: "function", function: { name: "f", parameters: PARAMETERS } }],
      response_format: { type: "json_schema", json_schema: { name: "a", schema: PARAMETERS } },
    },
  ],
  [
    "/v1/responses",
    {
      model: "demo-tools",
      instructions: "be kind",
      reasoning: { summary: "auto" },
      text: { format: { type: "json_schema", name: "a", schema: PARAMETERS } },
      input: [
        { role: "user", content: [{ type: "input_text", text: "hi" }] },
        { type: "function_call", call_id: "c1", name: "f", arguments: "{}" },
        { type: "function_call_output", call_id: "c1", output: [{ type: "input_text", text: "42" }] },
      ],
      tools: [{ type: "function", name: "f", parameters: PARAMETERS, strict: false }],
    },
  ],
  [
    "/v1/messages",
    {
      model: "demo-agent",
      max_tokens: 2000,
      system: [{ type: "text", text: "be kind", cache_control: { type: "ephemeral" } }],
      thinking: { type: "enabled", budget_tokens: 1024 },
      messages: [
        { role: "user", content: 'write a.txt with content "x"' },
        { role: "assistant", content: [{ type: "tool_use", id: "c1", name: "f", input: {} }] },
        { role: "user", content: [{ type: "tool_result", tool_use_id: "c1", content: "42" }] },
      ],
      tools: [{ name: "f", input_schema: PARAMETERS }],
    },
  ],
  [
    "/v1beta/models/demo-vision:generateContent",
    {
      systemInstruction: { parts: [{ text: "be kind" }] },
      contents: [
        { role: "user", parts: [{ text: "hi" }, { inlineData: { mimeType: "image/png", data: "AAAA" } }] },
        { role: "model", parts: [{ functionCall: { name: "f", args: {} } }] },
        { role: "user", parts: [{ functionResponse: { name: "f", response: { output: "42" } } }] },
      ],
      tools: [{ functionDeclarations: [{ name: "f", parameters: { type: "OBJECT", properties: {} } }] }],
      generationConfig: {
        maxOutputTokens: 9,
        stopSequences: ["x"],
        thinkingConfig: { includeThoughts: true },
      },
    },
  ],
  ["/v1/embeddings", { model: "demo-embed", input: ["a", "b"], dimensions: 8 }],
];

test.each(BODIES)("%s survives anything in any field", async (path, body) => {
  const good = await post(path, body);
  expect(good).toBe(200);
  const places = listPlaces(body);
  await fastCheck.assert(
    fastCheck.asyncProperty(
      fastCheck.constantFrom(...places),
      fastCheck.jsonValue(),
      async (place, value) => {
        expect(await post(path, replaceAt(body, place, toJson(value)))).toBeLessThan(500);
      },
    ),
    { numRuns: RUNS },
  );
});

async function post(path: string, body: Json): Promise<number> {
  const response = await demo.fetch(
    new Request(`http://demo${path}`, { method: "POST", body: JSON.stringify(body) }),
  );
  await response.text();
  return response.status;
}

type Place = readonly (string | number)[];

/** Every field and element, however deep. */
function listPlaces(value: Json | undefined, here: Place = []): readonly Place[] {
  const inner = Array.isArray(value)
    ? value.flatMap((entry, index) => listPlaces(entry, [...here, index]))
    : isObject(value)
      ? Object.entries(value).flatMap(([name, entry]) => listPlaces(entry, [...here, name]))
      : [];
  return [here, ...inner].filter((place) => place.length > 0);
}

function replaceAt(value: Json | undefined, place: Place, replacement: Json): Json {
  const [step, ...rest] = place;
  if (step === undefined) return replacement;
  if (Array.isArray(value)) {
    return value.map((entry, index) => (index === step ? replaceAt(entry, rest, replacement) : entry));
  }
  if (!isObject(value)) return replacement;
  return { ...value, [step]: replaceAt(value[step], rest, replacement) };
}

function toJson(value: unknown): Json {
  return JSON.parse(JSON.stringify(value));
}
