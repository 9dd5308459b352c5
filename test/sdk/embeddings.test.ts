/** Embeddings by the official SDKs against a listening gateway, in front of every kind of upstream that has them. */
import { GoogleGenAI } from "@google/genai";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import OpenAI from "openai";
import { asArray, asObject, parseJson, type JsonObject } from "#lib/json.ts";
import { startDemoUpstream, type RunningDemo } from "../demo/start-demo.ts";
import { startGateway, type TestGateway } from "../gateway/start-gateway.ts";

let demo: RunningDemo;
let gateway: TestGateway;

beforeAll(async () => {
  demo = await startDemoUpstream();
  gateway = await startGateway({ config: configOf(demo.url) });
});

afterAll(async () => {
  await gateway.stop();
  await demo.stop();
});

const upstreams = ["openai", "aistudio", "vertex-predict", "vertex-content"] as const;
const targets = {
  openai: "connector: openai, model: demo-embed",
  aistudio: "connector: aistudio, model: demo-embed",
  "vertex-predict": "connector: vertex, model: demo-embed",
  // Google's own SDK tells by the name which models take one content at a time.
  "vertex-content": "connector: vertex, model: gemini-embedding-2",
} as const;

function configOf(url: string): string {
  return `connectors:
  openai: { type: demo, base_url: "${url}", protocol: openai-chat }
  responses: { type: demo, base_url: "${url}", protocol: openai-responses }
  aistudio: { type: demo, base_url: "${url}", protocol: gemini }
  claude: { type: demo, base_url: "${url}", protocol: anthropic-messages }
  vertex: { type: vertex, base_url: "${url}", api_key: demo-key }
models:
${upstreams.map((name) => `  ${name}: { targets: [{ ${targets[name]} }] }`).join("\n")}
  claude: { targets: [{ connector: claude, model: demo-embed }] }
  responses: { targets: [{ connector: responses, model: demo-embed }] }
  fallback: { targets: [{ connector: claude, model: demo-embed }, { connector: aistudio, model: demo-embed }] }
  flaky: { targets: [{ connector: openai, model: demo-fault-503-x1 }], retry: { attempts_max: 2, backoff_ms: 1 } }
  rescued: { targets: [{ connector: openai, model: demo-fault-503 }, { connector: aistudio, model: demo-embed }] }
prices:
  openai/demo-embed: { input_usd_per_mtok: 1000, output_usd_per_mtok: 1000 }
`;
}

const openai = (key = gateway.key) =>
  new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: key, maxRetries: 0 });
const studio = () => new GoogleGenAI({ apiKey: gateway.key, httpOptions: { baseUrl: gateway.url } });
const vertex = () =>
  new GoogleGenAI({ vertexai: true, apiKey: gateway.key, httpOptions: { baseUrl: gateway.url } });

const TEXTS = ["first text", "second text", "third text"];

/** The SDK's promise sends when it is first looked at, which `rejects` does not do. */
async function raised(call: PromiseLike<unknown>): Promise<unknown> {
  try {
    await call;
  } catch (error) {
    return error;
  }
  throw new Error("the call succeeded");
}

const jsonOf = async (response: Response): Promise<JsonObject> =>
  asObject(parseJson(await response.text())) ?? {};

async function vectorsOf(model: string, texts: readonly string[]): Promise<readonly (readonly number[])[]> {
  const { data } = await openai().embeddings.create({ model, input: [...texts], encoding_format: "float" });
  return data.map((entry) => entry.embedding);
}

function expectSame(
  found: readonly (readonly number[] | undefined)[],
  wanted: readonly (readonly number[])[],
) {
  expect(found.map((vector) => Array.from(vector ?? [], Math.fround))).toEqual(
    wanted.map((vector) => vector.map(Math.fround)),
  );
}

describe.each(upstreams)("in front of %s", (model) => {
  test("OpenAI's SDK gets its vectors in the order of its texts, in the base64 it asks for by itself", async () => {
    const { data, usage, object } = await openai().embeddings.create({ model, input: TEXTS });
    expect(object).toBe("list");
    expect(data.map((entry) => entry.index)).toEqual([0, 1, 2]);
    expectSame(
      data.map((entry) => entry.embedding),
      await vectorsOf("openai", TEXTS),
    );
    expect(usage.prompt_tokens).toBeGreaterThan(0);
    expect(usage.total_tokens).toBe(usage.prompt_tokens);
  });

  test("and as numbers where it asks for these, as long as it wants them", async () => {
    const { data } = await openai().embeddings.create({
      model,
      input: "one",
      dimensions: 8,
      encoding_format: "float",
    });
    expect(data.map((entry) => entry.embedding.length)).toEqual([8]);
  });

  test("Google's SDK gets its vectors as AI Studio", async () => {
    const { embeddings = [] } = await studio().models.embedContent({
      model,
      contents: TEXTS,
      config: { outputDimensionality: 16 },
    });
    const direct = await openai().embeddings.create({ model: "openai", input: TEXTS, dimensions: 16 });
    expectSame(
      embeddings.map((entry) => entry.values),
      direct.data.map((entry) => entry.embedding),
    );
  });

  test("and as Vertex AI", async () => {
    const { embeddings = [] } = await vertex().models.embedContent({ model, contents: TEXTS });
    expectSame(
      embeddings.map((entry) => entry.values),
      await vectorsOf("openai", TEXTS),
    );
  });

  test("a single content gets a single embedding", async () => {
    const response = await fetch(`${gateway.url}/v1beta/models/${model}:embedContent`, {
      method: "POST",
      headers: { "x-goog-api-key": gateway.key },
      body: JSON.stringify({ content: { parts: [{ text: "first text" }] } }),
    });
    const embedding = asObject((await jsonOf(response))["embedding"]);
    const values = asArray(embedding?.["values"]).map(Number);
    expectSame([values], await vectorsOf("openai", ["first text"]));
  });
});

test("an OpenAI upstream that only speaks Responses for chat has its embeddings all the same", async () => {
  expectSame(await vectorsOf("responses", TEXTS), await vectorsOf("openai", TEXTS));
});

test("lists of tokens reach an OpenAI upstream and are refused for others, by their place", async () => {
  const input = [
    [1, 2, 3],
    [4, 5],
  ];
  expect((await openai().embeddings.create({ model: "openai", input })).data).toHaveLength(2);
  for (const model of ["aistudio", "vertex-predict", "vertex-content"]) {
    const refused = openai().embeddings.create({ model, input });
    expect(await raised(refused)).toMatchObject({ status: 400, param: "input[0]" });
  }
});

test("more texts than the upstream takes at once come back whole and in order", async () => {
  const texts = Array.from({ length: 230 }, (_, index) => `text ${index}`);
  expectSame(await vectorsOf("aistudio", texts), await vectorsOf("openai", texts));
});

test("the caller's own words go up untouched to its own API, fields nobody knows included", async () => {
  await demo.reset();
  await fetch(`${gateway.url}/v1/embeddings`, {
    method: "POST",
    headers: { authorization: `Bearer ${gateway.key}` },
    body: '{"model":"openai","input":["a"],"input_type":"query","seed":12345678901234567890}',
  });
  await studio().models.embedContent({
    model: "aistudio",
    contents: ["a", "b"],
    config: { taskType: "RETRIEVAL_QUERY", title: "A title" },
  });
  const [first, second] = await demo.requests();
  expect(first?.body).toMatchObject({ model: "demo-embed", input: ["a"], input_type: "query" });
  expect(second?.path).toBe("/v1beta/models/demo-embed:batchEmbedContents");
  expect(second?.body).toMatchObject({
    requests: [
      { model: "models/demo-embed", taskType: "RETRIEVAL_QUERY", title: "A title" },
      { content: { parts: [{ text: "b" }] } },
    ],
  });
});

test("what the other API has no word for is listed, or refused where the caller is strict", async () => {
  const body = { content: { parts: [{ text: "a" }] }, taskType: "CLUSTERING" };
  const ask = (headers: Readonly<Record<string, string>>) =>
    fetch(`${gateway.url}/v1beta/models/openai:embedContent`, {
      method: "POST",
      headers: { "x-goog-api-key": gateway.key, ...headers },
      body: JSON.stringify(body),
    });
  expect((await ask({})).headers.get("x-xjp-dropped")).toBe("taskType");
  expect((await ask({ "x-xjp-strict": "true" })).status).toBe(400);
});

const badBodies: readonly (readonly [string, string, unknown, string])[] = [
  ["no input", "/v1/embeddings", { model: "openai" }, "input"],
  ["an empty text", "/v1/embeddings", { model: "openai", input: ["a", ""] }, "input[1]"],
  ["an empty list", "/v1/embeddings", { model: "openai", input: [] }, "input"],
  [
    "too many",
    "/v1/embeddings",
    { model: "openai", input: Array.from({ length: 2049 }, () => "a") },
    "input",
  ],
  ["a broken token", "/v1/embeddings", { model: "openai", input: [[1, -2]] }, "input[0][1]"],
  ["odd dimensions", "/v1/embeddings", { model: "openai", input: "a", dimensions: 1.5 }, "dimensions"],
  [
    "another encoding",
    "/v1/embeddings",
    { model: "openai", input: "a", encoding_format: "hex" },
    "encoding_format",
  ],
  ["no content", "/v1beta/models/openai:embedContent", {}, "content"],
  ["no parts", "/v1beta/models/openai:embedContent", { content: {} }, "content.parts"],
  [
    "too many requests",
    "/v1beta/models/openai:batchEmbedContents",
    { requests: Array.from({ length: 101 }, () => ({ content: { parts: [{ text: "a" }] } })) },
    "requests",
  ],
  ["a prompt", "/v1beta/models/openai:predict", { instances: [{ prompt: "a" }] }, "instances[0].content"],
];

test.each(badBodies)("%s is a 400 that names the field", async (_, path, body, field) => {
  const response = await fetch(`${gateway.url}${path}`, {
    method: "POST",
    headers: { authorization: `Bearer ${gateway.key}` },
    body: JSON.stringify(body),
  });
  expect(response.status).toBe(400);
  const error = asObject((await jsonOf(response))["error"]);
  expect(error?.["message"]).toContain(field);
  expect(error?.["code"]).toBe(path.startsWith("/v1beta") ? 400 : "invalid_value");
});

test("a provider without embeddings is passed over, and named where there is no other", async () => {
  expectSame(await vectorsOf("fallback", TEXTS), await vectorsOf("openai", TEXTS));
  const refused = openai().embeddings.create({ model: "claude", input: "a" });
  expect(await raised(refused)).toMatchObject({ status: 400, param: "model" });
});

test("a failure is tried again, here or elsewhere, unseen", async () => {
  await demo.reset();
  expect(await vectorsOf("flaky", ["a"])).toHaveLength(1);
  expectSame(await vectorsOf("rescued", TEXTS), await vectorsOf("openai", TEXTS));
});

test("a key's limits, models and budget hold here too, and nothing is asked of the upstream", async () => {
  await demo.reset();
  const rows = [
    [await gateway.createKey({ limits: { requestsPerMinute: 1 } }), 429],
    [await gateway.createKey({ modelsAllowed: ["aistudio"] }), 403],
    [await gateway.createKey({ limits: { budget: { limitNanoUsd: 1n, period: "total" } } }), 402],
  ] as const;
  for (const [{ secret }, status] of rows) {
    if (status === 429) await openai(secret).embeddings.create({ model: "openai", input: "a" });
    const refused = openai(secret).embeddings.create({ model: "openai", input: "a" });
    expect(await raised(refused)).toMatchObject({ status });
  }
  expect(await demo.requests()).toHaveLength(1);
});
