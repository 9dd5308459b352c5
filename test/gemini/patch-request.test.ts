import { describe, expect, test } from "bun:test";
import { asArray, type JsonObject } from "#lib/json.ts";
import type { Opaque } from "#model/chat.ts";
import type { Dialect, Host } from "#protocols/protocol.ts";
import { decodeCountRequest, encodeCountReply } from "#protocols/gemini/count-reply.ts";
import { decodeCounting, encodeCounting, patchCounting } from "#protocols/gemini/counting.ts";
import { decodeRequest } from "#protocols/gemini/decode-request.ts";
import { patchRequest } from "#protocols/gemini/patch-request.ts";

function dialect(host: Host, model = "gemini-3-flash"): Dialect {
  return { model, vendor: "google", route: "google", host };
}

const sealedTexts: Readonly<Record<string, Opaque>> = {
  "S:anthropic": { kind: "anthropic_signature", vendor: "anthropic", data: "x" },
  "S:vertex": { kind: "google_thought_signature", vendor: "google", route: "vertex", data: "QUJD" },
};
const line = { model: "m", headers: new Headers(), unseal: (text: string) => sealedTexts[text] };
const seal = (name: string) => Buffer.from(`S:${name}`, "utf8").toString("base64");

function patch(raw: JsonObject, to: Dialect): { body: JsonObject; dropped: readonly string[] } {
  return patchRequest(raw, decodeRequest(raw, line), to);
}

const contents = [
  { role: "user", parts: [{ text: "hi" }] },
  {
    role: "model",
    parts: [
      { text: "theirs", thought: true, thoughtSignature: seal("anthropic") },
      { text: "a", thoughtSignature: "QUJD" },
      { functionCall: { id: "x1", name: "f", args: {} }, thoughtSignature: seal("vertex") },
    ],
  },
  { parts: [{ functionResponse: { id: "x1", name: "f", response: {} } }] },
];

describe("the native lane", () => {
  test("unknown fields, nulls, spelling and key order survive; the model stands in the URL", () => {
    const raw = {
      zeta: null,
      model: "models/alias",
      system_instruction: { parts: [{ text: "s", future: 1 }] },
      contents: { parts: [{ text: "hi", later: null }] },
      generationConfig: { newKnob: [null], temperature: null },
    };
    const { model: _, ...expected } = raw;
    expect(JSON.stringify(patch(raw, dialect("aistudio")).body)).toBe(JSON.stringify(expected));
  });

  test("signatures this back end would refuse give way; its own stay byte for byte", () => {
    const { body, dropped } = patch({ contents }, dialect("aistudio"));
    expect(asArray(body["contents"])[1]).toEqual({
      role: "model",
      parts: [
        { text: "a", thoughtSignature: "QUJD" },
        {
          functionCall: { id: "x1", name: "f", args: {} },
          thoughtSignature: "skip_thought_signature_validator",
        },
      ],
    });
    expect(dropped).toEqual([
      "contents[1].parts[0].thoughtSignature",
      "contents[1].parts[2].thoughtSignature",
    ]);
    const old = patch({ contents }, dialect("aistudio", "gemini-2.5-flash")).body;
    expect(JSON.stringify(old)).not.toContain(seal("vertex"));
    expect(JSON.stringify(old)).not.toContain("skip_thought");
  });

  test("Vertex gets roles and no ids", () => {
    const { body } = patch({ contents }, dialect("vertex"));
    expect(JSON.stringify(body)).not.toContain("x1");
    expect(asArray(body["contents"])[2]).toMatchObject({ role: "user" });
  });

  const both: JsonObject = {
    contents: [{ role: "user", parts: [{ text: "hi", partMetadata: {} }] }],
    labels: { a: "b" },
    serviceTier: "flex",
    store: true,
    model_armor_config: {},
    safetySettings: [{ category: "c", method: "m", threshold: "OFF" }],
    generationConfig: { audioTimestamp: true, seed: 1 },
    toolConfig: {
      includeServerSideToolInvocations: true,
      functionCallingConfig: { streamFunctionCallArguments: true },
    },
  };
  test("AI Studio gets none of Vertex's fields, each named", () => {
    const { body, dropped } = patch(both, dialect("aistudio"));
    expect(Object.keys(body)).toEqual([
      "contents",
      "serviceTier",
      "store",
      "safetySettings",
      "generationConfig",
      "toolConfig",
    ]);
    expect(body["safetySettings"]).toEqual([{ category: "c", threshold: "OFF" }]);
    expect(dropped).toEqual([
      "labels",
      "model_armor_config",
      "generationConfig.audioTimestamp",
      "toolConfig.functionCallingConfig.streamFunctionCallArguments",
      "safetySettings[0].method",
    ]);
  });
  test("Vertex gets none of AI Studio's, each named", () => {
    const { body, dropped } = patch(both, dialect("vertex"));
    expect(Object.keys(body)).toEqual([
      "contents",
      "labels",
      "model_armor_config",
      "safetySettings",
      "generationConfig",
      "toolConfig",
    ]);
    expect(dropped).toEqual(["serviceTier", "store", "toolConfig.includeServerSideToolInvocations"]);
  });
  test("a tool only AI Studio has goes elsewhere rather than lost", () => {
    expect(() => patch({ contents, tools: [{ fileSearch: {} }] }, dialect("vertex"))).toThrow(
      expect.objectContaining({ kind: "unsupported" }),
    );
  });
});

describe("counting tokens", () => {
  const plain = { contents: [{ role: "user", parts: [{ text: "hi" }] }] };
  const rich = { ...plain, systemInstruction: { parts: [{ text: "s" }] } };
  const wrapped = { generateContentRequest: { model: "models/gemini-3-flash", ...rich } };
  const rows: readonly [string, JsonObject, Host, JsonObject][] = [
    ["plain contents are the same for both", plain, "aistudio", plain],
    ["plain contents at Vertex", plain, "vertex", plain],
    ["a flat request is wrapped for AI Studio", rich, "aistudio", wrapped],
    [
      "a wrapped request names our model",
      { generateContentRequest: { model: "models/alias", ...rich } },
      "aistudio",
      wrapped,
    ],
    ["a wrapped request is flat for Vertex", wrapped, "vertex", rich],
  ];
  for (const [name, body, host, expected] of rows) {
    test(name, () => {
      expect(patchCounting(body, dialect(host))).toEqual(expected);
      expect(encodeCounting(decodeCountRequest(body, line), dialect(host))).toEqual(expected);
    });
  }

  test("the answer is read and written", () => {
    expect(decodeCounting({ totalTokens: 7 })).toBe(7);
    expect(decodeCounting({ totalTokens: "7" })).toBe(7);
    expect(decodeCounting("x")).toBeUndefined();
    expect(encodeCountReply(7)).toEqual({ totalTokens: 7 });
  });
});
