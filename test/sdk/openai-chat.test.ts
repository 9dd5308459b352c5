/** The official OpenAI SDK, Chat Completions, against a listening gateway, in front of each upstream API. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import OpenAI from "openai";
import { zodResponseFormat } from "openai/helpers/zod";
import { z } from "zod";
import { GREEN_PNG, PARAMETERS } from "../demo/samples.ts";
import { model, startMatrix, upstreamApis, type Matrix } from "../gateway/start-matrix.ts";

let matrix: Matrix;
let client: OpenAI;
let pictures: Bun.Server<undefined>;

beforeAll(async () => {
  pictures = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: () => new Response(Buffer.from(GREEN_PNG, "base64"), { headers: { "content-type": "image/png" } }),
  });
  matrix = await startMatrix({
    models: ["demo", "demo-tools", "demo-reasoning", "demo-vision", "demo-json", "demo-lorem-50"],
    config: `media: { allow_hosts: ["127.0.0.1:${pictures.port}"] }\n`,
  });
  client = new OpenAI({
    baseURL: `${matrix.gateway.url}/v1`,
    apiKey: matrix.gateway.key,
    maxRetries: 0,
  });
});

afterAll(async () => {
  await matrix.stop();
  await pictures.stop(true);
});

const messages: OpenAI.ChatCompletionMessageParam[] = [{ role: "user", content: "how are you" }];
const ANSWER = 'Hello from the demo model. You said: "how are you"';
const tools: OpenAI.ChatCompletionTool[] = [
  { type: "function", function: { name: "weather", parameters: PARAMETERS } },
  { type: "function", function: { name: "clock" } },
];

describe.each(upstreamApis)("Chat Completions on %s", (api) => {
  test("whole and streamed answers agree to the byte and to the token", async () => {
    const asked = { model: model("demo", api), messages };
    const whole = await client.chat.completions.create(asked);
    const streamed = await client.chat.completions
      .stream({ ...asked, stream_options: { include_usage: true } })
      .finalChatCompletion();
    expect(whole.choices[0]?.message.content).toBe(ANSWER);
    expect(streamed.choices[0]?.message.content).toBe(ANSWER);
    expect(whole.choices[0]?.finish_reason).toBe("stop");
    expect(streamed.choices[0]?.finish_reason).toBe("stop");
    expect(whole.usage).toMatchObject({ prompt_tokens: 3, completion_tokens: 10, total_tokens: 13 });
    expect(streamed.usage).toMatchObject({ prompt_tokens: 3, completion_tokens: 10, total_tokens: 13 });
  });

  test("usage comes as the last chunk where it was asked for, and only then", async () => {
    const collect = async (withUsage: boolean) => {
      const stream = await client.chat.completions.create({
        model: model("demo", api),
        messages,
        stream: true,
        ...(withUsage && { stream_options: { include_usage: true } }),
      });
      const chunks: OpenAI.ChatCompletionChunk[] = [];
      for await (const chunk of stream) chunks.push(chunk);
      return chunks;
    };
    const asked = await collect(true);
    expect(asked.at(-1)).toMatchObject({ choices: [], usage: { prompt_tokens: 3, completion_tokens: 10 } });
    const unasked = await collect(false);
    expect(unasked.filter((chunk) => chunk.choices.length === 0)).toEqual([]);
    expect(unasked.filter((chunk) => chunk.usage)).toEqual([]);
  });

  test("runTools goes through a loop of two parallel calls and their results", async () => {
    const called: string[] = [];
    const run = client.chat.completions.runTools({
      model: model("demo-tools", api),
      messages,
      stream: true,
      tools: [
        {
          type: "function",
          function: {
            name: "weather",
            description: "Weather of a city",
            parameters: PARAMETERS,
            parse: (text: string): unknown => JSON.parse(text),
            function: (given: unknown) => {
              called.push(JSON.stringify(given));
              return "sunny";
            },
          },
        },
        {
          type: "function",
          function: {
            name: "clock",
            description: "The time",
            parameters: { type: "object", properties: {} },
            function: () => {
              called.push("clock");
              return "noon";
            },
          },
        },
      ],
    });
    expect(await run.finalContent()).toBe('Result 1: "sunny" Result 2: "noon"');
    expect(called.toSorted()).toEqual(["clock", '{"city":"demo city","days":1}'].toSorted());
  });

  test("parallel calls and their results keep their order and ids, whole", async () => {
    const asked = { model: model("demo-tools", api), messages, tools };
    const first = await client.chat.completions.create(asked);
    const message = first.choices[0]?.message;
    const calls = message?.tool_calls ?? [];
    expect(first.choices[0]?.finish_reason).toBe("tool_calls");
    expect(calls.map((call) => call.type === "function" && call.function.name)).toEqual(["weather", "clock"]);
    expect(new Set(calls.map((call) => call.id)).size).toBe(2);
    const second = await client.chat.completions.create({
      ...asked,
      messages: [
        ...messages,
        { role: "assistant", tool_calls: calls },
        // Answered in the other order on purpose: ids pair them, not places.
        { role: "tool", tool_call_id: calls[1]?.id ?? "", content: "second" },
        { role: "tool", tool_call_id: calls[0]?.id ?? "", content: "first" },
      ],
    });
    const said = second.choices[0]?.message.content ?? "";
    expect(said).toContain('"first"');
    expect(said).toContain('"second"');
  });

  test("one call where parallel calls are off, a forced one, and none", async () => {
    const asked = { model: model("demo-tools", api), messages, tools };
    const single = await client.chat.completions.create({ ...asked, parallel_tool_calls: false });
    // Gemini has no such switch: there it is reported as dropped.
    expect(single.choices[0]?.message.tool_calls).toHaveLength(api === "gemini" ? 2 : 1);
    const forced = await client.chat.completions.create({
      ...asked,
      tool_choice: { type: "function", function: { name: "clock" } },
    });
    expect(forced.choices[0]?.message.tool_calls).toMatchObject([{ function: { name: "clock" } }]);
    const none = await client.chat.completions.create({ ...asked, tool_choice: "none" });
    expect(none.choices[0]?.message.tool_calls ?? []).toEqual([]);
  });

  test("a picture arrives by its bytes, as a data URL or from an allowed address", async () => {
    const see = async (url: string) => {
      const content = [{ type: "image_url" as const, image_url: { url } }];
      const answer = await client.chat.completions.create({
        model: model("demo-vision", api),
        messages: [{ role: "user", content }],
      });
      return answer.choices[0]?.message.content;
    };
    const seen = "I see 1: 1. image of type image/png, 66 bytes, 3 x 2 pixels.";
    expect(await see(`data:image/png;base64,${GREEN_PNG}`)).toBe(seen);
    const address = `http://127.0.0.1:${pictures.port}/green.png`;
    const byAddress = await see(address);
    // Only where the upstream cannot fetch is it fetched here.
    expect(byAddress).toBe(api === "gemini" ? seen : `I see 1: 1. image at ${address}.`);
  });

  test("structured output is parsed by the SDK's zod helper, whole and streamed", async () => {
    const Place = z.object({ city: z.string(), days: z.number().int().nullable() });
    const asked = {
      model: model("demo-json", api),
      messages,
      response_format: zodResponseFormat(Place, "place"),
    };
    const parsed = await client.chat.completions.parse(asked);
    expect(parsed.choices[0]?.message.parsed?.city).toBe("demo city");
    const streamed = await client.chat.completions.stream(asked).finalChatCompletion();
    expect(streamed.choices[0]?.message.parsed).toEqual(parsed.choices[0]?.message.parsed ?? null);
  });

  test("an output limit and stop sequences bind", async () => {
    const cut = await client.chat.completions.create({
      model: model("demo-lorem-50", api),
      messages,
      max_completion_tokens: 20,
    });
    expect(cut.choices[0]?.finish_reason).toBe("length");
    expect(cut.usage?.completion_tokens).toBe(20);
    if (api === "openai-responses") return;
    const stopped = await client.chat.completions.create({
      model: model("demo", api),
      messages,
      stop: ["You said"],
    });
    expect(stopped.choices[0]?.message.content).toBe("Hello from the demo model. ");
  });

  test.each([false, true])("reasoning survives a tool loop, byte for byte (streamed: %p)", async (stream) => {
    const asked = { model: model("demo-reasoning", api), messages, tools, reasoning_effort: "low" as const };
    const first = stream
      ? await client.chat.completions.stream(asked).finalChatCompletion()
      : await client.chat.completions.create(asked);
    const assistant = first.choices[0]?.message;
    if (!assistant) throw new Error("no choice");
    const calls = assistant.tool_calls ?? [];
    expect(calls.length).toBeGreaterThan(0);
    const second = await client.chat.completions.create({
      ...asked,
      messages: [
        ...messages,
        assistant,
        ...calls.map((call) => ({ role: "tool" as const, tool_call_id: call.id, content: "42" })),
      ],
    });
    expect(second.choices[0]?.message.content).toStartWith("I thought about it. 1 of my earlier thoughts");
  });
});
