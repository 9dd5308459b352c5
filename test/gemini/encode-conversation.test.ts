import { describe, expect, test } from "bun:test";
import { asArray, asObject, type JsonObject } from "#lib/json.ts";
import type { AssistantPart, Chat, Opaque, UserPart } from "#model/chat.ts";
import type { Host } from "#protocols/protocol.ts";

import { base, dialect, encode, contentsOf, google, anthropic, call, result, loop } from "./fixture.ts";
describe("the shape of a conversation", () => {
  test("roles alternate, the caller begins, empty texts and turns vanish", () => {
    const contents = contentsOf({
      turns: [
        { side: "assistant", parts: [{ type: "text", text: "I begin" }] },
        { side: "user", parts: [{ type: "text", text: "" }] },
        { side: "assistant", parts: [{ type: "text", text: "again" }] },
        { side: "system", parts: [{ text: "be kind", role: "system" }] },
        { side: "user", parts: [{ type: "text", text: "ok", name: "Ann" }] },
      ],
    });
    expect(contents).toEqual([
      { role: "user", parts: [{ text: "." }] },
      { role: "model", parts: [{ text: "I begin" }, { text: "again" }] },
      { role: "user", parts: [{ text: "<system>be kind</system>" }, { text: "Ann: ok" }] },
    ]);
  });

  test("a conversation of nothing still has a content", () => {
    expect(contentsOf({ turns: [] })).toEqual([{ role: "user", parts: [{ text: "." }] }]);
  });

  test("models without a system instruction read it first", () => {
    const system = [{ text: "be brief", role: "system" }] as const;
    const { body } = encode({ system }, dialect("gemma-3-27b-it"));
    expect(body["systemInstruction"]).toBeUndefined();
    expect(body["contents"]).toEqual([{ role: "user", parts: [{ text: "be brief" }, { text: "hi" }] }]);
    expect(encode({ system }).body["systemInstruction"]).toEqual({ parts: [{ text: "be brief" }] });
  });

  test("all results of a step stand in one content, named from the calls, before other words", () => {
    const contents = contentsOf({
      turns: [
        { side: "assistant", parts: [call("call_a", "f", '{"x":1}'), call("call_b", "g")] },
        { side: "user", parts: [result("call_a")] },
        { side: "user", parts: [{ type: "text", text: "and?" }, result("call_b", { isError: true })] },
      ],
    });
    expect(contents.at(-1)).toEqual({
      role: "user",
      parts: [
        { functionResponse: { name: "f", response: { output: "ok" } } },
        { functionResponse: { name: "g", response: { error: "ok" } } },
        { text: "and?" },
      ],
    });
  });

  test("a result that answers no call is the caller's mistake", () => {
    expect(() => encode({ turns: [{ side: "user", parts: [result("nobody")] }] })).toThrow(
      expect.objectContaining({ kind: "bad_request" }),
    );
  });

  const slips: readonly [string, JsonObject][] = [
    ["", {}],
    ["  ", {}],
    ['{"a":1}', { a: 1 }],
    ["[1]", { _raw: "[1]" }],
    ['{"a":', { _raw: '{"a":' }],
  ];
  for (const [text, args] of slips) {
    test(`arguments ${JSON.stringify(text)} go on as an object`, () => {
      const [, model] = contentsOf(loop([call("c", "f", text)], [result("c")]), dialect("gemini-2.5-flash"));
      expect(model).toMatchObject({ parts: [{ functionCall: { name: "f", args } }] });
    });
  }
});

describe("ids", () => {
  const rows: readonly [string, string, Host, boolean][] = [
    ["Gemini's own goes to AI Studio", "tju3qkc9", "aistudio", true],
    ["another vendor's stays away", "toolu_01", "aistudio", false],
    ["ours stays away", "call_3noM_0", "aistudio", false],
    ["Vertex takes none", "tju3qkc9", "vertex", false],
  ];
  for (const [name, id, host, isSent] of rows) {
    test(name, () => {
      const text = JSON.stringify(
        contentsOf(loop([call(id, "f")], [result(id)]), dialect("gemini-3-flash", host)),
      );
      expect(text.includes(`"id":"${id}"`)).toBe(isSent);
      expect(text.split(`"id":`).length - 1).toBe(isSent ? 2 : 0);
    });
  }
});

describe("signatures", () => {
  const signed = (signature?: Opaque): AssistantPart => ({
    ...call("c", "f"),
    ...(signature && { signature }),
  });
  const SENTINEL = "skip_thought_signature_validator";
  const rows: readonly [string, Opaque | undefined, string, string | undefined][] = [
    ["ours of this back end returns byte for byte", google("Ab-_9==", "google"), "gemini-3-pro", "Ab-_9=="],
    ["a bare one returns too", google("QUJD"), "gemini-3-pro", "QUJD"],
    ["one of another back end gives way", google("QUJD", "vertex"), "gemini-3-pro", SENTINEL],
    ["a foreign one gives way", anthropic, "gemini-3-pro", SENTINEL],
    ["a lost one is stood in for", undefined, "gemini-3.1-flash", SENTINEL],
    ["an unknown new model is a current one", undefined, "gemini-next", SENTINEL],
    ["2.5 needs none", undefined, "gemini-2.5-pro", undefined],
    ["2.5 gets its own", google("QUJD"), "gemini-2.5-pro", "QUJD"],
  ];
  for (const [name, signature, model, expected] of rows) {
    test(name, () => {
      const [, content] = contentsOf(
        loop([signed(signature), call("d", "g")], [result("c"), result("d")]),
        dialect(model),
      );
      const parts = asArray(asObject(content)?.["parts"]).map((part) => asObject(part)?.["thoughtSignature"]);
      expect(parts).toEqual([expected, undefined]);
    });
  }

  test("empty signed texts keep their place, foreign thoughts leave and are listed", () => {
    const parts: readonly AssistantPart[] = [
      { type: "reasoning", kind: "summary", text: "theirs", signature: anthropic },
      { type: "reasoning", kind: "summary", text: "mine", signature: google("QQ==") },
      { type: "text", text: "a" },
      { type: "text", text: "", signature: google("Qg==") },
      { type: "text", text: "" },
      { type: "text", text: "b", signature: google("Qw==") },
    ];
    const { body, dropped } = encode({ turns: [...base.turns, { side: "assistant", parts }] });
    expect(asArray(body["contents"])[1]).toEqual({
      role: "model",
      parts: [
        { text: "mine", thought: true, thoughtSignature: "QQ==" },
        { text: "a" },
        { text: "", thoughtSignature: "Qg==" },
        { text: "b", thoughtSignature: "Qw==" },
      ],
    });
    expect(dropped).toEqual(["messages[1].content[0].signature"]);
  });
});

describe("media", () => {
  const image = (data: string, mime = "image/png"): UserPart => ({
    type: "image",
    media: { from: "base64", mime, data },
  });
  const user = (part: UserPart): Partial<Chat> => ({ turns: [{ side: "user", parts: [part] }] });
  const rows: readonly [string, UserPart, Host, JsonObject][] = [
    [
      "base64",
      image("AA==", "image/jpg"),
      "aistudio",
      { inlineData: { mimeType: "image/jpeg", data: "AA==" } },
    ],
    [
      "YouTube",
      { type: "video", media: { from: "url", url: "https://youtu.be/x" }, metadata: { fps: 1 } },
      "aistudio",
      { fileData: { mimeType: "video/mp4", fileUri: "https://youtu.be/x" }, videoMetadata: { fps: 1 } },
    ],
    [
      "an address without a type at Vertex",
      { type: "image", media: { from: "url", url: "https://a.example/b" } },
      "vertex",
      { fileData: { mimeType: "image/jpeg", fileUri: "https://a.example/b" } },
    ],
    [
      "the same at AI Studio",
      { type: "image", media: { from: "url", url: "https://a.example/b" } },
      "aistudio",
      { fileData: { fileUri: "https://a.example/b" } },
    ],
    [
      "a bucket",
      { type: "document", media: { from: "url", url: "gs://b/c.pdf" } },
      "vertex",
      { fileData: { mimeType: "application/pdf", fileUri: "gs://b/c.pdf" } },
    ],
    [
      "a text file",
      { type: "document", title: "T", media: { from: "text", text: "x", mime: "text/plain" } },
      "aistudio",
      { text: "T\n\nx" },
    ],
    [
      "a search result",
      { type: "search_result", source: "s", title: "t", texts: ["a"] },
      "aistudio",
      { text: "t\ns\na" },
    ],
  ];
  for (const [name, part, host, expected] of rows) {
    test(name, () => {
      expect(contentsOf(user(part), dialect("gemini-3-flash", host))).toEqual([
        { role: "user", parts: [expected] },
      ]);
    });
  }

  const refused: readonly [string, UserPart][] = [
    ["gif", image("AA==", "image/gif")],
    ["another vendor's file", { type: "image", media: { from: "file", id: "file-1", vendor: "openai" } }],
    [
      "an office file",
      { type: "document", media: { from: "base64", mime: "application/msword", data: "AA==" } },
    ],
    ["a foreign part", { type: "unknown", protocol: "anthropic-messages", value: {}, path: "messages[0]" }],
  ];
  for (const [name, part] of refused) {
    test(`${name} is refused by name, never left out`, () => {
      expect(() => encode(user(part))).toThrow(expect.objectContaining({ kind: "unsupported" }));
    });
  }

  const withPicture = result("c", { content: [{ type: "text", text: "see" }, image("AA==")] });
  const inline = { inlineData: { mimeType: "image/png", data: "AA==" } };
  test("pictures stand inside results from Gemini 3 on, and beside them before", () => {
    const chat = loop([call("c", "f"), call("d", "g")], [withPicture, result("d")]);
    const now = asObject(contentsOf(chat, dialect("gemini-3-flash"))[2])?.["parts"];
    expect(now).toMatchObject([{ functionResponse: { response: { output: "see" }, parts: [inline] } }, {}]);
    const before = asArray(asObject(contentsOf(chat, dialect("gemini-2.5-flash"))[2])?.["parts"]);
    expect(before.map((part) => Object.keys(asObject(part) ?? {})[0])).toEqual([
      "functionResponse",
      "functionResponse",
      "inlineData",
    ]);
  });
});
