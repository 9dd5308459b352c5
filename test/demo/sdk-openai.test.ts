/** The official OpenAI SDK against the demo: Chat Completions, Responses, embeddings, models, errors. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import OpenAI from "openai";
import { type RunningDemo, startDemoUpstream } from "./start-demo.ts";
import { errorOf, GREEN_PNG, PARAMETERS } from "./samples.ts";

let demo: RunningDemo;
let client: OpenAI;
beforeAll(async () => {
  demo = await startDemoUpstream();
  client = new OpenAI({ baseURL: `${demo.url}/v1`, apiKey: "any", maxRetries: 0 });
});
afterAll(() => demo.stop());

const messages: OpenAI.ChatCompletionMessageParam[] = [{ role: "user", content: "how are you" }];
const chatTools: OpenAI.ChatCompletionTool[] = [
  { type: "function", function: { name: "weather", parameters: PARAMETERS } },
  { type: "function", function: { name: "clock" } },
];
const responsesTools: OpenAI.Responses.FunctionTool[] = [
  { type: "function", name: "weather", parameters: PARAMETERS, strict: false },
  { type: "function", name: "clock", parameters: null, strict: false },
];

describe("Chat Completions", () => {
  test("quotes the user, and the stream says the same to the byte and to the token", async () => {
    const whole = await client.chat.completions.create({ model: "demo", messages });
    const stream = client.chat.completions.stream({
      model: "demo",
      messages,
      stream_options: { include_usage: true },
    });
    const streamed = await stream.finalChatCompletion();
    expect(whole.choices[0]?.message.content).toBe('Hello from the demo model. You said: "how are you"');
    expect(streamed.choices[0]?.message.content).toBe(whole.choices[0]?.message.content ?? "");
    expect(streamed.usage).toEqual(whole.usage);
    expect(whole.usage).toMatchObject({ prompt_tokens: 3, completion_tokens: 10, total_tokens: 13 });
  });

  test("calls two tools at once and quotes both results", async () => {
    const stream = client.chat.completions.stream({ model: "demo-tools", messages, tools: chatTools });
    const first = await stream.finalChatCompletion();
    const asked = first.choices[0]?.message;
    expect(first.choices[0]?.finish_reason).toBe("tool_calls");
    expect(asked?.tool_calls?.map((call) => call.type === "function" && call.function)).toMatchObject([
      { name: "weather", arguments: '{"city":"demo city","days":1}' },
      { name: "clock", arguments: "{}" },
    ]);
    const results = (asked?.tool_calls ?? []).map((call, index) => ({
      role: "tool" as const,
      tool_call_id: call.id,
      content: `result ${index}`,
    }));
    const history = [
      ...messages,
      { role: "assistant" as const, tool_calls: asked?.tool_calls ?? [] },
      ...results,
    ];
    const second = await client.chat.completions.create({
      model: "demo-tools",
      messages: history,
      tools: chatTools,
    });
    expect(second.choices[0]?.message.content).toBe('Result 1: "result 0" Result 2: "result 1"');
    const orphan = client.chat.completions.create({ model: "demo-tools", messages: history.slice(0, 3) });
    expect((await errorOf(orphan)).message).toContain("must be followed by tool messages");
  });

  test("makes one call where parallel calls are switched off, and none where tools are", async () => {
    const body = { model: "demo-tools", messages, tools: chatTools };
    const single = await client.chat.completions.create({ ...body, parallel_tool_calls: false });
    expect(single.choices[0]?.message.tool_calls).toHaveLength(1);
    const forced = await client.chat.completions.create({
      ...body,
      tool_choice: { type: "function", function: { name: "clock" } },
    });
    expect(forced.choices[0]?.message.tool_calls).toMatchObject([{ function: { name: "clock" } }]);
    const none = await client.chat.completions.create({ ...body, tool_choice: "none" });
    expect(none.choices[0]?.message.tool_calls).toBeUndefined();
  });

  test("wants the reasoning of a tool loop back", async () => {
    const first = await client.chat.completions.create({
      model: "demo-reasoning",
      messages,
      tools: chatTools,
    });
    const asked = first.choices[0]?.message;
    if (asked === undefined) throw new Error("no choice");
    expect(asked).toHaveProperty("reasoning_content");
    const results = (asked.tool_calls ?? []).map((call) => ({
      role: "tool" as const,
      tool_call_id: call.id,
      content: "42",
    }));
    const ask = (assistant: OpenAI.ChatCompletionMessageParam) =>
      client.chat.completions.create({
        model: "demo-reasoning",
        messages: [...messages, assistant, ...results],
      });
    const second = await ask(asked);
    expect(second.choices[0]?.message.content).toStartWith("I thought about it. 1 of my earlier thoughts");
    expect((await errorOf(ask({ role: "assistant", tool_calls: asked.tool_calls ?? [] }))).message).toContain(
      "reasoning_content",
    );
  });

  test("obeys a JSON schema, the output limit and stop sequences", async () => {
    const json = await client.chat.completions.create({
      model: "demo-json",
      messages,
      response_format: { type: "json_schema", json_schema: { name: "place", schema: PARAMETERS } },
    });
    expect(JSON.parse(json.choices[0]?.message.content ?? "")).toEqual({ city: "demo city", days: 1 });
    const cut = await client.chat.completions.create({
      model: "demo-lorem-50",
      messages,
      max_completion_tokens: 7,
    });
    expect(cut.choices[0]?.finish_reason).toBe("length");
    expect(cut.usage?.completion_tokens).toBe(7);
    const stopped = await client.chat.completions.create({ model: "demo", messages, stop: ["You said"] });
    expect(stopped.choices[0]?.message.content).toBe("Hello from the demo model. ");
  });

  test("describes pictures, sounds and files from their bytes", async () => {
    const answer = await client.chat.completions.create({
      model: "demo-vision",
      messages: [
        {
          role: "user",
          content: [
            { type: "image_url", image_url: { url: `data:image/png;base64,${GREEN_PNG}` } },
            { type: "image_url", image_url: { url: "https://example.com/cat.jpg" } },
            { type: "input_audio", input_audio: { data: "AAAA", format: "wav" } },
            { type: "file", file: { filename: "a.pdf", file_data: "data:application/pdf;base64,AAAAAAAA" } },
          ],
        },
      ],
    });
    expect(answer.choices[0]?.message.content).toBe(
      "I see 4: 1. image of type image/png, 66 bytes, 3 x 2 pixels. 2. image at https://example.com/cat.jpg. " +
        '3. audio of type audio/wav, 3 bytes. 4. document of type application/pdf titled "a.pdf", 6 bytes.',
    );
  });
});

describe("Responses", () => {
  test("quotes the user, and the stream ends in the same response", async () => {
    const whole = await client.responses.create({ model: "demo", input: "how are you" });
    const stream = client.responses.stream({ model: "demo", input: "how are you" });
    const streamed = await stream.finalResponse();
    expect(whole.output_text).toBe('Hello from the demo model. You said: "how are you"');
    expect(streamed.output_text).toBe(whole.output_text);
    expect(streamed.usage).toEqual(whole.usage);
  });

  test("numbers its events from 0 without a gap and opens every part before its deltas", async () => {
    const types: string[] = [];
    const stream = await client.responses.create({ model: "demo-lorem-2", input: "x", stream: true });
    for await (const event of stream) {
      expect(event.sequence_number).toBe(types.length);
      types.push(event.type);
    }
    expect(types).toEqual([
      "response.created",
      "response.in_progress",
      "response.output_item.added",
      "response.content_part.added",
      "response.output_text.delta",
      "response.output_text.delta",
      "response.output_text.done",
      "response.content_part.done",
      "response.output_item.done",
      "response.completed",
    ]);
  });

  test("signs its reasoning and insists on it, unchanged and in place", async () => {
    const body = {
      model: "demo-reasoning",
      tools: responsesTools,
      reasoning: { summary: "auto" },
      store: false,
    } satisfies Partial<OpenAI.Responses.ResponseCreateParamsNonStreaming>;
    const question: OpenAI.Responses.ResponseInputItem = { role: "user", content: "how are you" };
    const stream = client.responses.stream({ ...body, input: [question] });
    const first = await stream.finalResponse();
    expect(first.output.map((item) => item.type)).toEqual(["reasoning", "function_call", "function_call"]);
    const output = first.output.flatMap((item) =>
      item.type === "reasoning" || item.type === "function_call" ? [item] : [],
    );
    const results = output.flatMap((item) =>
      item.type === "function_call"
        ? [{ type: "function_call_output", call_id: item.call_id, output: "42" } as const]
        : [],
    );
    const ask = (items: OpenAI.Responses.ResponseInputItem[]) =>
      client.responses.create({ ...body, input: [question, ...items, ...results] });
    expect((await ask(output)).output_text).toContain("1 of my earlier thoughts came back unchanged");
    const [reasoning, weather, clock] = output;
    if (reasoning?.type !== "reasoning" || !weather || !clock) throw new Error("three items were expected");
    expect((await errorOf(ask([weather, clock]))).message).toContain("without its required 'reasoning' item");
    expect((await errorOf(ask([reasoning, clock, weather]))).message).toContain("could not be verified");
    expect(
      (await errorOf(ask([{ ...reasoning, encrypted_content: "AAAA" }, weather, clock]))).message,
    ).toContain("could not be verified");
    expect(await errorOf(ask([weather, clock, reasoning]))).toBeInstanceOf(OpenAI.BadRequestError);
  });

  test("counts input tokens, and obeys schemas and limits", async () => {
    const counted = await client.responses.inputTokens.count({ model: "demo", input: "how are you" });
    expect(counted.input_tokens).toBe(3);
    const json = await client.responses.create({
      model: "demo-json",
      input: "x",
      text: { format: { type: "json_schema", name: "place", schema: PARAMETERS } },
    });
    expect(JSON.parse(json.output_text)).toEqual({ city: "demo city", days: 1 });
    const cut = await client.responses.create({ model: "demo-lorem-50", input: "x", max_output_tokens: 16 });
    expect(cut).toMatchObject({ status: "incomplete", incomplete_details: { reason: "max_output_tokens" } });
  });

  test("refuses an output without its call", async () => {
    const input = [{ type: "function_call_output", call_id: "nope", output: "1" } as const];
    expect((await errorOf(client.responses.create({ model: "demo", input }))).message).toContain(
      "No tool call found",
    );
  });
});

describe("the rest", () => {
  test("embeds every text its own way, in floats and in base64 alike", async () => {
    const body = { model: "demo-embed", input: ["a", "b"], dimensions: 8 };
    const floats = await client.embeddings.create({ ...body, encoding_format: "float" });
    const decoded = await client.embeddings.create(body);
    expect(floats.data.map((entry) => entry.embedding)).toEqual(decoded.data.map((entry) => entry.embedding));
    expect(floats.data[0]?.embedding).not.toEqual(floats.data[1]?.embedding ?? []);
    expect(floats.usage.prompt_tokens).toBe(2);
  });

  test("lists its models and knows each of them", async () => {
    const listed = await client.models.list();
    expect(listed.data.map((model) => model.id)).toContain("demo-reasoning");
    expect((await client.models.retrieve("demo-echo")).id).toBe("demo-echo");
    expect(await errorOf(client.models.retrieve("missing-1"))).toBeInstanceOf(OpenAI.NotFoundError);
  });

  const errors = [
    ["400", OpenAI.BadRequestError],
    ["401", OpenAI.AuthenticationError],
    ["403", OpenAI.PermissionDeniedError],
    ["404", OpenAI.NotFoundError],
    ["429", OpenAI.RateLimitError],
    ["500", OpenAI.InternalServerError],
  ] as const;
  test.each(errors)("fault %s raises the SDK's own error on both APIs", async (kind, type) => {
    const model = `demo-fault-${kind}`;
    expect(await errorOf(client.chat.completions.create({ model, messages }))).toBeInstanceOf(type);
    expect(await errorOf(client.responses.create({ model, input: "x" }))).toBeInstanceOf(type);
  });

  test("a bad key is refused as OpenAI does", async () => {
    const stranger = new OpenAI({ baseURL: `${demo.url}/v1`, apiKey: "bad-key", maxRetries: 0 });
    expect(await errorOf(stranger.models.list())).toMatchObject({ status: 401, code: "invalid_api_key" });
  });

  test("the SDK's own retry gets past a fault that happens once", async () => {
    const patient = new OpenAI({ baseURL: `${demo.url}/v1`, apiKey: "any", maxRetries: 2 });
    const body = { model: "demo-fault-429-ms-1-x2-kretry", messages };
    const answer = await patient.chat.completions.create(body);
    expect(answer.choices[0]?.message.content).toStartWith("Hello");
    const seen = (await demo.requests()).filter((request) => request.model === body.model);
    expect(seen.map((request) => request.status)).toEqual([429, 429, 200]);
  });
});
