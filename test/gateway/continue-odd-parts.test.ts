/**
 * Parts of one answer from servers that write them oddly: whatever their events look like, a client that speaks their
 * own API reads one stream, and a part that told no count is not booked as if it had cost nothing.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { asObject, parseJson, type JsonObject } from "#lib/json.ts";
import { readWithSdk } from "../matrix/sdk-reading.ts";
import { callApi } from "./call-api.ts";
import { startGateway, type TestGateway } from "./start-gateway.ts";
import { until } from "./until.ts";

let gateway: TestGateway;
let bodies: readonly string[] = [];
let asked = 0;
let contentTypes: readonly string[] = [];

beforeAll(async () => {
  gateway = await startGateway({
    config: `connectors: { up: { type: gemini, base_url: "http://127.0.0.1:9", api_key: k } }
models:
  m: { targets: [{ connector: up, model: gemini-pro }], retry: { attempts_max: 1 }, breaker: { requests_min: 1000 } }
`,
    upstream: () => {
      const [body = "", type = "text/event-stream"] = [bodies[asked], contentTypes[asked]];
      asked += 1;
      return Promise.resolve(new Response(body, { headers: { "content-type": type } }));
    },
  });
});

afterAll(() => gateway.stop());
beforeEach(() => {
  asked = 0;
  contentTypes = [];
});

const chunk = (text: string, end: JsonObject, usage?: JsonObject): JsonObject => ({
  candidates: [{ content: { role: "model", parts: [{ text }] }, ...end }],
  ...(usage && { usageMetadata: usage }),
  responseId: text,
});
const goesOn = { finishReason: "CONTINUATION", continuationToken: "dG9rZW4=" };
const over = { finishReason: "STOP" };
const counts = (prompt: number, answer: number) => ({
  promptTokenCount: prompt,
  candidatesTokenCount: answer,
  totalTokenCount: prompt + answer,
});
const first = chunk("one ", goesOn, counts(3, 2));
const last = chunk("two", over, counts(5, 2));
const data = (value: JsonObject) => `data: ${JSON.stringify(value)}`;

async function ask(api: "gemini" | "openai-chat", stream: boolean) {
  const key = await gateway.createKey();
  const fields = api === "openai-chat" && stream ? { stream_options: { include_usage: true } } : {};
  const response = await callApi(gateway, { api, model: "m", stream, key: key.secret, fields });
  return { response, text: await response.text(), keyId: key.id };
}

const lines = (value: JsonObject) =>
  `${JSON.stringify(value, null, 1)
    .split("\n")
    .map((line) => `data: ${line}`)
    .join("\n")}\n\n`;

const list = (value: JsonObject) => `data: [${JSON.stringify(value)}]\n\n`;

describe("one stream for a client of the same API", () => {
  const sse = "text/event-stream";
  test.each([
    ["whose parts end without a blank line", data(first), data(last), sse],
    ["whose data takes many lines", lines(first), lines(last), sse],
    ["whose chunks come in lists", list(first), list(last), sse],
    [
      "whose second part comes whole",
      `${data(first)}\n\n`,
      JSON.stringify(last, null, 1),
      "application/json",
    ],
  ])("%s", async (_, one, two, type) => {
    bodies = [one, two];
    contentTypes = [sse, type];
    const { text } = await ask("gemini", true);
    expect(text).not.toMatch(/CONTINUATION|continuationToken/);
    const { choices, usage } = await readWithSdk("gemini", { stream: text });
    expect(choices).toHaveLength(1);
    expect(choices[0]).toMatchObject({ text: "one two", finish: "STOP" });
    expect(usage).toMatchObject({ input: 8, output: 4 });
  });
});

describe.each(["gemini", "openai-chat"] as const)("%s", (api) => {
  test.each([true, false])(
    "a last part without counts is booked at a guess (streamed: %p)",
    async (stream) => {
      const uncounted = chunk("x".repeat(400), over);
      bodies = stream
        ? [`${data(first)}\n\n`, `${data(uncounted)}\n\n`]
        : [JSON.stringify(first), JSON.stringify(uncounted)];
      contentTypes = Array<string>(2).fill(stream ? "text/event-stream" : "application/json");
      const { response, text, keyId } = await ask(api, stream);
      expect(response.status).toBe(200);
      if (!stream) expect(asObject(parseJson(text))).toBeDefined();
      for (const row of await rowsOf(keyId)) {
        expect(Number(row["output_tokens"])).toBe(102);
        expect(Number(row["input_tokens"])).toBeGreaterThan(3);
        expect(Boolean(row["is_estimated"])).toBe(true);
      }
    },
  );
});

async function rowsOf(keyId: string) {
  return until("both rows", async () => {
    const rows = await gateway.database.sql`SELECT * FROM usage_logs WHERE key_id = ${keyId}`;
    return rows.length === 2 ? [...rows] : undefined;
  });
}
