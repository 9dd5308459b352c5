/** No model's name can change where a request goes, or with which credential. */
import { describe, expect, test } from "bun:test";
import { addressOf, openConnector } from "./open-connector.ts";

describe("a model's name cannot choose where a request goes", () => {
  const hostile = [
    "../../../admin",
    "..",
    ".",
    "a/../../b",
    "x?key=stolen",
    "x#fragment",
    "x\r\nhost: evil.com",
    "@evil.com",
    "evil.com/x",
    "//evil.com/x",
    "http://evil.com/",
    "\\\\evil.com\\x",
    "%2e%2e%2fadmin",
    "x:generateContent?alt=json&",
    "projects/other/locations/us/publishers/google/models/x",
    "endpoints/../../other",
    "publishers/../models/x",
    "tunedModels/..",
    "x y",
    "\ud800",
    "\0",
    "模型",
  ];
  const connectors = [
    "type: openai, api_key: KEY, base_url: 'http://h.test/base/v1'",
    "type: anthropic, api_key: KEY, base_url: 'http://h.test/base'",
    "type: gemini, api_key: KEY, base_url: 'http://h.test/base'",
    "type: vertex, api_key: KEY, project: p, region: r, base_url: 'http://h.test/base'",
    "type: vertex, api_key: KEY, base_url: 'http://h.test/base'",
    "type: clewdr, api_key: KEY, base_url: 'http://h.test/base'",
    "type: openrouter, api_key: KEY, base_url: 'http://h.test/base/v1'",
    "type: openai-compatible, base_url: 'http://h.test/base', protocol: gemini",
    "type: demo, base_url: 'http://h.test/base'",
  ];
  const harmless = "model-x";

  for (const fields of connectors) {
    test.each(hostile)(`${fields}: %p`, async (model) => {
      const connector = openConnector(fields);
      const reference = await addressOf(connector, { model: harmless, operation: "stream" });
      const found = await addressOf(connector, { model, operation: "stream" });
      const url = new URL(found.url);
      const usual = new URL(reference.url);
      expect(url.origin).toBe("http://h.test");
      expect(url.pathname).toStartWith("/base/");
      expect(url.hash).toBe("");
      expect(found.headers).toEqual(reference.headers);
      for (const value of Object.values(found.headers)) expect(value).toMatch(/^[\x20-\x7e]*$/);
      // What is sent is what was written: nothing in it is left for a URL parser to resolve.
      expect(url.href).toBe(found.url);
      const isOtherMakers = usual.pathname !== url.pathname && url.pathname.endsWith("/chat/completions");
      if (!isOtherMakers) expect([...url.searchParams]).toEqual([...usual.searchParams]);
      if (fields.startsWith("type: vertex") && fields.includes("project")) {
        expect(url.pathname).toStartWith("/base/v1/projects/p/locations/r/");
      }
    });
  }
});
