/** Bodies that another reader could take for a dearer request than the one we hold for never reach an upstream. */
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { asObject, parseJson } from "#lib/json.ts";
import { plainAnswer, startScriptedUpstream, type ScriptedUpstream } from "./scripted-upstream.ts";
import { startGateway, type TestGateway } from "./start-gateway.ts";

let upstream: ScriptedUpstream;
let gateway: TestGateway;
beforeAll(async () => {
  upstream = startScriptedUpstream();
  gateway = await startGateway({
    config: `connectors:
  chat: { type: openai-compatible, base_url: "${upstream.url}/v1", api_key: k }
models:
  m: { targets: [{ connector: chat, model: m }] }
`,
  });
});
afterAll(async () => {
  await gateway.stop();
  await upstream.stop();
});
beforeEach(() => {
  upstream.asked.length = 0;
  upstream.answer = plainAnswer;
});

async function post(fields: string) {
  const response = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${gateway.key}`, "content-type": "application/json" },
    body: `{"messages":[{"role":"user","content":"hi"}],${fields}}`,
  });
  const body = asObject(parseJson(await response.text()));
  return { status: response.status, param: asObject(body?.["error"])?.["param"] };
}

test.each([
  ['"model":"dear","model":"m"', "model"],
  [String.raw`"model":"m","m\u006fdel":"m"`, "model"],
  ['"model":"m","max_tokens":100000,"max_tokens":5', "max_tokens"],
  ['"model":"m","max_tokens":5,"MAX_TOKENS":100000', "MAX_TOKENS"],
  ['"model":"m","Model":"dear"', "Model"],
  ['"model":"m","max_to\u212aens":100000', "max_to\u212aens"],
  ['"model":"m","\u017ftream":true', "\u017ftream"],
  ['"model":"m","n":9,"n":1', "n"],
  ['"model":"m","max_completion_tokens":5,"max_tokens":100000', "max_tokens"],
])("%s is refused by name and sent nowhere", async (fields, param) => {
  expect(await post(fields)).toEqual({ status: 400, param });
  expect(upstream.asked).toEqual([]);
});

test.each([
  ['"generationConfig":{"maxOutputTokens":9,"maxOutputTokens":5}', "generationConfig.maxOutputTokens"],
  ['"generationConfig":{"maxOutputTokens":9},"generationConfig":{"maxOutputTokens":5}', "generationConfig"],
  ['"generationConfig":{"maxOutputTokens":5},"generation_config":{"maxOutputTokens":9}', "generation_config"],
  ['"generationConfig":{"maxOutputTokens":5,"max_output_tokens":9}', "generationConfig.max_output_tokens"],
  ['"generation_config":{"candidate_count":5,"candidateCount":9}', "generation_config.candidate_count"],
])("of Gemini's, %s is refused by name and sent nowhere", async (fields, param) => {
  const response = await fetch(`${gateway.url}/v1beta/models/m:generateContent`, {
    method: "POST",
    headers: { authorization: `Bearer ${gateway.key}`, "content-type": "application/json" },
    body: `{"contents":[{"role":"user","parts":[{"text":"hi"}]}],${fields}}`,
  });
  expect(response.status).toBe(400);
  expect(await response.text()).toContain(`\`${param}\``);
  expect(upstream.asked).toEqual([]);
});

test.each([
  ['"model":"m","max_completion_tokens":5,"max_tokens":5'],
  ['"model":"m","max_completion_tokens":null,"max_tokens":5'],
  ['"model":"m","metadata":{"model":"x","Model":"y","model":"z"}'],
  ['"model":"m","user":"Max_Tokens \\u00e9"'],
  ['"model":"m","Extra":1,"extra":2,"extra":3'],
])("%s has one meaning and goes up", async (fields) => {
  expect((await post(fields)).status).toBe(200);
  expect(upstream.asked.length).toBe(1);
});
