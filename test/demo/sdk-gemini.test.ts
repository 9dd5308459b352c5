/** The official Google SDK against the demo, as AI Studio and as Vertex. */
import {
  ApiError,
  FunctionCallingConfigMode,
  GoogleGenAI,
  type Content,
  type GenerateContentResponse,
} from "@google/genai";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { errorOf, GREEN_PNG, PARAMETERS } from "./samples.ts";
import { type RunningDemo, startDemoUpstream } from "./start-demo.ts";

let demo: RunningDemo;
let studio: GoogleGenAI;
let vertex: GoogleGenAI;
beforeAll(async () => {
  demo = await startDemoUpstream();
  studio = new GoogleGenAI({ apiKey: "any", httpOptions: { baseUrl: demo.url } });
  vertex = new GoogleGenAI({ vertexai: true, apiKey: "any", httpOptions: { baseUrl: demo.url } });
});
afterAll(() => demo.stop());

const question: Content = { role: "user", parts: [{ text: "how are you" }] };
const declarations = [{ name: "weather", parametersJsonSchema: PARAMETERS }, { name: "clock" }];
const tools = [{ functionDeclarations: declarations }];

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

describe.each([
  ["AI Studio", () => studio],
  ["Vertex", () => vertex],
])("%s", (_, house) => {
  test("quotes the user, and the stream says the same to the byte and to the token", async () => {
    const { models } = house();
    const whole = await models.generateContent({ model: "demo", contents: "how are you" });
    const chunks = await collect(
      await models.generateContentStream({ model: "demo", contents: "how are you" }),
    );
    expect(whole.text).toBe('Hello from the demo model. You said: "how are you"');
    expect(chunks.map((chunk) => chunk.text ?? "").join("")).toBe(whole.text ?? "");
    expect(chunks.at(-1)?.usageMetadata).toEqual(whole.usageMetadata);
    expect(whole.usageMetadata).toMatchObject({
      promptTokenCount: 3,
      candidatesTokenCount: 10,
      totalTokenCount: 13,
    });
    expect(chunks.at(-1)?.candidates?.[0]?.finishReason).toBe(whole.candidates?.[0]?.finishReason);
  });

  test("calls two tools at once, signs the first and insists on the signature", async () => {
    const { models } = house();
    const config = { tools, thinkingConfig: { includeThoughts: true } };
    const first = await models.generateContent({ model: "demo-reasoning", contents: [question], config });
    const content = contentOf(first);
    expect(first.functionCalls).toMatchObject([
      { name: "weather", args: { city: "demo city", days: 1 } },
      { name: "clock" },
    ]);
    expect(content.parts?.[0]?.thought).toBe(true);
    const results: Content = {
      role: "user",
      parts: (first.functionCalls ?? []).map((call) => ({
        functionResponse: {
          name: call.name ?? "",
          response: { output: "42" },
          ...(call.id && { id: call.id }),
        },
      })),
    };
    const ask = (model: Content) =>
      models.generateContent({ model: "demo-reasoning", contents: [question, model, results], config });
    expect((await ask(content)).text).toContain("1 of my earlier thoughts came back unchanged");
    const change = (signature?: string): Content => ({
      role: "model",
      parts: (content.parts ?? []).map(({ thoughtSignature, ...part }) => ({
        ...part,
        ...(thoughtSignature && signature && { thoughtSignature: signature }),
      })),
    });
    expect((await errorOf(ask(change()))).message).toContain("missing a thought_signature");
    expect((await errorOf(ask(change("AAAA")))).message).toContain("Corrupted thought signature");
    expect((await ask(change("skip_thought_signature_validator"))).text).toContain(
      "0 of my earlier thoughts",
    );
  });

  test("signs a plain answer on an empty last part", async () => {
    const { models } = house();
    const chunks = await collect(
      await models.generateContentStream({ model: "demo-reasoning", contents: "hi" }),
    );
    const parts = chunks.flatMap((chunk) => chunk.candidates?.[0]?.content?.parts ?? []);
    expect(parts.filter((part) => part.thoughtSignature !== undefined)).toMatchObject([{ text: "" }]);
    expect(parts.some((part) => part.thought)).toBe(false);
    const usage = chunks.at(-1)?.usageMetadata;
    expect(usage?.totalTokenCount).toBe(
      1 + (usage?.candidatesTokenCount ?? 0) + (usage?.thoughtsTokenCount ?? 0),
    );
    expect(usage?.thoughtsTokenCount).toBeGreaterThan(0);
  });

  test("refuses responses that do not match the calls one to one", async () => {
    const { models } = house();
    const first = contentOf(
      await models.generateContent({ model: "demo-tools", contents: [question], config: { tools } }),
    );
    const one: Content = { role: "user", parts: [{ functionResponse: { name: "weather", response: {} } }] };
    const call = models.generateContent({
      model: "demo-tools",
      contents: [question, first, one],
      config: { tools },
    });
    expect((await errorOf(call)).message).toContain("number of function response parts");
  });

  test("calls the one tool it must and none where it must not", async () => {
    const { models } = house();
    const ask = (mode: FunctionCallingConfigMode, allowedFunctionNames?: string[]) =>
      models.generateContent({
        model: "demo-tools",
        contents: "x",
        config: {
          tools,
          toolConfig: {
            functionCallingConfig: { mode, ...(allowedFunctionNames && { allowedFunctionNames }) },
          },
        },
      });
    expect((await ask(FunctionCallingConfigMode.ANY, ["clock"])).functionCalls).toMatchObject([
      { name: "clock" },
    ]);
    expect((await ask(FunctionCallingConfigMode.NONE)).functionCalls).toBeUndefined();
  });

  test("describes pictures, sounds, films and documents", async () => {
    const answer = await house().models.generateContent({
      model: "demo-vision",
      contents: [
        { inlineData: { mimeType: "image/png", data: GREEN_PNG } },
        { inlineData: { mimeType: "audio/mp3", data: "AAAA" } },
        { fileData: { mimeType: "video/mp4", fileUri: "gs://bucket/film.mp4" } },
        { inlineData: { mimeType: "application/pdf", data: "AAAAAAAA" } },
      ],
    });
    expect(answer.text).toBe(
      "I see 4: 1. image of type image/png, 66 bytes, 3 x 2 pixels. 2. audio of type audio/mp3, 3 bytes. " +
        "3. video of type video/mp4 at gs://bucket/film.mp4. 4. document of type application/pdf, 6 bytes.",
    );
  });

  test("obeys a schema, the output limit and stop sequences", async () => {
    const { models } = house();
    const json = await models.generateContent({
      model: "demo-json",
      contents: "x",
      config: { responseMimeType: "application/json", responseJsonSchema: PARAMETERS },
    });
    expect(JSON.parse(json.text ?? "")).toEqual({ city: "demo city", days: 1 });
    const cut = await models.generateContent({
      model: "demo-lorem-50",
      contents: "x",
      config: { maxOutputTokens: 7 },
    });
    expect(cut).toMatchObject({
      candidates: [{ finishReason: "MAX_TOKENS" }],
      usageMetadata: { candidatesTokenCount: 7 },
    });
  });

  test("refuses schema keywords outside Google's subset", async () => {
    const call = house().models.generateContent({
      model: "demo-tools",
      contents: "x",
      config: {
        httpOptions: {
          extraBody: {
            tools: [{ functionDeclarations: [{ name: "f", parameters: { type: "OBJECT", $ref: "#" } }] }],
          },
        },
      },
    });
    expect((await errorOf(call)).message).toContain('Unknown name \\"$ref\\"');
  });

  test("counts tokens as it bills them", async () => {
    const counted = await house().models.countTokens({ model: "demo", contents: "how are you" });
    expect(counted.totalTokens).toBe(3);
  });

  test.each([400, 403, 404, 429, 500, 503])("fault %d raises the SDK's own error", async (status) => {
    const error = await errorOf(
      house().models.generateContent({ model: `demo-fault-${status}`, contents: "x" }),
    );
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ status });
  });
});

test("a bad key is 400 with its reason at AI Studio and 401 at Vertex", async () => {
  const httpOptions = { baseUrl: demo.url };
  const strangers = [
    new GoogleGenAI({ apiKey: "bad-key", httpOptions }),
    new GoogleGenAI({ vertexai: true, apiKey: "bad-key", httpOptions }),
  ];
  const errors = await Promise.all(
    strangers.map((stranger) => errorOf(stranger.models.generateContent({ model: "demo", contents: "x" }))),
  );
  expect(
    errors.map((error) => [
      error instanceof ApiError && error.status,
      error.message.includes("API_KEY_INVALID"),
    ]),
  ).toEqual([
    [400, true],
    [401, false],
  ]);
});

test("embeds one text or several", async () => {
  const answer = await studio.models.embedContent({
    model: "demo-embed",
    contents: ["a", "b"],
    config: { outputDimensionality: 8 },
  });
  expect(answer.embeddings?.map((embedding) => embedding.values?.length)).toEqual([8, 8]);
});

test("Vertex never mentions call ids", async () => {
  const ask = (client: GoogleGenAI) =>
    client.models.generateContent({ model: "demo-tools", contents: "x", config: { tools } });
  expect((await ask(studio)).functionCalls?.every((call) => call.id !== undefined)).toBe(true);
  expect((await ask(vertex)).functionCalls?.every((call) => call.id === undefined)).toBe(true);
});
