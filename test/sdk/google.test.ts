/** The official Google SDK, as AI Studio and as Vertex, against a listening gateway, in front of each upstream API. */
import { GoogleGenAI, type Content, type GenerateContentResponse } from "@google/genai";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { GREEN_PNG, PARAMETERS } from "../demo/samples.ts";
import { model, startMatrix, upstreamApis, type Matrix } from "../gateway/start-matrix.ts";

let matrix: Matrix;
let studio: GoogleGenAI;
let vertex: GoogleGenAI;

beforeAll(async () => {
  matrix = await startMatrix({
    models: ["demo", "demo-tools", "demo-reasoning", "demo-vision", "demo-json"],
  });
  const { url, key } = matrix.gateway;
  studio = new GoogleGenAI({ apiKey: key, httpOptions: { baseUrl: url } });
  vertex = new GoogleGenAI({ vertexai: true, apiKey: key, httpOptions: { baseUrl: url } });
});

afterAll(() => matrix.stop());

const ANSWER = 'Hello from the demo model. You said: "how are you"';
const question: Content = { role: "user", parts: [{ text: "how are you" }] };
const tools = [
  { functionDeclarations: [{ name: "weather", parametersJsonSchema: PARAMETERS }, { name: "clock" }] },
];

async function collect(stream: AsyncGenerator<GenerateContentResponse>): Promise<GenerateContentResponse[]> {
  const chunks: GenerateContentResponse[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}

function contentOf(response: GenerateContentResponse): Content {
  const content = response.candidates?.[0]?.content;
  if (content === undefined) throw new Error("no content");
  return content;
}

const resultsFor = (content: Content): Content => ({
  role: "user",
  parts: (content.parts ?? []).flatMap(({ functionCall }, index) =>
    functionCall
      ? [
          {
            functionResponse: {
              ...(functionCall.id !== undefined && { id: functionCall.id }),
              name: functionCall.name ?? "",
              response: { output: `result ${index}` },
            },
          },
        ]
      : [],
  ),
});

describe.each(upstreamApis)("generateContent on %s", (api) => {
  test.each([
    ["AI Studio", () => studio],
    ["Vertex", () => vertex],
  ])("%s: whole and streamed answers agree to the byte and to the token", async (_, house) => {
    const asked = { model: model("demo", api), contents: "how are you" };
    const whole = await house().models.generateContent(asked);
    const chunks = await collect(await house().models.generateContentStream(asked));
    expect(whole.text).toBe(ANSWER);
    expect(chunks.map((chunk) => chunk.text ?? "").join("")).toBe(ANSWER);
    for (const last of [whole, chunks.at(-1)]) {
      expect(last?.candidates?.[0]?.finishReason).toBe("STOP" as never);
      expect(last?.usageMetadata).toMatchObject({ promptTokenCount: 3, candidatesTokenCount: 10 });
    }
  });

  test("two calls and their results", async () => {
    const asked = { model: model("demo-tools", api), contents: [question], config: { tools } };
    const first = await studio.models.generateContent(asked);
    expect(first.functionCalls?.map((call) => call.name)).toEqual(["weather", "clock"]);
    const content = contentOf(first);
    const second = await studio.models.generateContent({
      ...asked,
      contents: [question, content, resultsFor(content)],
    });
    expect(second.text).toContain("result 0");
    expect(second.text).toContain("result 1");
  });

  test("thoughts and their signatures survive a tool loop", async () => {
    const config = { tools, thinkingConfig: { includeThoughts: true, thinkingBudget: 1024 } };
    const asked = { model: model("demo-reasoning", api), contents: [question], config };
    const first = await studio.models.generateContent(asked);
    const content = contentOf(first);
    expect(content.parts?.some((part) => part.thought === true)).toBe(true);
    // Chat Completions' own thoughts are plain text, without any signature.
    const isSigned = content.parts?.some((part) => part.thoughtSignature !== undefined) ?? false;
    expect(isSigned).toBe(api !== "openai-chat");
    const second = await studio.models.generateContent({
      ...asked,
      contents: [question, content, resultsFor(content)],
    });
    expect(second.text).toContain("1 of my earlier thoughts came back unchanged");
  });

  test("a picture arrives by its bytes, structured output obeys its schema, tokens are counted", async () => {
    const seen = await studio.models.generateContent({
      model: model("demo-vision", api),
      contents: [{ role: "user", parts: [{ inlineData: { mimeType: "image/png", data: GREEN_PNG } }] }],
    });
    expect(seen.text).toStartWith("I see 1: 1. image of type image/png, 66 bytes, 3 x 2 pixels.");
    const json = await studio.models.generateContent({
      model: model("demo-json", api),
      contents: "how are you",
      config: { responseMimeType: "application/json", responseJsonSchema: PARAMETERS },
    });
    expect(JSON.parse(json.text ?? "")).toMatchObject({ city: "demo city" });
    const counted = await studio.models.countTokens({ model: model("demo", api), contents: "how are you" });
    expect(counted.totalTokens).toBeGreaterThan(0);
  });
});

test("models are listed", async () => {
  const names: string[] = [];
  for await (const entry of await studio.models.list({ config: { pageSize: 7 } }))
    names.push(entry.name ?? "");
  expect(names).toHaveLength(20);
  expect(names).toContain(`models/${model("demo", "gemini")}`);
  const one = await studio.models.get({ model: model("demo", "gemini") });
  expect(one.name).toBe(`models/${model("demo", "gemini")}`);
});
