/** The official Anthropic SDK against a listening gateway, in front of each upstream API. */
import Anthropic from "@anthropic-ai/sdk";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { GREEN_PNG, PARAMETERS } from "../demo/samples.ts";
import { model, startMatrix, upstreamApis, type Matrix } from "../gateway/start-matrix.ts";

let matrix: Matrix;
let client: Anthropic;

beforeAll(async () => {
  matrix = await startMatrix({
    models: ["demo", "demo-tools", "demo-reasoning", "demo-vision", "demo-lorem-50"],
  });
  client = new Anthropic({ baseURL: matrix.gateway.url, apiKey: matrix.gateway.key, maxRetries: 0 });
});

afterAll(() => matrix.stop());

const question: Anthropic.MessageParam = { role: "user", content: "how are you" };
const body = { max_tokens: 3000, messages: [question] };
const ANSWER = 'Hello from the demo model. You said: "how are you"';
const tools: Anthropic.Tool[] = [
  { name: "weather", input_schema: { ...PARAMETERS, type: "object" } },
  { name: "clock", input_schema: { type: "object" } },
];

const textOf = (message: Anthropic.Message) =>
  message.content.map((block) => (block.type === "text" ? block.text : "")).join("");

const resultsFor = (message: Anthropic.Message) =>
  message.content.flatMap((block, index): Anthropic.ToolResultBlockParam[] =>
    block.type === "tool_use"
      ? [{ type: "tool_result", tool_use_id: block.id, content: `result ${index}` }]
      : [],
  );

describe.each(upstreamApis)("Messages on %s", (api) => {
  test("whole and streamed answers agree to the byte and to the token", async () => {
    const asked = { ...body, model: model("demo", api) };
    const whole = await client.messages.create(asked);
    const streamed = await client.messages.stream(asked).finalMessage();
    expect(textOf(whole)).toBe(ANSWER);
    expect(textOf(streamed)).toBe(ANSWER);
    expect(whole.stop_reason).toBe("end_turn");
    expect(streamed.stop_reason).toBe("end_turn");
    expect(whole.usage).toMatchObject({ input_tokens: 3, output_tokens: 10 });
    expect(streamed.usage).toMatchObject({ input_tokens: 3, output_tokens: 10 });
  });

  test.each([false, true])("two parallel calls and their results (streamed: %p)", async (stream) => {
    const asked = { ...body, model: model("demo-tools", api), tools };
    const first = stream
      ? await client.messages.stream(asked).finalMessage()
      : await client.messages.create(asked);
    expect(first.stop_reason).toBe("tool_use");
    expect(first.content).toMatchObject([
      { type: "tool_use", name: "weather", input: { city: "demo city", days: 1 } },
      { type: "tool_use", name: "clock", input: {} },
    ]);
    const second = await client.messages.create({
      ...asked,
      messages: [
        question,
        { role: "assistant", content: first.content },
        { role: "user", content: resultsFor(first) },
      ],
    });
    expect(textOf(second)).toBe('Result 1: "result 0" Result 2: "result 1"');
  });

  test.each([false, true])("thinking survives a tool loop, byte for byte (streamed: %p)", async (stream) => {
    const asked = {
      ...body,
      model: model("demo-reasoning", api),
      tools,
      thinking: { type: "enabled", budget_tokens: 1024 },
    } as const;
    const request = { ...asked, tools: [...asked.tools] };
    const first = stream
      ? await client.messages.stream(request).finalMessage()
      : await client.messages.create(request);
    expect(first.content[0]?.type).toBe("thinking");
    const second = await client.messages.create({
      ...request,
      messages: [
        question,
        { role: "assistant", content: first.content },
        { role: "user", content: resultsFor(first) },
      ],
    });
    expect(textOf(second)).toStartWith("I thought about it. 1 of my earlier thoughts");
    // And once more as history of a new question.
    const third = await client.messages.create({
      ...request,
      messages: [
        question,
        { role: "assistant", content: first.content },
        { role: "user", content: resultsFor(first) },
        { role: "assistant", content: second.content },
        { role: "user", content: "and now" },
      ],
    });
    expect(third.content.some((block) => block.type === "tool_use")).toBe(true);
  });

  test("pictures and documents arrive by their bytes, also inside a tool's result", async () => {
    const picture = {
      type: "image",
      source: { type: "base64", media_type: "image/png", data: GREEN_PNG },
    } as const;
    const paper = {
      type: "document",
      title: "a.pdf",
      source: { type: "base64", media_type: "application/pdf", data: "JVBERi0xLjQK" },
    } as const;
    const answer = await client.messages.create({
      ...body,
      model: model("demo-vision", api),
      messages: [{ role: "user", content: [picture, paper, { type: "text", text: "what is it" }] }],
    });
    expect(textOf(answer)).toContain("image of type image/png, 66 bytes, 3 x 2 pixels.");
    expect(textOf(answer)).toContain("document of type application/pdf");
    expect(textOf(answer)).toContain("9 bytes");
    await matrix.demo.reset();
    await client.messages.create({
      ...body,
      model: model("demo-vision", api),
      tools,
      messages: [
        question,
        { role: "assistant", content: [{ type: "tool_use", id: "toolu_1", name: "clock", input: {} }] },
        { role: "user", content: [{ type: "tool_result", tool_use_id: "toolu_1", content: [picture] }] },
      ],
    });
    const [seen] = await matrix.demo.requests();
    expect(JSON.stringify(seen?.body)).toContain(GREEN_PNG);
  });

  test("an output limit binds", async () => {
    const cut = await client.messages.create({ ...body, model: model("demo-lorem-50", api), max_tokens: 20 });
    expect(cut.stop_reason).toBe("max_tokens");
    expect(cut.usage.output_tokens).toBe(20);
  });

  test("tokens are counted, or estimated and marked so", async () => {
    const counting = client.messages.countTokens({ model: model("demo", api), messages: [question] });
    const { data, response } = await counting.withResponse();
    expect(data.input_tokens).toBeGreaterThan(0);
    const isEstimated = response.headers.get("x-xjp-estimated") === "true";
    expect(isEstimated).toBe(api === "openai-chat");
    if (!isEstimated) expect(data.input_tokens).toBe(3);
  });
});

test("models are listed in pages, and one by its id", async () => {
  const ids: string[] = [];
  for await (const entry of client.models.list({ limit: 7 })) ids.push(entry.id);
  expect(ids).toHaveLength(20);
  expect(new Set(ids).size).toBe(20);
  const one = await client.models.retrieve(model("demo", "gemini"));
  expect(one).toMatchObject({ type: "model", id: model("demo", "gemini") });
});
