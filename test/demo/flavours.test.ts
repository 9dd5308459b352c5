/** What the houses add to their APIs, and what the demo's models do the same in all of them. */
import { describe, expect, test } from "bun:test";
import { createDemoUpstream } from "#demo/demo-upstream.ts";
import { asArray, asObject, type JsonObject } from "#lib/json.ts";
import { askDemo } from "./ask-demo.ts";

const messages = [{ role: "user", content: "hi" }];

describe("OpenRouter", () => {
  const tools = [{ type: "function", function: { name: "clock" } }];
  const path = "/api/v1/chat/completions";

  test("says who served, for how much, and why it ended in the model's own words", async () => {
    const answer = await askDemo(createDemoUpstream(), path, { body: { model: "vendor/demo", messages } });
    expect(answer.json).toMatchObject({
      id: "gen-demo1",
      provider: "Demo",
      model: "vendor/demo",
      choices: [{ finish_reason: "stop", native_finish_reason: "end_turn" }],
      usage: { prompt_tokens: 1, completion_tokens: 8, cost: 0.000017 },
    });
  });

  test("streams comments first and the cost last, asked or not", async () => {
    const { text } = await askDemo(createDemoUpstream(), path, {
      body: { model: "demo", stream: true, messages },
    });
    const events = text.split("\n\n");
    expect(events[0]).toBe(": OPENROUTER PROCESSING");
    expect(events.slice(-2)).toEqual(["data: [DONE]", ""]);
    expect(events.at(-3)).toContain('"cost":0.000017');
  });

  test("wants its reasoning details back unchanged in a tool loop", async () => {
    const demo = createDemoUpstream();
    const first = await askDemo(demo, path, { body: { model: "demo-reasoning", tools, messages } });
    const message = asObject(asObject(asArray(asObject(first.json)?.choices)[0])?.message) ?? {};
    const call = asObject(asArray(message.tool_calls)[0]);
    const continueWith = async (assistant: JsonObject) => {
      const history = [...messages, assistant, { role: "tool", tool_call_id: call?.id, content: "noon" }];
      return askDemo(demo, path, { body: { model: "demo-reasoning", tools, messages: history } });
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
    const { json } = await askDemo(demo, "/api/v1/models");
    expect(asArray(asObject(json)?.data)[0]).toMatchObject({
      id: "demo/demo",
      pricing: { prompt: "0.000001" },
    });
    const { text } = await askDemo(demo, "/api/v1/responses", {
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
    const array = await askDemo(demo, "/v1beta/models/demo:streamGenerateContent", { body: { contents } });
    expect(asArray(array.json)).toHaveLength(9);
    const sse = await askDemo(demo, "/v1beta/models/demo:streamGenerateContent?alt=sse", {
      body: { contents },
    });
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
          await askDemo(demo, `${path}:generateContent`, {
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
    const answer = await askDemo(createDemoUpstream(), "/v1beta/models/demo:generateContent", {
      body: { contents: wrong },
    });
    expect([answer.status, answer.text.includes(message)]).toEqual([400, true]);
  });
});

describe("demo-lorem", () => {
  test("agrees with itself, streamed and whole, first and cached, to the token", async () => {
    const demo = createDemoUpstream();
    const body = { model: "demo-lorem-20", messages };
    const whole = [1, 2].map(async () => (await askDemo(demo, "/v1/chat/completions", { body })).text);
    const [first, second] = await Promise.all(whole);
    expect(second).toBe(first ?? "");
    expect(first).toContain('"completion_tokens":20');
    const streamed = await askDemo(demo, "/v1/chat/completions", {
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
        async (each) => asObject((await askDemo(demo, "/v1/chat/completions", { body: each })).json)?.usage,
      ),
    );
    expect(usages).toMatchObject([
      { prompt_tokens: 1, completion_tokens: 20 },
      { prompt_tokens: 4, completion_tokens: 20 },
      { prompt_tokens: 1, completion_tokens: 5 },
    ]);
  });
});

test("Clewdr out of cookies says so in its own words", async () => {
  const body = { model: "demo-fault-500", max_tokens: 9, messages };
  const answer = await askDemo(createDemoUpstream(), "/code/v1/messages", { body });
  expect(answer).toMatchObject({ status: 500, json: { error: { type: "no_cookie_available" } } });
});

describe("an answer that was begun", () => {
  const begun = { role: "assistant", content: "Hello from the demo model." };
  const body = { model: "demo", max_tokens: 99, messages: [...messages, begun] };

  test("is continued where it stopped", async () => {
    const demo = createDemoUpstream();
    expect((await askDemo(demo, "/v1/messages", { body })).json).toMatchObject({
      content: [{ text: ' You said: "hi"' }],
    });
    expect((await askDemo(demo, "/v1/chat/completions", { body })).text).toContain(
      '"content":" You said: \\"hi\\""',
    );
    const lorem = {
      ...body,
      model: "demo-lorem-3",
      messages: [...messages, { ...begun, content: "lorem ipsum" }],
    };
    expect((await askDemo(demo, "/v1/messages", { body: lorem })).json).toMatchObject({
      content: [{ text: " dolor" }],
    });
  });

  test("is refused by demo-fault-no-prefill, which answers everything else", async () => {
    const demo = createDemoUpstream();
    const refused = await askDemo(demo, "/v1/messages", {
      body: { ...body, model: "demo-fault-no-prefill" },
    });
    expect([refused.status, refused.text.includes("prefill")]).toEqual([400, true]);
    const model = "demo-fault-no-prefill";
    expect((await askDemo(demo, "/v1/messages", { body: { model, max_tokens: 9, messages } })).status).toBe(
      200,
    );
  });
});
