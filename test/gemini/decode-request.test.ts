import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { asObject, type Json, type JsonObject } from "#lib/json.ts";
import type { AssistantPart, Chat, Opaque, ToolResultPart, UserPart } from "#model/chat.ts";
import { Failure } from "#model/failure.ts";
import type { RequestLine } from "#protocols/protocol.ts";
import { decodeRequest } from "#protocols/gemini/decode-request.ts";
import { encodeRequest } from "#protocols/gemini/encode-request.ts";

const line: RequestLine = {
  model: "models/m",
  stream: true,
  headers: new Headers(),
  unseal: () => undefined,
};
const hello = { contents: [{ role: "user", parts: [{ text: "hi" }] }] };

function decode(body: JsonObject, more: Partial<RequestLine> = {}): Chat {
  return decodeRequest(body, { ...line, ...more });
}

/** One request with every field the decoder reads. */
const full: JsonObject = {
  systemInstruction: { parts: [{ text: "be brief" }] },
  contents: [
    {
      role: "user",
      parts: [
        { text: "hi" },
        {
          inlineData: { mimeType: "image/png", data: "AAAA" },
          mediaResolution: { level: "MEDIA_RESOLUTION_LOW" },
        },
        { fileData: { mimeType: "video/mp4", fileUri: "gs://b/v" }, videoMetadata: { fps: 1 } },
      ],
    },
    {
      role: "model",
      parts: [
        { text: "hm", thought: true, thoughtSignature: "QUJD" },
        { functionCall: { id: "a", name: "f", args: { x: 1 } }, thoughtSignature: "QUJD" },
        { executableCode: { language: "PYTHON", code: "1", id: "c" } },
        { codeExecutionResult: { outcome: "OUTCOME_OK", output: "1", id: "c" } },
      ],
    },
    {
      role: "user",
      parts: [
        {
          functionResponse: {
            id: "a",
            name: "f",
            response: { output: "y" },
            parts: [{ inlineData: { mimeType: "image/png", data: "AAAA", displayName: "p" } }],
          },
        },
      ],
    },
  ],
  tools: [
    {
      functionDeclarations: [
        { name: "f", description: "d", parameters: { type: "OBJECT" }, parametersJsonSchema: {} },
      ],
    },
    { googleSearch: {} },
  ],
  toolConfig: { functionCallingConfig: { mode: "ANY", allowedFunctionNames: ["f"] }, retrievalConfig: {} },
  safetySettings: [{ category: "HARM_CATEGORY_HARASSMENT", threshold: "OFF" }],
  generationConfig: {
    temperature: 1,
    topP: 0.5,
    topK: 40,
    candidateCount: 1,
    maxOutputTokens: 10,
    stopSequences: ["x"],
    presencePenalty: 0,
    frequencyPenalty: 0,
    seed: 1,
    responseLogprobs: true,
    logprobs: 2,
    responseMimeType: "application/json",
    responseSchema: { type: "OBJECT" },
    responseJsonSchema: { type: "object" },
    responseModalities: ["TEXT"],
    thinkingConfig: { includeThoughts: true, thinkingBudget: 1, thinkingLevel: "LOW" },
  },
  cachedContent: "cachedContents/x",
  labels: { team: "a" },
  serviceTier: "flex",
  store: false,
};

type Path = readonly (string | number)[];

function pathsOf(value: Json | undefined, path: Path = []): readonly Path[] {
  if (typeof value !== "object" || value === null) return path.length === 0 ? [] : [path];
  const inner = Object.entries(value).flatMap(([key, child]) =>
    pathsOf(child, [...path, Array.isArray(value) ? Number(key) : key]),
  );
  return path.length === 0 ? inner : [path, ...inner];
}

function replaced(value: Json | undefined, [step, ...rest]: Path, by: Json): Json {
  if (step === undefined) return by;
  if (Array.isArray(value))
    return value.map((item: Json, at) => (at === step ? replaced(item, rest, by) : item));
  const object = asObject(value) ?? {};
  return { ...object, [step]: replaced(Object.entries(object).find(([key]) => key === step)?.[1], rest, by) };
}

function partsOf(chat: Chat, index: number): readonly (UserPart | ToolResultPart | AssistantPart)[] {
  const turn = chat.turns[index];
  return turn && turn.side !== "system" ? turn.parts : [];
}

describe("a body nobody can trust", () => {
  const paths = pathsOf(full);

  test("the full example is legal", () => {
    expect(decode(full).tools.length).toBe(2);
    expect(paths.length).toBeGreaterThan(80);
  });

  test("any JSON in any field is read or refused by name, never a crash", () => {
    let refusals = 0;
    fc.assert(
      fc.property(fc.constantFrom(...paths), fc.jsonValue({ maxDepth: 2 }), (path, value) => {
        try {
          decode(asObject(replaced(full, path, value)) ?? {});
        } catch (error) {
          refusals += 1;
          if (!(error instanceof Failure)) throw error;
          expect(error.kind).toBe("bad_request");
          expect(error.detail.param).toStartWith(String(path[0]));
        }
      }),
      { numRuns: 3000 },
    );
    expect(refusals).toBeGreaterThan(500);
  });

  const wrong: readonly [string, JsonObject, string][] = [
    ["contents missing", {}, "contents"],
    ["contents a number", { contents: 5 }, "contents"],
    ["a content of numbers", { contents: [1] }, "contents[0]"],
    ["an unknown role", { contents: [{ role: "wizard", parts: [] }] }, "contents[0].role"],
    ["an empty part", { contents: [{ parts: [{}] }] }, "contents[0].parts[0]"],
    ["text a number", { contents: [{ parts: [{ text: 1 }] }] }, "contents[0].parts[0].text"],
    [
      "bytes no base64",
      { contents: [{ parts: [{ inline_data: { mime_type: "image/png", data: "%%" } }] }] },
      "contents[0].parts[0].inline_data.data",
    ],
    [
      "a call without a name",
      { contents: [{ role: "model", parts: [{ functionCall: {} }] }] },
      "contents[0].parts[0].functionCall.name",
    ],
    [
      "args as text",
      { contents: [{ role: "model", parts: [{ functionCall: { name: "f", args: "{}" } }] }] },
      "contents[0].parts[0].functionCall.args",
    ],
    [
      "temperature as words",
      { ...hello, generationConfig: { temperature: "hot" } },
      "generationConfig.temperature",
    ],
    [
      "a mode nobody has",
      { ...hello, toolConfig: { functionCallingConfig: { mode: "MAYBE" } } },
      "toolConfig.functionCallingConfig.mode",
    ],
    [
      "a nameless function",
      { ...hello, tools: [{ functionDeclarations: [{}] }] },
      "tools[0].functionDeclarations[0].name",
    ],
    ["labels of numbers", { ...hello, labels: { a: 1 } }, "labels.a"],
  ];
  for (const [name, body, param] of wrong) {
    test(`${name} is refused at ${param}`, () => {
      expect(() => decode(body)).toThrow(expect.objectContaining({ kind: "bad_request", detail: { param } }));
    });
  }
});

describe("proto-JSON", () => {
  test("both spellings mean the same", () => {
    const camel = decode({
      ...hello,
      systemInstruction: { parts: [{ text: "s" }] },
      generationConfig: {
        maxOutputTokens: 5,
        stopSequences: ["a"],
        thinkingConfig: { includeThoughts: true },
      },
      toolConfig: { functionCallingConfig: { mode: "ANY", allowedFunctionNames: ["f"] } },
      tools: [{ functionDeclarations: [{ name: "f" }] }],
    });
    const snake = decode({
      ...hello,
      system_instruction: { parts: [{ text: "s" }] },
      generation_config: {
        max_output_tokens: "5",
        stop_sequences: ["a"],
        thinking_config: { include_thoughts: true },
      },
      tool_config: { function_calling_config: { mode: 2, allowed_function_names: ["f"] } },
      tools: { function_declarations: { name: "f" } },
    });
    expect(snake).toEqual(camel);
  });

  test("a lone content, a text system instruction, null and missing roles are taken", () => {
    const chat = decode({
      contents: { parts: { text: "hi" } },
      systemInstruction: "s",
      tools: null,
      generationConfig: null,
    });
    expect(chat.turns).toEqual([{ side: "user", parts: [{ type: "text", text: "hi" }] }]);
    expect(chat.system).toEqual([{ text: "s", role: "system" }]);
  });

  test("URL-safe bytes become standard ones", () => {
    const chat = decode({
      contents: [{ parts: [{ inlineData: { mimeType: "application/pdf", data: "-_-_" } }] }],
    });
    expect(chat.turns[0]?.parts[0]).toMatchObject({ type: "document", media: { data: "+/+/" } });
  });

  test("model and streaming come from the URL", () => {
    expect(decode(hello)).toMatchObject({ model: "m", stream: true });
    expect(() => decodeRequest(hello, { headers: new Headers(), unseal: () => undefined })).toThrow("model");
  });
});

describe("calls and results without ids", () => {
  test("are paired by name, in order", () => {
    const call = (x: number) => ({ functionCall: { name: "f", args: { x } } });
    const result = (output: string) => ({ functionResponse: { name: "f", response: { output } } });
    const chat = decode({
      contents: [
        { role: "user", parts: [{ text: "hi" }] },
        { role: "model", parts: [call(1), call(2), { functionCall: { name: "g" } }] },
        {
          role: "user",
          parts: [{ functionResponse: { name: "g", response: { result: "z" } } }, result("a"), result("b")],
        },
      ],
    });
    const ids = partsOf(chat, 1).map((part) => (part.type === "tool_call" ? part.id : ""));
    const answered = partsOf(chat, 2).map((part) => (part.type === "tool_result" ? part.callId : ""));
    expect(new Set(ids).size).toBe(3);
    expect(answered).toEqual([ids[2] ?? "", ids[0] ?? "", ids[1] ?? ""]);
  });

  const rows: readonly [string, JsonObject, JsonObject][] = [
    ["an output is its text", { output: "t" }, { content: [{ type: "text", text: "t" }] }],
    ["an error is an error", { error: "no" }, { content: [{ type: "text", text: "no" }], isError: true }],
    ["an object is its JSON", { a: 1 }, { content: [{ type: "text", text: '{"a":1}' }] }],
    ["nothing is nothing", {}, { content: [{ type: "text", text: "" }] }],
  ];
  for (const [name, response, expected] of rows) {
    test(name, () => {
      const chat = decode({
        contents: [{ role: "user", parts: [{ functionResponse: { name: "f", response } }] }],
      });
      expect(chat.turns[0]?.parts[0]).toMatchObject({ ...expected, structured: response });
    });
  }
});

describe("signatures", () => {
  const anthropic: Opaque = { kind: "anthropic_signature", vendor: "anthropic", data: "sig" };
  const sealed = Buffer.from("seal:sig", "utf8").toString("base64");
  const unseal = (text: string) => (text === "seal:sig" ? anthropic : undefined);

  test("Google's stay bare, ours are opened", () => {
    const parts = [
      { text: "a", thoughtSignature: "QUJD" },
      { text: "b", thought_signature: sealed },
    ];
    const chat = decode({ contents: [{ role: "model", parts }] }, { unseal });
    expect(partsOf(chat, 0).map((part) => part.signature)).toEqual([
      { kind: "google_thought_signature", vendor: "google", data: "QUJD" },
      anthropic,
    ]);
  });

  test("a foreign thought that was streamed in pieces is one thought again", () => {
    const parts = [
      { text: "Let me ", thought: true },
      { text: "think", thought: true },
      { text: "", thought: true, thoughtSignature: sealed },
      { text: "done" },
    ];
    const chat = decode({ contents: [{ role: "model", parts }] }, { unseal });
    expect(chat.turns[0]?.parts).toEqual([
      { type: "reasoning", kind: "summary", text: "Let me think", signature: anthropic },
      { type: "text", text: "done" },
    ]);
  });

  test("an empty signed text keeps its place", () => {
    const parts = [{ text: "a" }, { text: "", thoughtSignature: "QUJD" }, { functionCall: { name: "f" } }];
    const chat = decode({ contents: [{ role: "model", parts }] });
    expect(partsOf(chat, 0).map((part) => part.type)).toEqual(["text", "text", "tool_call"]);
  });
});

describe("thinking and output", () => {
  const rows: readonly [string, JsonObject, Partial<Chat>][] = [
    [
      "budget 0 is off",
      { thinkingConfig: { thinkingBudget: 0 } },
      { reasoning: { mode: "off", visibility: "none" } },
    ],
    [
      "budget -1 is the model's choice",
      { thinkingConfig: { thinkingBudget: -1 } },
      { reasoning: { mode: "auto", visibility: "none" } },
    ],
    [
      "a level is an effort",
      { thinkingConfig: { thinkingLevel: "HIGH", includeThoughts: true } },
      { reasoning: { effort: "high", visibility: "full" } },
    ],
    ["JSON without a schema", { responseMimeType: "application/json" }, { output: { type: "json" } }],
    [
      "an OpenAPI schema becomes JSON Schema",
      { responseMimeType: "application/json", responseSchema: { type: "STRING", nullable: true } },
      { output: { type: "json_schema", schema: { type: ["string", "null"] } } },
    ],
    [
      "an enum",
      { responseMimeType: "text/x.enum", responseSchema: { type: "STRING", enum: ["a", "b"] } },
      { output: { type: "enum", values: ["a", "b"] } },
    ],
  ];
  for (const [name, generationConfig, expected] of rows) {
    test(name, () => expect(decode({ ...hello, generationConfig })).toMatchObject(expected));
  }

  test("a level, modality or type newer than our tables goes on to Gemini as it came", () => {
    const generationConfig = {
      thinkingConfig: { thinkingLevel: "ULTRA", newKnob: 1 },
      responseModalities: ["TEXT", "SMELL"],
      responseMimeType: "application/yaml",
    };
    const chat = decode({ ...hello, generationConfig });
    const { body } = encodeRequest(chat, {
      model: "gemini-9",
      vendor: "google",
      route: "g",
      host: "aistudio",
    });
    expect(body["generationConfig"]).toEqual(generationConfig);
  });

  test("what only Gemini knows is kept for Gemini", () => {
    const chat = decode({
      ...hello,
      newField: { a: null },
      generationConfig: { speechConfig: { a: 1 }, temperature: 1 },
      toolConfig: { retrievalConfig: { latLng: {} }, functionCallingConfig: { mode: "AUTO" } },
    });
    expect(chat.extensions).toEqual({
      newField: { a: null },
      generationConfig: { speechConfig: { a: 1 } },
      toolConfig: { retrievalConfig: { latLng: {} } },
    });
  });
});
