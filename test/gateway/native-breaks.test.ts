/**
 * The native lane, where a client gets the upstream's own bytes: whatever breaks behind the first content, the stream
 * ends with the API's own error, keeps its grammar to the last event, and the official SDK raises.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import Anthropic from "@anthropic-ai/sdk";
import { GoogleGenAI } from "@google/genai";
import OpenAI from "openai";
import { asObject, type JsonObject } from "#lib/json.ts";
import { checkOpenaiResponsesStream } from "../grammar/openai-responses.ts";
import { checkStream } from "../matrix/check-stream.ts";
import { allClientApis, callApi, type AnyClientApi } from "./call-api.ts";
import { startScriptedUpstream, type ScriptedUpstream } from "./scripted-upstream.ts";
import { startGateway, type TestGateway } from "./start-gateway.ts";
import { model, startMatrix, type Matrix } from "./start-matrix.ts";

/** Every fault of the simulated upstream that comes behind content, and the time running out. */
const breaks = [
  "demo-fault-cut",
  "demo-fault-cut-1",
  "demo-fault-eof",
  "demo-fault-stall",
  "demo-fault-malformed",
  "demo-fault-error-mid",
  "demo-fault-no-finish",
  "demo-lorem-2000-d20",
] as const;

let matrix: Matrix;

beforeAll(async () => {
  matrix = await startMatrix({
    models: ["demo", "demo-fault-bytes", ...breaks],
    settings: [
      "timeouts_ms: { idle: 300, total: 900 }",
      "retry: { attempts_max: 1 }",
      "breaker: { requests_min: 1000 }",
    ],
  });
});

afterAll(() => matrix.stop());

async function readStream(api: AnyClientApi, name: string): Promise<string> {
  const response = await callApi(matrix.gateway, { api, model: model(name, api), stream: true });
  expect(response.status).toBe(200);
  const text = await response.text();
  // Google ends its lines as HTTP does; the checker knows only what this gateway writes.
  return api === "gemini" ? text.replaceAll("\r\n", "\n") : text;
}

/** Reads a stream to its end with the API's official SDK; rejects where the SDK takes it for a failure. */
async function readWithSdk(api: AnyClientApi, name: string): Promise<unknown> {
  const { url, key } = matrix.gateway;
  const asked = { model: model(name, api), stream: true } as const;
  const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 });
  switch (api) {
    case "openai-chat":
      return drain(await openai.chat.completions.create({ ...asked, messages: question }));
    case "openai-responses":
      return openai.responses.stream({ ...asked, input: "Say something." }).finalResponse();
    case "anthropic-messages":
      return new Anthropic({ baseURL: url, apiKey: key, maxRetries: 0 }).messages
        .stream({ ...asked, max_tokens: 1000, messages: question })
        .finalMessage();
    case "gemini":
      return drain(
        await new GoogleGenAI({ apiKey: key, httpOptions: { baseUrl: url } }).models.generateContentStream({
          model: asked.model,
          contents: "Say something.",
        }),
      );
  }
}

const question = [{ role: "user" as const, content: "Say something." }];

async function drain(stream: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of stream) void _;
}

describe.each(allClientApis)("%s, forwarded", (api) => {
  test.each(["demo", "demo-fault-bytes"])("%s keeps the grammar to its proper end", async (name) => {
    expect(checkStream(api, await readStream(api, name))).toBe("end");
    await readWithSdk(api, name);
  });

  test.each(breaks)("%s ends with the API's own error, in its grammar", async (name) => {
    expect(checkStream(api, await readStream(api, name))).toBe("error");
  });

  test.each(breaks)("%s is a failure to the official SDK", async (name) => {
    const outcome = await readWithSdk(api, name).then(
      () => "complete",
      (error: unknown) => error,
    );
    expect(outcome).toBeInstanceOf(Error);
  });
});

describe("a forwarded Responses stream that breaks", () => {
  test.each(breaks)("%s fails the response that was created, and not another", async (name) => {
    const events = checkOpenaiResponsesStream(await readStream("openai-responses", name));
    const created = asObject(events[0]?.fields["response"]);
    const last = events.at(-1);
    const failed = asObject(last?.fields["response"]);
    expect(last?.type).toBe("response.failed");
    expect(failed).toMatchObject({ id: created?.["id"], model: created?.["model"], status: "failed" });
    expect(asObject(failed?.["error"])).toMatchObject({
      code: expect.any(String),
      message: expect.any(String),
      blame: "upstream",
    });
  });

  test.each(breaks)("%s makes the SDK raise over the plain events too", async (name) => {
    const { url, key } = matrix.gateway;
    const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 });
    const types: string[] = [];
    const read = async (): Promise<void> => {
      const asked = {
        model: model(name, "openai-responses"),
        input: "Say something.",
        stream: true,
      } as const;
      for await (const event of await client.responses.create(asked)) types.push(event.type);
    };
    const outcome = await read().catch((error: unknown) => error);
    expect(outcome).toBeInstanceOf(Error);
    expect(types).toContain("response.output_text.delta");
    expect(types).not.toContain("response.completed");
  });
});

describe("a forwarded Responses stream, event by event", () => {
  let upstream: ScriptedUpstream;
  let gateway: TestGateway;

  beforeAll(async () => {
    upstream = startScriptedUpstream();
    gateway = await startGateway({
      config: `connectors: { up: { type: openai, base_url: "${upstream.url}", api_key: k } }
models:
  m: { targets: [{ connector: up, model: m1 }], retry: { attempts_max: 1 }, breaker: { requests_min: 1000 } }
`,
    });
  });

  afterAll(async () => {
    await gateway.stop();
    await upstream.stop();
  });

  const response = { id: "resp_up", object: "response", model: "m1", status: "in_progress", output: [] };
  const lifecycle = (type: string, sequence: number) => sse(type, { sequence_number: sequence, response });
  const delta = (sequence: number) =>
    sse("response.output_text.delta", { sequence_number: sequence, output_index: 0, delta: "word " });

  async function forwarded(...chunks: readonly string[]): Promise<string> {
    upstream.answer = () => inChunks(chunks);
    const answer = await callApi(gateway, { api: "openai-responses", model: "m", stream: true });
    return answer.text();
  }

  test("what comes before the content in chunks of its own is not left out", async () => {
    const head = [
      lifecycle("response.created", 0),
      lifecycle("response.in_progress", 1),
      sse("response.unheard_of", { sequence_number: 2 }),
    ];
    const text = await forwarded(...head, delta(3));
    expect(text).toStartWith(head.join("") + delta(3));
  });

  test("the failure's number follows the last event, whatever came between in the same or another chunk", async () => {
    for (const ending of [
      ["data: {no json\n\n"],
      [": still here\n\n", "data: {no json\n\n"],
      [": still here\n\ndata: {no json\n\n"],
      [`${delta(7)}: still here\n\ndata: {no json\n\n`],
    ]) {
      const text = await forwarded(lifecycle("response.created", 4), delta(5), delta(6), ...ending);
      const sent = text.split("\n\n").filter((block) => block.includes("response.output_text.delta")).length;
      const last = text.trimEnd().split("\n\n").at(-1);
      expect(last).toStartWith("event: response.failed\n");
      expect(last).toContain(`"sequence_number":${5 + sent},`);
      expect(last).toContain('"id":"resp_up"');
    }
  });

  test("a server that began no response gets no failed one invented", async () => {
    const text = await forwarded(delta(0), "data: {no json\n\n");
    expect(text.trimEnd().split("\n\n").at(-1)).toStartWith("event: error\n");
  });
});

function sse(type: string, fields: JsonObject): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`;
}

/** Each text in a network chunk of its own. */
function inChunks(chunks: readonly string[]): Response {
  const encoder = new TextEncoder();
  const rest = [...chunks];
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const next = rest.shift();
      if (next === undefined) return controller.close();
      controller.enqueue(encoder.encode(next));
      await Bun.sleep(CHUNK_GAP_MS);
    },
  });
  return new Response(body, { headers: { "content-type": "text/event-stream" } });
}

/** For a chunk to leave before the next one joins it. */
const CHUNK_GAP_MS = 5;
