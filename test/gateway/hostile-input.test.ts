/** Input that means harm or is merely broken: a clear 4xx in the API's own dialect, and the process lives. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { asObject, parseJson, type JsonObject } from "#lib/json.ts";
import { allClientApis, bodyOf, callApi, pathOf, type AnyClientApi } from "./call-api.ts";
import { rawExchange } from "./raw-exchange.ts";
import { model, startMatrix, type Matrix } from "./start-matrix.ts";

const BODY_BYTES_MAX = 64 * 1024;
const MODEL = model("demo", "openai-chat");

let matrix: Matrix;
beforeAll(async () => {
  matrix = await startMatrix({ models: ["demo", "demo-tools"], bodyBytesMax: BODY_BYTES_MAX });
});
afterAll(() => matrix.stop());

/** After whatever was thrown at it, the gateway answers the next honest request. */
afterEach(async () => {
  const next = await callApi(matrix.gateway, { api: "openai-chat", model: MODEL, stream: false });
  expect(next.status).toBe(200);
  await next.text();
});

const urlOf = (api: AnyClientApi) => `${matrix.gateway.url}${pathOf({ api, model: MODEL, stream: false })}`;

function post(api: AnyClientApi, body: Bun.BodyInit, headers: Readonly<Record<string, string>> = {}) {
  return fetch(urlOf(api), {
    method: "POST",
    headers: {
      authorization: `Bearer ${matrix.gateway.key}`,
      "content-type": "application/json",
      ...headers,
    },
    body,
  });
}

/** The error in the dialect of the API it came through, told by its shape. */
async function errorIn(api: AnyClientApi, response: Response): Promise<JsonObject> {
  const body = asObject(parseJson(await response.text())) ?? {};
  const error = asObject(body["error"]) ?? {};
  expect(error["message"]).toEqual(expect.any(String));
  expect(response.headers.get("content-type")).toStartWith("application/json");
  expect(response.headers.get("x-request-id")).toEqual(expect.any(String));
  switch (api) {
    case "anthropic-messages":
      expect(body["type"]).toBe("error");
      expect(error["type"]).toEqual(expect.any(String));
      break;
    case "gemini":
      expect(error["code"]).toBe(response.status);
      expect(error["status"]).toEqual(expect.any(String));
      break;
    case "openai-chat":
    case "openai-responses":
      expect(error).toHaveProperty("code");
      expect(error).toHaveProperty("param");
  }
  return error;
}

function chunked(bytes: Uint8Array): ReadableStream<Uint8Array> {
  let sent = 0;
  return new ReadableStream({
    pull(controller) {
      controller.enqueue(bytes.subarray(sent, sent + 4096));
      sent += 4096;
      if (sent >= bytes.length) controller.close();
    },
  });
}

const jsonOf = (api: AnyClientApi, text: string) =>
  JSON.stringify(bodyOf({ api, model: MODEL, stream: false, text }));
const nested = (depth: number) => `${"[".repeat(depth)}${"]".repeat(depth)}`;

describe.each(allClientApis)("%s", (api) => {
  const big = jsonOf(api, "x".repeat(BODY_BYTES_MAX));
  const rows: readonly (readonly [string, number, () => Bun.BodyInit, Readonly<Record<string, string>>?])[] =
    [
      ["a body past its bound, declared", 413, () => big],
      ["a body past its bound, in chunks", 413, () => chunked(Buffer.from(big))],
      [
        "a gzip bomb",
        413,
        () => gzipSync(jsonOf(api, " ".repeat(50 * 1024 * 1024))),
        { "content-encoding": "gzip" },
      ],
      [
        "a zstd bomb",
        413,
        () => zstdCompressSync(jsonOf(api, " ".repeat(50 * 1024 * 1024))),
        { "content-encoding": "zstd" },
      ],
      ["what is not gzip", 400, () => big.slice(0, 100), { "content-encoding": "gzip" }],
      ["an encoding nobody knows", 400, () => "{}", { "content-encoding": "rot13" }],
      ["no body", 400, () => ""],
      ["no JSON", 400, () => "hello"],
      ["cut JSON", 400, () => jsonOf(api, "hi").slice(0, -3)],
      ["JSON that is no object", 400, () => "[1,2]"],
      ["JSON null", 400, () => "null"],
      [
        "bytes that are no UTF-8",
        400,
        () =>
          Buffer.concat([
            Buffer.from(jsonOf(api, "a").slice(0, -1)),
            Buffer.from([0x2c, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]),
          ]),
      ],
      ["nesting that exhausts a stack", 400, () => nested(30_000)],
      [
        "nesting inside a field",
        400,
        () => `{"messages":${nested(5_000)},"input":${nested(5_000)},"contents":${nested(5_000)}}`,
      ],
      [
        "a model of another type",
        400,
        () =>
          JSON.stringify({ ...bodyOf({ api, model: MODEL, stream: false }), model: { a: 1 }, contents: 7 }),
      ],
      ["a prototype in the body", 400, () => '{"__proto__":{"model":"x"},"constructor":{"prototype":{}}}'],
    ];
  for (const [what, status, body, headers] of rows) {
    test(`${what} is ${status}`, async () => {
      const response = await post(api, body(), headers);
      expect(response.status).toBe(status);
      const error = await errorIn(api, response);
      expect(JSON.stringify(error)).toContain("client");
    });
  }

  test("a compressed body within its bound is read", async () => {
    const response = await post(api, gzipSync(jsonOf(api, "packed")), { "content-encoding": "gzip" });
    expect(await response.text()).toContain("packed");
    expect(response.status).toBe(200);
  });

  test("a wrong method is 405 and names the right one", async () => {
    for (const method of ["GET", "PUT", "DELETE", "PATCH"]) {
      const response = await fetch(urlOf(api), { method });
      expect(response.status).toBe(405);
      expect(response.headers.get("allow")).toBe("POST");
      await errorIn(api, response);
    }
  });

  test("no key at all is 401, whatever else is wrong", async () => {
    const response = await fetch(urlOf(api), { method: "POST", body: "nonsense" });
    expect(response.status).toBe(401);
    await errorIn(api, response);
  });
});

test.each([
  ["/v1/nothing", "openai-chat"],
  ["/", "openai-chat"],
  ["/v1/messages/batches", "anthropic-messages"],
  ["/v1/responses/resp_1", "openai-responses"],
  ["/v1beta/cachedContents", "gemini"],
  ["/v1/../../etc/passwd", "openai-chat"],
  ["/v1/chat/completions/..%2f..%2fadmin", "openai-chat"],
  ["/v1beta/models/demo:unknownMethod", "gemini"],
  ["//evil.example/v1/chat/completions", "openai-chat"],
] as const)("%s is 404 in the nearest dialect (%s)", async (path, api) => {
  const response = await fetch(`${matrix.gateway.url}${path}`, {
    method: "POST",
    headers: { authorization: `Bearer ${matrix.gateway.key}` },
    body: "{}",
  });
  expect([404, 405]).toContain(response.status);
  await errorIn(api, response);
});

describe("on the wire", () => {
  const head = (headers: readonly string[]) =>
    [
      "POST /v1/chat/completions HTTP/1.1",
      "host: x",
      `authorization: Bearer ${matrix.gateway.key}`,
      ...headers,
    ].join("\r\n");

  test("headers past their bound are 431", async () => {
    const answer = await rawExchange(
      matrix.gateway.url,
      `${head([`x-big: ${"a".repeat(200_000)}`])}\r\n\r\n`,
    );
    expect(answer).toStartWith("HTTP/1.1 431");
  });

  test.each([
    ["two lengths that differ", ["content-length: 2", "content-length: 40"], "{}"],
    ["length and chunks at once", ["content-length: 2", "transfer-encoding: chunked"], "0\r\n\r\n"],
    ["a length that is no number", ["content-length: 2x"], "{}"],
    ["a negative length", ["content-length: -1"], "{}"],
    ["a chunk size that is no number", ["transfer-encoding: chunked"], "zz\r\n{}\r\n0\r\n\r\n"],
    ["a bare line feed in a header", ["x-a: 1\nx-xjp-tags: evil=1"], "{}"],
  ])("%s is refused or answered once", async (_, headers, body) => {
    // A smuggled second request would be answered too.
    const smuggled = "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n";
    const answer = await rawExchange(matrix.gateway.url, `${head(headers)}\r\n\r\n${body}${smuggled}`);
    expect(answer.match(/"alive"/g) ?? []).toHaveLength(answer.startsWith("HTTP/1.1 200") ? 1 : 0);
    expect(answer).not.toStartWith("HTTP/1.1 5");
  });
});
