/** The official OpenAI SDK, Responses API, against a listening gateway, in front of each upstream API. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import OpenAI from "openai";
import { GREEN_PNG, PARAMETERS } from "../demo/samples.ts";
import { model, startMatrix, upstreamApis, type Matrix } from "../gateway/start-matrix.ts";

let matrix: Matrix;
let client: OpenAI;

beforeAll(async () => {
  matrix = await startMatrix({
    models: ["demo", "demo-tools", "demo-reasoning", "demo-vision", "demo-json"],
  });
  client = new OpenAI({ baseURL: `${matrix.gateway.url}/v1`, apiKey: matrix.gateway.key, maxRetries: 0 });
});

afterAll(() => matrix.stop());

const ANSWER = 'Hello from the demo model. You said: "how are you"';
const input: OpenAI.Responses.ResponseInput = [{ role: "user", content: "how are you" }];
const tools: OpenAI.Responses.FunctionTool[] = [
  { type: "function", name: "weather", parameters: PARAMETERS, strict: false },
  { type: "function", name: "clock", parameters: { type: "object", properties: {} }, strict: false },
];

const outputsFor = (response: OpenAI.Responses.Response): OpenAI.Responses.ResponseInputItem[] =>
  response.output
    .filter((item) => item.type === "function_call")
    .map((item, index) => ({
      type: "function_call_output",
      call_id: item.call_id,
      output: `result ${index}`,
    }));

const toInput = (items: readonly OpenAI.Responses.ResponseOutputItem[]) =>
  // The SDK's own helpers send output items back as they came.
  items as unknown as OpenAI.Responses.ResponseInputItem[];

describe.each(upstreamApis)("Responses on %s", (api) => {
  test("whole and streamed answers agree to the byte and to the token", async () => {
    const asked = { model: model("demo", api), input };
    const whole = await client.responses.create(asked);
    const streamed = await client.responses.stream(asked).finalResponse();
    expect(whole.output_text).toBe(ANSWER);
    expect(streamed.output_text).toBe(ANSWER);
    expect(whole.status).toBe("completed");
    expect(streamed.status).toBe("completed");
    for (const { usage } of [whole, streamed]) {
      expect(usage).toMatchObject({ input_tokens: 3, output_tokens: 10, total_tokens: 13 });
    }
  });

  test.each([false, true])("two parallel calls and their results (streamed: %p)", async (stream) => {
    const asked = { model: model("demo-tools", api), input, tools };
    const first = stream
      ? await client.responses.stream(asked).finalResponse()
      : await client.responses.create(asked);
    expect(first.output).toMatchObject([
      { type: "function_call", name: "weather" },
      { type: "function_call", name: "clock" },
    ]);
    const second = await client.responses.create({
      ...asked,
      input: [...input, ...toInput(first.output), ...outputsFor(first)],
    });
    expect(second.output_text).toBe('Result 1: "result 0" Result 2: "result 1"');
  });

  test.each([false, true])("reasoning survives a tool loop (streamed: %p)", async (stream) => {
    const asked = {
      model: model("demo-reasoning", api),
      input,
      tools,
      store: false,
      reasoning: { effort: "low", summary: "auto" },
      include: ["reasoning.encrypted_content"],
    } as const;
    const request = { ...asked, include: [...asked.include] };
    const first = stream
      ? await client.responses.stream(request).finalResponse()
      : await client.responses.create(request);
    expect(first.output[0]?.type).toBe("reasoning");
    const second = await client.responses.create({
      ...request,
      input: [...input, ...toInput(first.output), ...outputsFor(first)],
    });
    expect(second.output_text).toStartWith("I thought about it. 1 of my earlier thoughts");
  });

  test("a picture arrives by its bytes", async () => {
    const answer = await client.responses.create({
      model: model("demo-vision", api),
      input: [
        {
          role: "user",
          content: [{ type: "input_image", detail: "auto", image_url: `data:image/png;base64,${GREEN_PNG}` }],
        },
      ],
    });
    expect(answer.output_text).toStartWith("I see 1: 1. image of type image/png, 66 bytes, 3 x 2 pixels.");
  });

  test("structured output obeys its schema", async () => {
    const answer = await client.responses.create({
      model: model("demo-json", api),
      input,
      text: { format: { type: "json_schema", name: "place", schema: PARAMETERS, strict: false } },
    });
    expect(JSON.parse(answer.output_text)).toMatchObject({ city: "demo city" });
  });
});
