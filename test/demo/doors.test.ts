/** The demo's doors: keys, access tokens, model names, headers, introspection. */
import { describe, expect, test } from "bun:test";
import { createDemoUpstream } from "#demo/demo-upstream.ts";
import { asArray, asObject, asString, type JsonObject } from "#lib/json.ts";
import { askDemo } from "./ask-demo.ts";

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
          return (await askDemo(demo, path + query, { body, ...(headers && { headers }) })).status;
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
        (await askDemo(demo, "/v1/chat/completions", { body, headers: { "x-api-key": key } })).status,
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
        await askDemo(demo, path, {
          body: { contents: [{ role: "user", parts: [{ text: "hi" }] }] },
          headers,
        })
      ).status;
    };
    const fetchToken = async () =>
      asString(asObject((await askDemo(demo, "/token", { body: grant(claims()) })).json)?.access_token);
    const first = await fetchToken();
    expect(await generate(first)).toBe(200);
    await askDemo(demo, "/_demo/expire-tokens", { method: "POST" });
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
    const answer = await askDemo(createDemoUpstream(), "/token", { body });
    expect([answer.status, asObject(answer.json)?.error]).toEqual([400, "invalid_grant"]);
  });

  test("are granted for a refresh token", async () => {
    const answer = await askDemo(createDemoUpstream(), "/token", {
      body: "grant_type=refresh_token&refresh_token=r",
    });
    expect(answer.json).toMatchObject({ token_type: "Bearer", expires_in: 3599 });
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
    const { status, json } = await askDemo(createDemoUpstream(), path, { headers });
    expect([status, Object.hasOwn(asObject(json) ?? {}, field)]).toEqual([200, true]);
  });

  test.each(["demo-teapot", "missing-1", "demo-fault-teapot"])("'%s' is not found", async (model) => {
    const demo = createDemoUpstream();
    expect((await askDemo(demo, "/v1/chat/completions", { body: { model, messages } })).json).toMatchObject({
      error: { code: "model_not_found" },
    });
    expect(
      (await askDemo(demo, "/v1/messages", { body: { model, messages, max_tokens: 1 } })).json,
    ).toMatchObject({
      type: "error",
      error: { type: "not_found_error", message: `model: ${model}` },
    });
  });

  test("a real model's name answers like demo", async () => {
    const answer = await askDemo(createDemoUpstream(), "/v1/chat/completions", {
      body: { model: "gpt-6", messages },
    });
    expect(answer.text).toContain("Hello from the demo model");
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
    statuses.push((await askDemo(demo, path, { body })).status);
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

describe("introspection", () => {
  test("shows what arrived, headers and body, and forgets it on reset", async () => {
    const demo = createDemoUpstream();
    const body = { model: "demo", messages, unknown_field: { a: [1, null] } };
    await askDemo(demo, "/v1/chat/completions?x=1", { body, headers: { "x-trace": "t1" } });
    await askDemo(demo, "/v1/chat/completions", { body: "{broken" });
    const seen = asArray((await askDemo(demo, "/_demo/requests")).json);
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
    expect((await askDemo(demo, "/_demo/stats")).json).toMatchObject({ requests: 2, open: 0, aborted: 0 });
    await askDemo(demo, "/_demo/reset", { method: "POST" });
    expect((await askDemo(demo, "/_demo/requests")).json).toEqual([]);
  });

  test("unknown paths and wrong methods are refused in the style of the nearest API", async () => {
    const demo = createDemoUpstream();
    expect((await askDemo(demo, "/v1/messages/nope", { body: {} })).json).toMatchObject({ type: "error" });
    expect((await askDemo(demo, "/v1beta/nope", { body: {} })).json).toMatchObject({
      error: { status: "NOT_FOUND" },
    });
    expect((await askDemo(demo, "/nope")).status).toBe(404);
    expect((await askDemo(demo, "/v1/models/%zz")).status).toBe(200);
    expect((await askDemo(demo, "/v1/chat/completions")).status).toBe(405);
  });
});
