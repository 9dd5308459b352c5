/**
 * The connector table, every cell through a listening gateway: text, image, video, streaming and tools at OpenRouter,
 * Vertex AI (Gemini and Claude, by API key and by service account), Clewdr and the rest, asked in both of the first
 * client APIs. What a provider cannot take is refused in words, before anything is sent.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { GREEN_PNG, PARAMETERS, errorOf } from "../demo/samples.ts";
import { startDemoUpstream, type RunningDemo } from "../demo/start-demo.ts";
import { startGateway, type TestGateway } from "./start-gateway.ts";

interface Row {
  readonly name: string;
  /** Part of the upstream path that shows its own API was spoken. */
  readonly path: string;
  readonly takesVideo: boolean;
}

const rows: readonly Row[] = [
  { name: "openrouter", path: "/api/v1/", takesVideo: true },
  { name: "vertex-gemini", path: "/publishers/google/models/", takesVideo: true },
  { name: "vertex-account", path: "/publishers/google/models/", takesVideo: true },
  { name: "vertex-claude", path: "/publishers/anthropic/models/", takesVideo: false },
  { name: "clewdr", path: "/code/v1/messages", takesVideo: false },
  { name: "anthropic", path: "/v1/messages", takesVideo: false },
  { name: "gemini", path: "/v1beta/models/", takesVideo: true },
  { name: "compatible", path: "/v1/chat/completions", takesVideo: true },
];

const CLIP = Buffer.from("not really a film, but bytes are bytes").toString("base64");

let demo: RunningDemo;
let gateway: TestGateway;
let openai: OpenAI;
let anthropic: Anthropic;
const folder = mkdtempSync(join(tmpdir(), "xjp-account-"));

beforeAll(async () => {
  demo = await startDemoUpstream();
  const connectors = `
  openrouter: { type: openrouter, base_url: "${demo.url}/api/v1", api_key: sk-or-x }
  vertex-gemini: { type: vertex, base_url: "${demo.url}", api_key: g-key, project: p1, region: us-central1 }
  vertex-account: { type: vertex, base_url: "${demo.url}", project: p1, region: us-central1 }
  vertex-claude: { type: vertex, base_url: "${demo.url}", project: p1, region: us-central1 }
  clewdr: { type: clewdr, base_url: "${demo.url}", api_key: password }
  anthropic: { type: anthropic, base_url: "${demo.url}", api_key: sk-ant-x }
  gemini: { type: gemini, base_url: "${demo.url}", api_key: g-key }
  compatible: { type: openai-compatible, base_url: "${demo.url}/v1", api_key: sk-x }
`;
  const models = rows.flatMap(({ name }) =>
    ["demo", "demo-vision", "demo-tools"].map((model) => {
      const publisher = name === "vertex-claude" ? ", publisher: anthropic" : "";
      return `  ${name}/${model}: { targets: [{ connector: ${name}, model: ${model}${publisher} }] }`;
    }),
  );
  gateway = await startGateway({
    config: `connectors:${connectors}models:\n${models.join("\n")}\n`,
    variables: { GOOGLE_APPLICATION_CREDENTIALS: accountFile() },
  });
  openai = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: gateway.key, maxRetries: 0 });
  anthropic = new Anthropic({ baseURL: gateway.url, apiKey: gateway.key, maxRetries: 0 });
});

afterAll(async () => {
  await gateway.stop();
  await demo.stop();
  rmSync(folder, { recursive: true });
});

beforeEach(() => demo.reset());

function accountFile(): string {
  const { privateKey } = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
    publicKeyEncoding: { type: "spki", format: "pem" },
  });
  const path = join(folder, "account.json");
  const account = {
    type: "service_account",
    project_id: "p1",
    private_key_id: "k1",
    private_key: privateKey,
    client_email: "gateway@p1.iam.gserviceaccount.com",
    token_uri: `${demo.url}/token`,
  };
  writeFileSync(path, JSON.stringify(account));
  return path;
}

for (const { name, path, takesVideo } of rows) {
  describe(name, () => {
    test("text, whole, in both client APIs", async () => {
      const chat = await openai.chat.completions.create({
        model: `${name}/demo`,
        messages: [{ role: "user", content: "Hello there" }],
      });
      expect(chat.choices[0]?.message.content).toContain("Hello there");
      expect(chat.usage?.completion_tokens).toBeGreaterThan(0);
      const message = await anthropic.messages.create({
        model: `${name}/demo`,
        max_tokens: 200,
        messages: [{ role: "user", content: "Hello there" }],
      });
      expect(message.content).toEqual([
        expect.objectContaining({ type: "text", text: expect.stringContaining("Hello there") }),
      ]);
      expect(message.usage.output_tokens).toBeGreaterThan(0);
      const paths = (await demo.requests())
        .map((request) => request.path)
        .filter((seen) => seen !== "/token");
      expect(paths.every((seen) => seen.startsWith(path) || seen.includes(path))).toBe(true);
    });

    test("text, streamed, in both client APIs", async () => {
      const stream = openai.chat.completions.stream({
        model: `${name}/demo`,
        messages: [{ role: "user", content: "Hello there" }],
        stream_options: { include_usage: true },
      });
      const final = await stream.finalChatCompletion();
      expect(final.choices[0]?.message.content).toContain("Hello there");
      expect(final.usage?.completion_tokens).toBeGreaterThan(0);
      const message = await anthropic.messages
        .stream({
          model: `${name}/demo`,
          max_tokens: 200,
          messages: [{ role: "user", content: "Hello there" }],
        })
        .finalMessage();
      expect(message.stop_reason).toBe("end_turn");
      expect(message.usage.output_tokens).toBeGreaterThan(0);
    });

    test("an image", async () => {
      const chat = await openai.chat.completions.create({
        model: `${name}/demo-vision`,
        messages: [
          {
            role: "user",
            content: [
              { type: "text", text: "What is it?" },
              { type: "image_url", image_url: { url: `data:image/png;base64,${GREEN_PNG}` } },
            ],
          },
        ],
      });
      expect(chat.choices[0]?.message.content).toContain("3 x 2 pixels");
    });

    test(takesVideo ? "a video" : "a video is refused before anything is sent", async () => {
      const body = {
        model: `${name}/demo-vision`,
        messages: [
          {
            role: "user",
            content: [
              { type: "text", text: "What happens?" },
              { type: "video_url", video_url: { url: `data:video/mp4;base64,${CLIP}` } },
            ],
          },
        ],
      };
      const call = openai.post<OpenAI.ChatCompletion>("/chat/completions", { body });
      if (takesVideo) {
        const seen = await call;
        expect(seen.choices[0]?.message.content).toContain("video of type video/mp4, 38 bytes");
        return;
      }
      const error = await errorOf(call);
      expect(error).toBeInstanceOf(OpenAI.BadRequestError);
      expect(error.message).toMatch(/video/i);
      expect(await demo.requests()).toEqual([]);
    });

    test("tools, called and answered, in both client APIs", async () => {
      const tool = { type: "function", function: { name: "weather", parameters: PARAMETERS } } as const;
      const question = { role: "user", content: "Weather?" } as const;
      const asked = await openai.chat.completions.create({
        model: `${name}/demo-tools`,
        messages: [question],
        tools: [tool],
      });
      const reply = asked.choices[0]?.message;
      expect(asked.choices[0]?.finish_reason).toBe("tool_calls");
      const calls = reply?.tool_calls ?? [];
      expect(calls.length).toBeGreaterThan(0);
      const results = calls.map(
        (call) => ({ role: "tool", tool_call_id: call.id, content: "4 degrees" }) as const,
      );
      const answered = await openai.chat.completions.create({
        model: `${name}/demo-tools`,
        messages: [question, ...(reply ? [reply] : []), ...results],
        tools: [tool],
      });
      expect(answered.choices[0]?.message.content).toContain("4 degrees");

      const message = await anthropic.messages.create({
        model: `${name}/demo-tools`,
        max_tokens: 500,
        messages: [question],
        tools: [{ name: "weather", input_schema: { ...PARAMETERS, type: "object" } }],
      });
      expect(message.stop_reason).toBe("tool_use");
      expect(message.content.some((block) => block.type === "tool_use")).toBe(true);
    });
  });
}

test("Vertex takes a service account's token and never sends a key beside it", async () => {
  const ask = () =>
    openai.chat.completions.create({
      model: "vertex-account/demo",
      messages: [{ role: "user", content: "Hi there" }],
    });
  await ask();
  const request = (await demo.requests()).find(({ path }) => path !== "/token");
  expect(request?.headers["authorization"]).toStartWith("Bearer ");
  expect(request?.headers["x-goog-api-key"]).toBeUndefined();
});
