/** What the official SDKs raise: their own error classes for every refusal, with truthful details. */
import Anthropic from "@anthropic-ai/sdk";
import { ApiError, GoogleGenAI } from "@google/genai";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import OpenAI from "openai";
import { errorOf } from "../demo/samples.ts";
import { model, startMatrix, upstreamApis, type Matrix } from "../gateway/start-matrix.ts";

let matrix: Matrix;

beforeAll(async () => {
  matrix = await startMatrix({
    // A target that says when to come back is left alone until then, so each SDK gets one of its own.
    models: [
      ...names.map(limitedFor),
      "demo",
      "demo-fault-500",
      "demo-fault-503",
      "demo-fault-401",
      "demo-fault-cut",
    ],
    settings: [
      "retry: { attempts_max: 1 }",
      "breaker: { requests_min: 1000 }",
      "timeouts_ms: { first_token: 1000 }",
    ],
    config: "prices:\n  openai-chat/demo: { input_usd_per_mtok: 1000000, output_usd_per_mtok: 1000000 }\n",
  });
});

afterAll(() => matrix.stop());

const PLAIN = model("demo", "openai-chat");
const question = [{ role: "user" as const, content: "how are you" }];

interface Asking {
  readonly key?: string;
  readonly model?: string;
}

/** One call of each SDK that would succeed with a good key and model. */
const sdks = {
  "openai chat": ({ key, model: name = PLAIN }: Asking) =>
    openai(key).chat.completions.create({ model: name, messages: question }),
  "openai responses": ({ key, model: name = PLAIN }: Asking) =>
    openai(key).responses.create({ model: name, input: "how are you" }),
  anthropic: ({ key, model: name = PLAIN }: Asking) =>
    anthropic(key).messages.create({ model: name, max_tokens: 100, messages: question }),
  google: ({ key, model: name = PLAIN }: Asking) =>
    google(key).models.generateContent({ model: name, contents: "how are you" }),
} as const;
type Sdk = keyof typeof sdks;
const names: readonly Sdk[] = ["openai chat", "openai responses", "anthropic", "google"];
const limitedFor = (sdk: Sdk) => `demo-fault-429-7-k${names.indexOf(sdk)}`;

const openai = (key = matrix.gateway.key) =>
  new OpenAI({ baseURL: `${matrix.gateway.url}/v1`, apiKey: key, maxRetries: 0 });
const anthropic = (key = matrix.gateway.key) =>
  new Anthropic({ baseURL: matrix.gateway.url, apiKey: key, maxRetries: 0 });
const google = (key = matrix.gateway.key) =>
  new GoogleGenAI({
    apiKey: key,
    httpOptions: { baseUrl: matrix.gateway.url, retryOptions: { attempts: 1 } },
  });

const classes = {
  401: [OpenAI.AuthenticationError, Anthropic.AuthenticationError],
  403: [OpenAI.PermissionDeniedError, Anthropic.PermissionDeniedError],
  404: [OpenAI.NotFoundError, Anthropic.NotFoundError],
  400: [OpenAI.BadRequestError, Anthropic.BadRequestError],
  402: [OpenAI.APIError, Anthropic.APIError],
  429: [OpenAI.RateLimitError, Anthropic.RateLimitError],
  502: [OpenAI.InternalServerError, Anthropic.InternalServerError],
  503: [OpenAI.InternalServerError, Anthropic.InternalServerError],
} as const;

function expectClass(error: Error, sdk: Sdk, status: keyof typeof classes): void {
  const [ofOpenai, ofAnthropic] = classes[status];
  const expected = sdk === "google" ? ApiError : sdk === "anthropic" ? ofAnthropic : ofOpenai;
  expect(error).toBeInstanceOf(expected);
  // Anthropic's clients know an overloaded server by 529.
  const seen = sdk === "anthropic" && status === 503 ? 529 : status;
  expect(error).toMatchObject({ status: seen });
}

describe.each(names)("%s", (sdk) => {
  test("a wrong key, a malformed key", async () => {
    for (const key of [`XJP_${"a".repeat(43)}`, "sk-something"]) {
      expectClass(await errorOf(sdks[sdk]({ key })), sdk, 401);
    }
  });

  test("a revoked key stops within a second, an expired one at once", async () => {
    const { gateway } = matrix;
    const revoked = await gateway.createKey();
    await sdks[sdk]({ key: revoked.secret });
    await gateway.app.keys.deactivate(revoked.id);
    expectClass(await errorOf(sdks[sdk]({ key: revoked.secret })), sdk, 403);
    const expiresAtMs = Date.now() + 50;
    const expiring = await gateway.createKey({ expiresAtMs });
    const call = async (): Promise<void> => {
      const isDue = Date.now() >= expiresAtMs;
      await sdks[sdk]({ key: expiring.secret });
      if (!isDue) await call();
    };
    expectClass(await errorOf(call()), sdk, 403);
  });

  test("a model that is not there, and one the key may not use", async () => {
    const missing = await errorOf(sdks[sdk]({ model: "no-such-model" }));
    expectClass(missing, sdk, 404);
    expect(missing.message).toContain("no-such-model");
    const narrow = await matrix.gateway.createKey({ modelsAllowed: [model("demo", "gemini")] });
    expectClass(await errorOf(sdks[sdk]({ key: narrow.secret })), sdk, 403);
  });

  test("a rate limit, with the truth of when to come back", async () => {
    const key = await matrix.gateway.createKey({ limits: { requestsPerMinute: 1 } });
    await sdks[sdk]({ key: key.secret });
    const error = await errorOf(sdks[sdk]({ key: key.secret }));
    expectClass(error, sdk, 429);
    if (sdk === "google") return;
    const headers = "headers" in error && error.headers instanceof Headers ? error.headers : new Headers();
    const seconds = Number(headers.get("retry-after"));
    expect(seconds).toBeGreaterThan(58);
    expect(seconds).toBeLessThanOrEqual(60);
  });

  test("a spent budget, and a price nobody knows", async () => {
    const budget = { limitNanoUsd: 1_000_000n, period: "total" } as const;
    const poor = await matrix.gateway.createKey({ limits: { budget } });
    expectClass(await errorOf(sdks[sdk]({ key: poor.secret })), sdk, 402);
    const unpriced = await errorOf(sdks[sdk]({ key: poor.secret, model: model("demo", "gemini") }));
    expectClass(unpriced, sdk, 402);
    expect(unpriced.message).toMatch(/price/);
  });

  test("an upstream's own trouble, as an error of its side", async () => {
    for (const [fault, status] of [
      ["demo-fault-500", 502],
      ["demo-fault-401", 502],
      ["demo-fault-503", 503],
      [limitedFor(sdk), 429],
    ] as const) {
      for (const api of upstreamApis) {
        expectClass(await errorOf(sdks[sdk]({ model: model(fault, api) })), sdk, status);
      }
    }
  });
});

describe("a body that is wrong", () => {
  test("openai names the field", async () => {
    // A client that is not typed sends what it likes.
    const wrong = {
      model: PLAIN,
      messages: "hello",
    } as unknown as OpenAI.ChatCompletionCreateParamsNonStreaming;
    const error = await errorOf(openai().chat.completions.create(wrong));
    expect(error).toBeInstanceOf(OpenAI.BadRequestError);
    expect(error).toMatchObject({ param: "messages" });
    const input = { model: PLAIN, input: 7 } as unknown as OpenAI.Responses.ResponseCreateParamsNonStreaming;
    const other = await errorOf(openai().responses.create(input));
    expect(other).toBeInstanceOf(OpenAI.BadRequestError);
    expect(other).toMatchObject({ param: "input" });
  });

  test("anthropic names the field", async () => {
    const wrong = {
      model: PLAIN,
      messages: question,
    } as unknown as Anthropic.MessageCreateParamsNonStreaming;
    const error = await errorOf(anthropic().messages.create(wrong));
    expect(error).toBeInstanceOf(Anthropic.BadRequestError);
    expect(error.message).toContain("max_tokens");
  });

  test("google names the field", async () => {
    const error = await errorOf(
      google().models.generateContent({
        model: PLAIN,
        contents: [{ role: "nobody", parts: [{ text: "x" }] }],
      }),
    );
    expect(error).toMatchObject({ status: 400 });
    expect(error.message).toContain("contents[0].role");
  });
});

describe.each(upstreamApis)("a stream that %s cuts in the middle raises in", (api) => {
  const cut = model("demo-fault-cut", api);

  test("openai's chat iterator and helper", async () => {
    const asked = { model: cut, messages: question };
    const seen: string[] = [];
    const read = async () => {
      const stream = await openai().chat.completions.create({ ...asked, stream: true });
      for await (const chunk of stream) seen.push(chunk.choices[0]?.delta.content ?? "");
    };
    expect(await errorOf(read())).toBeInstanceOf(OpenAI.APIError);
    expect(seen.join("")).toStartWith("Hello");
    await errorOf(openai().chat.completions.stream(asked).finalChatCompletion());
  });

  test("openai's responses iterator and helper", async () => {
    const asked = { model: cut, input: "how are you" };
    const types: string[] = [];
    const read = async () => {
      const stream = await openai().responses.create({ ...asked, stream: true });
      for await (const event of stream) types.push(event.type);
    };
    // Either the SDK raises on an `error` event or `response.failed` is the last thing said.
    const outcome = await read().then(
      () => types.at(-1),
      (error: unknown) => (error instanceof OpenAI.APIError ? "raised" : String(error)),
    );
    expect(outcome).toBeOneOf(["raised", "response.failed"]);
    expect(types).not.toContain("response.completed");
  });

  test("anthropic's iterator and helper", async () => {
    const asked = { model: cut, max_tokens: 100, messages: question };
    const types: string[] = [];
    const read = async () => {
      const stream = await anthropic().messages.create({ ...asked, stream: true });
      for await (const event of stream) types.push(event.type);
    };
    expect(await errorOf(read())).toBeInstanceOf(Anthropic.APIError);
    expect(types).not.toContain("message_stop");
    await errorOf(anthropic().messages.stream(asked).finalMessage());
  });

  test("google's iterator", async () => {
    const reasons: unknown[] = [];
    const read = async () => {
      const stream = await google().models.generateContentStream({ model: cut, contents: "how are you" });
      for await (const chunk of stream) reasons.push(chunk.candidates?.[0]?.finishReason);
    };
    await errorOf(read());
    expect(reasons.filter((reason) => reason !== undefined)).toEqual([]);
  });
});
