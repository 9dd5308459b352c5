/** What crosses the gateway and what does not: credentials, hop-by-hop headers, upstream headers, smuggled lines. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { allClientApis, bodyOf, callApi, pathOf } from "./call-api.ts";
import { rawExchange } from "./raw-exchange.ts";
import { model, startMatrix, upstreamApis, type Matrix } from "./start-matrix.ts";

let matrix: Matrix;
beforeAll(async () => {
  matrix = await startMatrix({ models: ["demo"] });
});
afterAll(() => matrix.stop());

const hostile = {
  cookie: "session=1",
  "x-api-key": "sk-of-the-caller",
  "x-goog-api-key": "AIza-of-the-caller",
  "api-key": "of-the-caller",
  "proxy-authorization": "Basic abc",
  "x-forwarded-for": "10.0.0.1",
  "x-forwarded-host": "evil.example",
  forwarded: "for=1.2.3.4",
  te: "trailers",
  "x-demo-fault": "500",
  "x-xjp-tags": "a=b",
  "openai-organization": "org-of-the-caller",
};

for (const upstream of upstreamApis) {
  test.each(allClientApis)(`nothing of a %s caller's headers reaches ${upstream}`, async (api) => {
    await matrix.demo.reset();
    // The key goes where this API looks first, or the strangers would be taken for it.
    const place =
      api === "anthropic-messages" ? "x-api-key" : api === "gemini" ? "x-goog-api-key" : "authorization";
    const key = place === "authorization" ? `Bearer ${matrix.gateway.key}` : matrix.gateway.key;
    const response = await callApi(matrix.gateway, {
      api,
      model: model("demo", upstream),
      stream: false,
      headers: { ...hostile, [place]: key },
    });
    expect(response.status).toBe(200);
    await response.text();
    const [seen] = await matrix.demo.requests();
    const names = Object.keys(seen?.headers ?? {});
    expect(
      names.filter((name) => name in hostile && name !== "x-api-key" && name !== "x-goog-api-key"),
    ).toEqual([]);
    expect(JSON.stringify(seen?.headers)).not.toContain("of-the-caller");
    expect(JSON.stringify(seen)).not.toContain(matrix.gateway.key);
    // Nor do the vendor's own headers come down: they speak of the operator's account.
    const vendor = [...response.headers.keys()].filter((name) =>
      /^(openai-|anthropic-organization|x-ratelimit|anthropic-ratelimit|server|via|set-cookie|cf-|x-goog|x-vertex)/.test(
        name,
      ),
    );
    expect(vendor).toEqual([]);
  });
}

test.each([
  ["x-api-key,content-type", "x-api-key,content-type"],
  ["x-\u00e9", "x-??"],
])("a browser that asks for the headers %j may send them", async (asked, told) => {
  const answer = await rawExchange(
    matrix.gateway.url,
    `OPTIONS /v1/messages HTTP/1.1\r\nhost: x\r\norigin: http://page\r\naccess-control-request-headers: ${asked}\r\n\r\n`,
  );
  expect(answer).toStartWith("HTTP/1.1 204 ");
  expect(answer).toContain("\r\naccess-control-allow-origin: *\r\n");
  expect(answer).toContain(`\r\naccess-control-allow-headers: ${told}\r\n`);
});

describe("lines smuggled in names", () => {
  test.each(allClientApis)("a %s model name with line breaks makes no header", async (api) => {
    const name = "demo\r\nx-evil: 1\r\n\r\nHTTP/1.1 200 OK";
    const path = pathOf({ api, model: encodeURIComponent(name), stream: false });
    const body = JSON.stringify({
      model: name,
      messages: [{ role: "user", content: "a" }],
      max_tokens: 5,
      input: "a",
      contents: [{ parts: [{ text: "a" }] }],
    });
    const answer = await rawExchange(
      matrix.gateway.url,
      `POST ${path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${matrix.gateway.key}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    );
    expect(answer).toStartWith("HTTP/1.1 404");
    expect(answer.split("\r\n\r\n")[0]?.toLowerCase()).not.toContain("\r\nx-evil");
    expect(answer.match(/^HTTP\/1\.1 \d/gm)).toHaveLength(1);
  });

  test("what a body puts into a header is refused where it cannot be one, and no upstream is blamed", async () => {
    await matrix.demo.reset();
    const asked = {
      api: "anthropic-messages",
      model: model("demo", "anthropic-messages"),
      stream: false,
    } as const;
    for (let n = 0; n < 20; n += 1) {
      const body = JSON.stringify({ ...bodyOf(asked), betas: ["a\r\nx-api-key: other"] });
      const response = await fetch(`${matrix.gateway.url}${pathOf(asked)}`, {
        method: "POST",
        headers: { "x-api-key": matrix.gateway.key },
        body,
      });
      expect(response.status).toBe(400);
      expect(await response.text()).toContain("betas[0]");
    }
    const next = await callApi(matrix.gateway, asked);
    expect(next.status).toBe(200);
    await next.text();
  });
});
