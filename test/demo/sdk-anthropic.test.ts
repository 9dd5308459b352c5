/** The official Anthropic SDK against the demo, as Anthropic, as Clewdr and as OpenRouter; Claude on Vertex by hand. */
import Anthropic from "@anthropic-ai/sdk";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { errorOf, GREEN_PNG, PARAMETERS } from "./samples.ts";
import { type RunningDemo, startDemoUpstream } from "./start-demo.ts";

let demo: RunningDemo;
let client: Anthropic;
beforeAll(async () => {
  demo = await startDemoUpstream();
  client = new Anthropic({ baseURL: demo.url, apiKey: "any", maxRetries: 0 });
});
afterAll(() => demo.stop());

const question: Anthropic.MessageParam = { role: "user", content: "how are you" };
const body = { max_tokens: 1000, messages: [question] };
const tools: Anthropic.Tool[] = [
  { name: "weather", input_schema: { ...PARAMETERS, type: "object" } },
  { name: "clock", input_schema: { type: "object" } },
];

function textOf(message: Anthropic.Message): string {
  return message.content.map((block) => (block.type === "text" ? block.text : "")).join("");
}

function resultsFor(message: Anthropic.Message): Anthropic.ToolResultBlockParam[] {
  return message.content.flatMap((block, index) =>
    block.type === "tool_use"
      ? [{ type: "tool_result", tool_use_id: block.id, content: `result ${index}` } as const]
      : [],
  );
}

describe("Messages", () => {
  test("quotes the user, and the stream says the same to the byte and to the token", async () => {
    const whole = await client.messages.create({ ...body, model: "demo" });
    const streamed = await client.messages.stream({ ...body, model: "demo" }).finalMessage();
    expect(textOf(whole)).toBe('Hello from the demo model. You said: "how are you"');
    expect(textOf(streamed)).toBe(textOf(whole));
    expect(streamed.usage).toMatchObject({ input_tokens: 3, output_tokens: 10 });
    expect(streamed.usage.output_tokens).toBe(whole.usage.output_tokens);
    expect(streamed.stop_reason).toBe("end_turn");
  });

  test("calls two tools at once, streamed and whole, and quotes both results", async () => {
    const streamed = await client.messages.stream({ ...body, tools, model: "demo-tools" }).finalMessage();
    const whole = await client.messages.create({ ...body, tools, model: "demo-tools" });
    const shape = [
      { type: "tool_use", name: "weather", input: { city: "demo city", days: 1 } },
      { type: "tool_use", name: "clock", input: {} },
    ];
    expect(streamed.content).toMatchObject(shape);
    expect(whole.content).toMatchObject(shape);
    const messages = [
      question,
      { role: "assistant", content: whole.content },
      { role: "user", content: resultsFor(whole) },
    ];
    const second = await client.messages.create({
      ...body,
      tools,
      model: "demo-tools",
      messages: toParams(messages),
    });
    expect(textOf(second)).toBe('Result 1: "result 0" Result 2: "result 1"');
  });

  const wrongTurns: readonly [
    string,
    (results: Anthropic.ToolResultBlockParam[]) => Anthropic.ContentBlockParam[],
    string,
  ][] = [
    ["a missing result", (results) => results.slice(1), "without `tool_result` blocks immediately after"],
    [
      "text before a result",
      (results) => [{ type: "text", text: "hm" }, ...results],
      "must come before other content",
    ],
    [
      "two results for one call",
      (results) => [...results, ...results.slice(0, 1)],
      "unexpected `tool_use_id`",
    ],
    [
      "a result for no call",
      (results) => [...results, { type: "tool_result", tool_use_id: "toolu_x" }],
      "unexpected `tool_use_id`",
    ],
  ];
  test.each(wrongTurns)("refuses %s", async (_, spoil, message) => {
    const first = await client.messages.create({ ...body, tools, model: "demo-tools" });
    const messages = [
      question,
      { role: "assistant", content: first.content },
      { role: "user", content: spoil(resultsFor(first)) },
    ];
    const call = client.messages.create({
      ...body,
      tools,
      model: "demo-tools",
      messages: toParams(messages),
    });
    expect((await errorOf(call)).message).toContain(message);
  });

  test("signs its thoughts and insists on them, unchanged and in place", async () => {
    const request = {
      ...body,
      tools,
      model: "demo-reasoning",
      thinking: { type: "enabled", budget_tokens: 1024 },
    } as const;
    const first = await client.messages.stream({ ...request, max_tokens: 2000 }).finalMessage();
    expect(first.content.map((block) => block.type)).toEqual(["thinking", "tool_use", "tool_use"]);
    const ask = (content: readonly Anthropic.ContentBlock[]) =>
      client.messages.create({
        ...request,
        max_tokens: 2000,
        messages: toParams([
          question,
          { role: "assistant", content },
          { role: "user", content: resultsFor(first) },
        ]),
      });
    expect(textOf(await ask(first.content))).toContain("1 of my earlier thoughts came back unchanged");
    const [thinking, weather, clock] = first.content;
    if (thinking?.type !== "thinking" || !weather || !clock) throw new Error("three blocks were expected");
    const refusalOf = async (content: readonly Anthropic.ContentBlock[]) =>
      (await errorOf(ask(content))).message;
    expect(await refusalOf([weather, clock])).toContain("Expected `thinking`");
    expect(await refusalOf([{ ...thinking, thinking: "tampered" }, weather, clock])).toContain(
      "Invalid `signature`",
    );
    expect(await refusalOf([{ ...thinking, signature: "AAAA" }, weather, clock])).toContain(
      "Invalid `signature`",
    );
    expect(await refusalOf([thinking, clock, weather])).toContain("Invalid `signature`");
    expect(await refusalOf([weather, thinking, clock])).toContain("Expected `thinking`");
  });

  test("withholds the text of its thoughts where asked, and knows them again", async () => {
    const request = {
      ...body,
      tools,
      model: "demo-reasoning",
      thinking: { type: "adaptive", display: "omitted" },
    } as const;
    const first = await client.messages.stream(request).finalMessage();
    expect(first.content[0]).toMatchObject({ type: "thinking", thinking: "" });
    const messages = [
      question,
      { role: "assistant", content: first.content },
      { role: "user", content: resultsFor(first) },
    ];
    const second = await client.messages.create({ ...request, messages: toParams(messages) });
    expect(textOf(second)).toContain("1 of my earlier thoughts came back unchanged");
  });

  test("describes pictures and documents", async () => {
    const content: Anthropic.ContentBlockParam[] = [
      { type: "image", source: { type: "base64", media_type: "image/png", data: GREEN_PNG } },
      { type: "document", title: "notes", source: { type: "text", media_type: "text/plain", data: "abc" } },
      { type: "document", source: { type: "url", url: "https://example.com/a.pdf" } },
    ];
    const answer = await client.messages.create({
      ...body,
      model: "demo-vision",
      messages: [{ role: "user", content }],
    });
    expect(textOf(answer)).toBe(
      "I see 3: 1. image of type image/png, 66 bytes, 3 x 2 pixels. " +
        '2. document of type text/plain titled "notes", 3 bytes. 3. document at https://example.com/a.pdf.',
    );
  });

  test("splits its input into fresh, cached and written tokens where caching was asked for", async () => {
    const content = [
      { type: "text", text: "one two three four", cache_control: { type: "ephemeral", ttl: "1h" } },
    ] as const;
    const answer = await client.messages.create({
      ...body,
      model: "demo",
      messages: [{ role: "user", content: [...content] }],
    });
    expect(answer.usage).toMatchObject({
      input_tokens: 1,
      cache_read_input_tokens: 2,
      cache_creation_input_tokens: 1,
      cache_creation: { ephemeral_5m_input_tokens: 0, ephemeral_1h_input_tokens: 1 },
    });
  });

  test("obeys a schema, the output limit and stop sequences", async () => {
    const json = await client.messages.create({
      ...body,
      model: "demo-json",
      output_config: { format: { type: "json_schema", schema: PARAMETERS } },
    });
    expect(JSON.parse(textOf(json))).toEqual({ city: "demo city", days: 1 });
    const cut = await client.messages.create({ ...body, model: "demo-lorem-50", max_tokens: 7 });
    expect([cut.stop_reason, cut.usage.output_tokens]).toEqual(["max_tokens", 7]);
    const stopped = await client.messages.create({ ...body, model: "demo", stop_sequences: ["demo"] });
    expect([stopped.stop_reason, stopped.stop_sequence, textOf(stopped)]).toEqual([
      "stop_sequence",
      "demo",
      "Hello from the ",
    ]);
  });

  test("counts tokens as it bills them", async () => {
    const counted = await client.messages.countTokens({ model: "demo", messages: [question] });
    expect(counted.input_tokens).toBe(3);
  });

  const invalid: readonly [string, object, string][] = [
    ["no max_tokens", { max_tokens: undefined }, "max_tokens: Field required"],
    ["an assistant first", { messages: [{ role: "assistant", content: "a" }] }, "first message must use"],
    [
      "an empty text",
      { messages: [{ role: "user", content: [{ type: "text", text: " " }] }] },
      "non-whitespace text",
    ],
  ];
  test.each(invalid)("refuses %s", async (_, change, message) => {
    const call = client.messages.create({ ...body, model: "demo", ...change });
    expect((await errorOf(call)).message).toContain(message);
  });

  const errors = [
    ["400", Anthropic.BadRequestError],
    ["401", Anthropic.AuthenticationError],
    ["404", Anthropic.NotFoundError],
    ["429", Anthropic.RateLimitError],
    ["529", Anthropic.InternalServerError],
  ] as const;
  test.each(errors)("fault %s raises the SDK's own error", async (kind, type) => {
    expect(await errorOf(client.messages.create({ ...body, model: `demo-fault-${kind}` }))).toBeInstanceOf(
      type,
    );
  });

  test("lists its models in Anthropic's shape", async () => {
    const listed = await client.models.list();
    expect(listed.data[0]).toMatchObject({ type: "model", id: "demo" });
  });
});

describe("other houses", () => {
  test("Clewdr answers below /code and refuses a bad key in its own words", async () => {
    const clewdr = new Anthropic({ baseURL: `${demo.url}/code`, apiKey: "any", maxRetries: 0 });
    expect(textOf(await clewdr.messages.create({ ...body, model: "demo" }))).toStartWith("Hello");
    const stranger = new Anthropic({ baseURL: `${demo.url}/code`, apiKey: "bad-key", maxRetries: 0 });
    expect(await errorOf(stranger.messages.create({ ...body, model: "demo" }))).toMatchObject({
      status: 401,
      error: { error: { message: "Key/Password Invalid", type: "invalid_auth", code: 401 } },
    });
  });

  test("OpenRouter answers below /api, in a stream with comments, and names the cost", async () => {
    const openRouter = new Anthropic({ baseURL: `${demo.url}/api`, apiKey: "any", maxRetries: 0 });
    const streamed = await openRouter.messages.stream({ ...body, model: "demo" }).finalMessage();
    expect(textOf(streamed)).toStartWith("Hello");
    expect(streamed.usage).toMatchObject({ cost: 0.000023 });
  });

  const vertexPath = "/v1/projects/p/locations/l/publishers/anthropic/models";
  async function askVertex(path: string, json: object): Promise<[number, string]> {
    const response = await fetch(`${demo.url}${vertexPath}/${path}`, {
      method: "POST",
      body: JSON.stringify(json),
    });
    return [response.status, await response.text()];
  }

  test("Claude on Vertex wants its version in the body and its model only in the path", async () => {
    const good = { ...body, anthropic_version: "vertex-2023-10-16" };
    const [status, text] = await askVertex("demo:rawPredict", good);
    expect([status, JSON.parse(text).type]).toEqual([200, "message"]);
    const [, stream] = await askVertex("demo:streamRawPredict", { ...good, stream: true });
    expect(stream).toStartWith("event: message_start\n");
    expect((await askVertex("demo:rawPredict", body))[0]).toBe(400);
    expect((await askVertex("demo:rawPredict", { ...good, model: "demo" }))[0]).toBe(400);
    const count = await askVertex("count-tokens:rawPredict", { model: "demo", messages: [question] });
    expect(count).toEqual([200, '{"input_tokens":3}']);
  });
});

/** Content the SDK returned, as content to send: the same shapes under other names. */
function toParams(messages: readonly unknown[]): Anthropic.MessageParam[] {
  return JSON.parse(JSON.stringify(messages));
}
