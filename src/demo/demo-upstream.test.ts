/** The whole demo without a socket: keys, tokens, flavours, turns, the fast path, introspection. */
import { describe, expect, test } from "bun:test";
import { asArray, asObject, asString, parseJson, type Json, type JsonObject } from "#lib/json.ts";
import { createDemoUpstream, type DemoUpstream } from "./demo-upstream.ts";

interface Asked {
  readonly body?: object | string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly method?: string;
}

async function ask(
  demo: DemoUpstream,
  path: string,
  asked: Asked = {},
): Promise<{ status: number; text: string; json: Json }> {
  const { body, headers = {}, method = body === undefined ? "GET" : "POST" } = asked;
  const text = typeof body === "object" ? JSON.stringify(body) : body;
  const response = await demo.fetch(
    new Request(`http://demo${path}`, { method, headers, ...(text !== undefined && { body: text }) }),
  );
  const answer = await response.text();
  return { status: response.status, text: answer, json: parseJson(answer) ?? null };
}

const messages = [{ role: "user", content: "hi" }];

describe("keys", () => {
  const doors: readonly [string, object][] = [
    ["/v1/chat/completions", { model: "demo", messages }],
    ["/v1/messages", { model: "demo", max_tokens: 9, messages }],
    ["/v1beta/models/demo:generateContent", { contents: [{ parts: [{ text: "hi" }] }] }],
  ];
  const carriers: readonly [string, (key: string) => { headers?: Record<string, string>; query?: string }][] =
    [
      ["Authorization", (key) => ({ headers: { authorization: `Bearer ${key}` } })],
      ["x-api-key", (key) => ({ headers: { "x-api-key": key } })],
      ["x-goog-api-key", (key) => ({ headers: { "x-goog-api-key": key } })],
      ["the query", (key) => ({ query: `?key=${key}` })],
    ];
  test.each(carriers)("in %s opens every API, unless it is bad", async (_, carry) => {
    const demo = createDemoUpstream();
    for (const [path, body] of doors) {
      const statuses = await Promise.all(
        ["good", "bad-key"].map(async (key) => {
          const { headers, query = "" } = carry(key);
          return (await ask(demo, path + query, { body, ...(headers && { headers }) })).status;
        }),
      );
      expect(statuses).toEqual([200, path.includes("v1beta") ? 400 : 401]);
    }
  });

  test("only the required key opens, where one is required", async () => {
    const demo = createDemoUpstream({ requireKey: "secret" });
    const body = { model: "demo", messages };
    const statuses = ["secret", "other", ""].map(
      async (key) =>
        (await ask(demo, "/v1/chat/completions", { body, headers: { "x-api-key": key } })).status,
    );
    expect(await Promise.all(statuses)).toEqual([200, 401, 401]);
  });
});

describe("Google's access tokens", () => {
  const claims = (change: JsonObject = {}) => {
    const now = Math.floor(Date.now() / 1000);
    return {
      iss: "me@p.iam",
      scope: "cloud-platform",
      aud: "https://oauth2/token",
      iat: now,
      exp: now + 3600,
      ...change,
    };
  };
  const grant = (jwtClaims: object, alg = "RS256") => {
    const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const assertion = `${encode({ alg, typ: "JWT" })}.${encode(jwtClaims)}.c2ln`;
    return new URLSearchParams({
      grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer",
      assertion,
    }).toString();
  };

  test("are granted for a JWT, and refused once they have expired", async () => {
    const demo = createDemoUpstream();
    const path = "/v1/projects/p/locations/l/publishers/google/models/demo:generateContent";
    const generate = async (token = "") => {
      const headers = { authorization: `Bearer ${token}` };
      return (
        await ask(demo, path, { body: { contents: [{ role: "user", parts: [{ text: "hi" }] }] }, headers })
      ).status;
    };
    const fetchToken = async () =>
      asString(asObject((await ask(demo, "/token", { body: grant(claims()) })).json)?.access_token);
    const first = await fetchToken();
    expect(await generate(first)).toBe(200);
    await ask(demo, "/_demo/expire-tokens", { method: "POST" });
    expect(await generate(first)).toBe(401);
    expect(await generate(await fetchToken())).toBe(200);
  });

  const wrong: readonly [string, string][] = [
    ["an unknown grant", "grant_type=password"],
    ["no assertion", "grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer"],
    ["another algorithm", grant(claims(), "HS256")],
    ["no issuer", grant(claims({ iss: null }))],
    ["no scope", grant(claims({ scope: null }))],
    ["an old one", grant(claims({ exp: 1000, iat: 0 }))],
    ["a long-lived one", grant(claims({ iat: 0 }))],
  ];
  test.each(wrong)("are not granted for %s", async (_, body) => {
    const answer = await ask(createDemoUpstream(), "/token", { body });
    expect([answer.status, asObject(answer.json)?.error]).toEqual([400, "invalid_grant"]);
  });

  test("are granted for a refresh token", async () => {
    const answer = await ask(createDemoUpstream(), "/token", {
      body: "grant_type=refresh_token&refresh_token=r",
    });
    expect(answer.json).toMatchObject({ token_type: "Bearer", expires_in: 3599 });
  });
});

describe("OpenRouter", () => {
  const tools = [{ type: "function", function: { name: "clock" } }];
  const path = "/api/v1/chat/completions";

  test("says who served, for how much, and why it ended in the model's own words", async () => {
    const answer = await ask(createDemoUpstream(), path, { body: { model: "vendor/demo", messages } });
    expect(answer.json).toMatchObject({
      id: "gen-demo1",
      provider: "Demo",
      model: "vendor/demo",
      choices: [{ finish_reason: "stop", native_finish_reason: "end_turn" }],
      usage: { prompt_tokens: 1, completion_tokens: 8, cost: 0.000017 },
    });
  });

  test("streams comments first and the cost last, asked or not", async () => {
    const { text } = await ask(createDemoUpstream(), path, {
      body: { model: "demo", stream: true, messages },
    });
    const events = text.split("\n\n");
    expect(events[0]).toBe(": OPENROUTER PROCESSING");
    expect(events.slice(-2)).toEqual(["data: [DONE]", ""]);
    expect(events.at(-3)).toContain('"cost":0.000017');
  });

  test("wants its reasoning details back unchanged in a tool loop", async () => {
    const demo = createDemoUpstream();
    const first = await ask(demo, path, { body: { model: "demo-reasoning", tools, messages } });
    const message = asObject(asObject(asArray(asObject(first.json)?.choices)[0])?.message) ?? {};
    const call = asObject(asArray(message.tool_calls)[0]);
    const continueWith = async (assistant: JsonObject) => {
      const history = [...messages, assistant, { role: "tool", tool_call_id: call?.id, content: "noon" }];
      return ask(demo, path, { body: { model: "demo-reasoning", tools, messages: history } });
    };
    expect((await continueWith(message)).text).toContain("1 of my earlier thoughts came back unchanged");
    const { reasoning_details: details, ...bare } = message;
    expect((await continueWith(bare)).text).toContain("Missing `reasoning_details`");
    const changed = asArray(details).map((detail) => ({ ...asObject(detail), text: "tampered" }));
    expect((await continueWith({ ...message, reasoning_details: changed })).text).toContain(
      "Invalid `signature`",
    );
  });

  test("has a catalogue with prices, and Responses without event names", async () => {
    const demo = createDemoUpstream();
    const { json } = await ask(demo, "/api/v1/models");
    expect(asArray(asObject(json)?.data)[0]).toMatchObject({
      id: "demo/demo",
      pricing: { prompt: "0.000001" },
    });
    const { text } = await ask(demo, "/api/v1/responses", {
      body: { model: "demo", stream: true, input: "hi" },
    });
    expect(text).not.toContain("event: ");
    expect(text).toEndWith("data: [DONE]\n\n");
  });
});

describe("Gemini's streams", () => {
  const contents = [{ parts: [{ text: "hi" }] }];

  test("are one JSON array without alt=sse, and CRLF events with it", async () => {
    const demo = createDemoUpstream();
    const array = await ask(demo, "/v1beta/models/demo:streamGenerateContent", { body: { contents } });
    expect(asArray(array.json)).toHaveLength(9);
    const sse = await ask(demo, "/v1beta/models/demo:streamGenerateContent?alt=sse", { body: { contents } });
    expect(sse.text.split("\r\n\r\n")).toHaveLength(10);
    expect(sse.text).not.toContain("[DONE]");
  });

  test("come from express mode and from names with slashes and colons, too", async () => {
    const demo = createDemoUpstream();
    for (const path of [
      "/v1/publishers/google/models/demo",
      "/v1beta/models/vendor/demo",
      "/v1beta/models/vendor%2Fdemo",
    ]) {
      expect(
        (
          await ask(demo, `${path}:generateContent`, {
            body: { contents: [{ role: "user", ...contents[0] }] },
          })
        ).status,
      ).toBe(200);
    }
  });

  const turns: readonly [string, readonly object[], string][] = [
    ["nobody's", [], "contents is not specified"],
    ["an unknown role's", [{ role: "assistant", parts: [{ text: "a" }] }], "valid role"],
    ["an empty", [{ role: "user", parts: [] }], "must not be empty"],
    [
      "a model's first",
      [{ role: "model", parts: [{ functionCall: { name: "f" } }] }],
      "immediately after a user turn",
    ],
    [
      "an unanswered",
      [...contents, { role: "model", parts: [{ functionCall: { name: "f" } }] }],
      "function response turn comes immediately after",
    ],
    [
      "a wrongly answered",
      [
        ...contents,
        { role: "model", parts: [{ functionCall: { name: "f" } }] },
        { role: "user", parts: [{ functionResponse: { name: "g", response: {} } }] },
      ],
      "names match",
    ],
  ];
  test.each(turns)("refuse %s turn", async (_, wrong, message) => {
    const answer = await ask(createDemoUpstream(), "/v1beta/models/demo:generateContent", {
      body: { contents: wrong },
    });
    expect([answer.status, answer.text.includes(message)]).toEqual([400, true]);
  });
});

describe("models", () => {
  const lists: readonly [string, Record<string, string>, string][] = [
    ["/v1/models", {}, "object"],
    ["/v1/models", { "anthropic-version": "2023-06-01" }, "has_more"],
    ["/v1beta/models", {}, "models"],
    ["/code/v1/models", {}, "object"],
  ];
  test.each(lists)("are listed at %s in the API's own shape", async (path, headers, field) => {
    const { status, json } = await ask(createDemoUpstream(), path, { headers });
    expect([status, Object.hasOwn(asObject(json) ?? {}, field)]).toEqual([200, true]);
  });

  test.each(["demo-teapot", "missing-1", "demo-fault-teapot"])("'%s' is not found", async (model) => {
    const demo = createDemoUpstream();
    expect((await ask(demo, "/v1/chat/completions", { body: { model, messages } })).json).toMatchObject({
      error: { code: "model_not_found" },
    });
    expect(
      (await ask(demo, "/v1/messages", { body: { model, messages, max_tokens: 1 } })).json,
    ).toMatchObject({
      type: "error",
      error: { type: "not_found_error", message: `model: ${model}` },
    });
  });

  test("a real model's name answers like demo", async () => {
    const answer = await ask(createDemoUpstream(), "/v1/chat/completions", {
      body: { model: "gpt-6", messages },
    });
    expect(answer.text).toContain("Hello from the demo model");
  });
});

describe("demo-lorem", () => {
  test("agrees with itself, streamed and whole, first and cached, to the token", async () => {
    const demo = createDemoUpstream();
    const body = { model: "demo-lorem-20", messages };
    const whole = [1, 2].map(async () => (await ask(demo, "/v1/chat/completions", { body })).text);
    const [first, second] = await Promise.all(whole);
    expect(second).toBe(first ?? "");
    expect(first).toContain('"completion_tokens":20');
    const streamed = await ask(demo, "/v1/chat/completions", {
      body: { ...body, stream: true, stream_options: { include_usage: true } },
    });
    expect(streamed.text.split('"delta":{"content":').length - 1).toBe(20);
    expect(streamed.text).toContain('"completion_tokens":20');
  });

  test("keeps requests of different shapes apart", async () => {
    const demo = createDemoUpstream();
    const body = { model: "demo-lorem-20", messages };
    const longer = [...messages, { role: "user", content: "one two three" }];
    const usages = await Promise.all(
      [body, { ...body, messages: longer }, { ...body, max_tokens: 5 }].map(
        async (each) => asObject((await ask(demo, "/v1/chat/completions", { body: each })).json)?.usage,
      ),
    );
    expect(usages).toMatchObject([
      { prompt_tokens: 1, completion_tokens: 20 },
      { prompt_tokens: 4, completion_tokens: 20 },
      { prompt_tokens: 1, completion_tokens: 5 },
    ]);
  });
});

test("embeddings fail by name as everything else does", async () => {
  const demo = createDemoUpstream();
  const statuses: number[] = [];
  for (const [path, body] of [
    ["/v1/embeddings", { model: "demo-fault-503-x1", input: "a" }],
    ["/v1/embeddings", { model: "demo-fault-503-x1", input: "a" }],
    ["/v1/embeddings", { model: "missing-1", input: "a" }],
    ["/v1beta/models/demo-fault-429:embedContent", { content: { parts: [{ text: "a" }] } }],
  ] as const) {
    statuses.push((await ask(demo, path, { body })).status);
  }
  expect(statuses).toEqual([503, 200, 404, 429]);
});

test("answers and errors carry the account's headers, as a gateway's upstream does", async () => {
  const demo = createDemoUpstream();
  for (const model of ["demo", "demo-fault-500"]) {
    const request = { method: "POST", body: JSON.stringify({ model, messages, max_tokens: 9 }) };
    const openai = await demo.fetch(new Request("http://demo/v1/chat/completions", request));
    expect(openai.headers.get("openai-organization")).toBe("demo-organization");
    const anthropic = await demo.fetch(new Request("http://demo/v1/messages", request));
    expect(anthropic.headers.get("anthropic-organization-id")).toBe("demo-organization");
  }
});

test("Clewdr out of cookies says so in its own words", async () => {
  const body = { model: "demo-fault-500", max_tokens: 9, messages };
  const answer = await ask(createDemoUpstream(), "/code/v1/messages", { body });
  expect(answer).toMatchObject({ status: 500, json: { error: { type: "no_cookie_available" } } });
});

describe("introspection", () => {
  test("shows what arrived, headers and body, and forgets it on reset", async () => {
    const demo = createDemoUpstream();
    const body = { model: "demo", messages, unknown_field: { a: [1, null] } };
    await ask(demo, "/v1/chat/completions?x=1", { body, headers: { "x-trace": "t1" } });
    await ask(demo, "/v1/chat/completions", { body: "{broken" });
    const seen = asArray((await ask(demo, "/_demo/requests")).json);
    expect(seen).toMatchObject([
      {
        number: 1,
        method: "POST",
        path: "/v1/chat/completions",
        query: "?x=1",
        headers: { "x-trace": "t1" },
        body,
        model: "demo",
        status: 200,
        finished: true,
        aborted: false,
      },
      { number: 2, body: "{broken", status: 400 },
    ]);
    expect((await ask(demo, "/_demo/stats")).json).toMatchObject({ requests: 2, open: 0, aborted: 0 });
    await ask(demo, "/_demo/reset", { method: "POST" });
    expect((await ask(demo, "/_demo/requests")).json).toEqual([]);
  });

  test("unknown paths and wrong methods are refused in the style of the nearest API", async () => {
    const demo = createDemoUpstream();
    expect((await ask(demo, "/v1/messages/nope", { body: {} })).json).toMatchObject({ type: "error" });
    expect((await ask(demo, "/v1beta/nope", { body: {} })).json).toMatchObject({
      error: { status: "NOT_FOUND" },
    });
    expect((await ask(demo, "/nope")).status).toBe(404);
    expect((await ask(demo, "/v1/chat/completions")).status).toBe(405);
  });
});
