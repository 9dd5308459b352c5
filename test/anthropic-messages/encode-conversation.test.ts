/** Conversations from other APIs: their shape, their content, and whose opaque state goes where. */
import { describe, expect, test } from "bun:test";
import type { Json, JsonObject } from "#lib/json.ts";
import type { AssistantPart, Chat, Opaque, Turn, UserPart } from "#model/chat.ts";
import { Failure } from "#model/failure.ts";
import { anthropicMessages } from "#protocols/anthropic-messages/anthropic-messages.ts";
import type { Dialect, EncodedRequest } from "#protocols/protocol.ts";
import { chatOf, dialectOf } from "./fixture.ts";

const { upstream } = anthropicMessages;

function encode(fields: Partial<Chat>, dialect: Partial<Dialect> = {}): EncodedRequest {
  return upstream.encodeRequest(chatOf(fields), dialectOf(dialect));
}

const user = (...parts: readonly UserPart[]): Turn => ({ side: "user", parts });
const answer = (...parts: readonly AssistantPart[]): Turn => ({ side: "assistant", parts });
const text = (value: string) => ({ type: "text", text: value }) as const;
const call = (id: string, name = "f", argumentsText = "{}") =>
  ({ type: "tool_call", id, name, argumentsText }) as const;
const result = (callId: string, value = "r") =>
  ({ type: "tool_result", callId, content: [text(value)] }) as const;

describe("the shape of a conversation", () => {
  const messagesOf = (turns: readonly Turn[], dialect: Partial<Dialect> = {}) =>
    encode({ turns }, dialect).body["messages"];

  const rows: readonly (readonly [string, readonly Turn[], readonly object[]])[] = [
    [
      "one side's turns are merged",
      [user(text("a")), user(text("b"))],
      [{ role: "user", content: [text("a"), text("b")] }],
    ],
    [
      "a history that begins with an answer gets a user's turn in front",
      [answer(text("a")), user(text("b"))],
      [{ role: "user", content: [text(".")] }, { role: "assistant" }, { role: "user" }],
    ],
    ["no turn at all makes one", [], [{ role: "user", content: [text(".")] }]],
    [
      "empty text is dropped, and the turn with it",
      [user(text("a")), answer(text(" \n")), user(text(""), text("b"))],
      [{ role: "user", content: [text("a"), text("b")] }],
    ],
    [
      "results stand first, in one message",
      [
        user(text("q")),
        answer(call("a"), call("b")),
        { side: "user", parts: [text("and"), result("a")] },
        { side: "user", parts: [result("b")] },
      ],
      [{}, {}, { role: "user", content: [{ tool_use_id: "a" }, { tool_use_id: "b" }, text("and")] }],
    ],
    [
      "instructions in between become tagged user text",
      [user(text("a")), answer(text("b")), { side: "system", parts: [{ text: "s", role: "system" }] }],
      [{}, {}, { role: "user", content: [{ text: "<system>\ns\n</system>" }] }],
    ],
    [
      "a participant's name is told",
      [user({ type: "text", text: "hi", name: "Ann" })],
      [{ content: [{ text: "Ann: hi" }] }],
    ],
    [
      "an answer that was begun loses its trailing white space",
      [user(text("a")), answer(text("Once \n"))],
      [{}, { content: [{ text: "Once" }] }],
    ],
  ];
  for (const [name, turns, expected] of rows) {
    test(name, () => {
      const messages = messagesOf(turns);
      expect(messages).toMatchObject([...expected]);
      expect(messages).toHaveLength(expected.length);
    });
  }

  test("instructions in between keep their role where the model takes it", () => {
    const turns: readonly Turn[] = [
      user(text("a")),
      { side: "system", parts: [{ text: "s", role: "system" }] },
    ];
    expect(messagesOf(turns, { model: "claude-opus-5" })).toEqual([
      { role: "user", content: [text("a")] },
      { role: "system", content: [text("s")] },
    ]);
  });

  test("an answer that was begun is refused for models that do not continue it", () => {
    expect(refusal({ turns: [user(text("a")), answer(text("b"))] }, { model: "claude-opus-4-6" })).toBe(
      "messages[1]",
    );
  });

  test("ids are made legal and unique, call and result alike, the same every time", () => {
    const turns: readonly Turn[] = [
      user(text("q")),
      answer(call("call.1"), call("call_0")),
      { side: "user", parts: [result("call.1"), result("call_0")] },
      answer(call("call_0"), call("call_0")),
      { side: "user", parts: [result("call_0"), result("call_0")] },
    ];
    const ids = (type: string, field: string) =>
      blocksOf(messagesOf(turns))
        .filter((block) => block["type"] === type)
        .map((block) => block[field]);
    const calls = ids("tool_use", "id");
    expect(new Set(calls).size).toBe(4);
    for (const id of calls) expect(id).toMatch(/^[a-zA-Z0-9_-]{1,64}$/);
    expect(ids("tool_result", "tool_use_id")).toEqual(calls);
    expect(listOf(messagesOf([...turns, answer(text("x"))])).slice(0, 5)).toEqual([
      ...listOf(messagesOf(turns)),
    ]);
  });

  test("arguments become an object; text that is none is kept and listed", () => {
    const turns: readonly Turn[] = [
      user(text("q")),
      answer(call("a", "f", ""), call("b", "f", "{oops")),
      { side: "user", parts: [result("a"), result("b")] },
    ];
    const encoded = encode({ turns });
    expect(blocksOf(encoded.body["messages"]).filter((block) => block["type"] === "tool_use")).toMatchObject([
      { input: {} },
      { input: { _raw: "{oops" } },
    ]);
    expect(encoded.dropped).toEqual(["messages[1].tool_calls"]);
  });
});

describe("content", () => {
  const blockOf = (part: UserPart, dialect: Partial<Dialect> = {}) =>
    blocksOf(encode({ turns: [user(part)] }, dialect).body["messages"])[0];
  const rows: readonly (readonly [string, UserPart, object])[] = [
    [
      "an odd MIME name",
      { type: "image", media: { from: "base64", mime: "image/jpg", data: "/9j/" } },
      { source: { media_type: "image/jpeg" } },
    ],
    [
      "an untold type is read from the bytes",
      { type: "image", media: { from: "base64", mime: "", data: "iVBORw0KGgoA" } },
      { source: { media_type: "image/png" } },
    ],
    [
      "image by URL",
      { type: "image", media: { from: "url", url: "u" } },
      { source: { type: "url", url: "u" } },
    ],
    [
      "PDF",
      { type: "document", filename: "a.pdf", media: { from: "base64", mime: "application/pdf", data: "JV" } },
      { title: "a.pdf", source: { media_type: "application/pdf" } },
    ],
    [
      "a text file is read",
      { type: "document", media: { from: "base64", mime: "text/csv", data: btoa("a,b") } },
      { source: { type: "text", data: "a,b", media_type: "text/plain" } },
    ],
    [
      "search result",
      { type: "search_result", source: "s", title: "t", texts: ["x"] },
      { content: [text("x")] },
    ],
  ];
  for (const [name, part, expected] of rows) test(name, () => expect(blockOf(part)).toMatchObject(expected));

  const refused: readonly (readonly [string, UserPart, Partial<Dialect>])[] = [
    ["audio", { type: "audio", media: { from: "base64", mime: "audio/wav", data: "" } }, {}],
    ["video", { type: "video", media: { from: "url", url: "u" } }, {}],
    [
      "an image type it cannot read",
      { type: "image", media: { from: "base64", mime: "image/heic", data: "" } },
      {},
    ],
    [
      "an office file",
      { type: "document", media: { from: "base64", mime: "application/msword", data: "" } },
      {},
    ],
    ["another provider's file", { type: "image", media: { from: "file", id: "f", vendor: "openai" } }, {}],
    ["a URL on Vertex", { type: "image", media: { from: "url", url: "u" } }, { host: "vertex" }],
  ];
  for (const [name, part, dialect] of refused) {
    test(`${name} is refused by its path, never left out`, () => {
      expect(refusal({ turns: [user(text("a"), part)] }, dialect)).toBe("messages[0].content[1]");
    });
  }

  test("a part of another API is refused by the caller's own path", () => {
    const part = { type: "unknown", protocol: "gemini", value: {}, path: "contents[0].parts[0]" } as const;
    expect(refusal({ turns: [user(part)] })).toBe("contents[0].parts[0]");
  });
});

describe("opaque state", () => {
  const own: Opaque = { kind: "anthropic_signature", vendor: "anthropic", data: "S" };
  const redacted: Opaque = { kind: "anthropic_redacted", vendor: "anthropic", data: "R" };
  const foreign: Opaque = { kind: "openai_encrypted", vendor: "openai", data: "E" };
  const unsigned: Opaque = { kind: "unsigned", vendor: "deepseek", data: "" };
  const thought = (signature: Opaque) =>
    ({ type: "reasoning", kind: "summary", text: "t", signature }) as const;
  const turns: readonly Turn[] = [
    user(text("q")),
    answer(thought(own), thought(redacted), thought(foreign), thought(unsigned), {
      ...call("a"),
      signature: { ...foreign, kind: "google_thought_signature", vendor: "google" },
    }),
    { side: "user", parts: [result("a")] },
  ];

  test("only Anthropic's goes to Anthropic; the rest is listed, text and all", () => {
    const encoded = encode({ turns });
    const blocks = blocksOf(encoded.body["messages"]);
    expect(blocks.map((block) => block["type"])).toEqual([
      "text",
      "thinking",
      "redacted_thinking",
      "tool_use",
      "tool_result",
    ]);
    expect(blocks[1]).toEqual({ type: "thinking", thinking: "t", signature: "S" });
    expect(encoded.dropped).toEqual(["messages[1].reasoning", "messages[1].signature"]);
  });

  test("a compatible server of another maker gets its own thoughts only", () => {
    const encoded = encode({ turns }, { vendor: "deepseek", host: "compatible", model: "deepseek-chat" });
    const thoughts = blocksOf(encoded.body["messages"]).filter((block) => block["type"] === "thinking");
    expect(thoughts).toEqual([{ type: "thinking", thinking: "t", signature: "" }]);
  });
});

function refusal(fields: Partial<Chat>, dialect: Partial<Dialect> = {}): string | undefined {
  try {
    encode(fields, dialect);
  } catch (error) {
    if (error instanceof Failure && error.kind === "unsupported") return error.detail.param;
    throw error;
  }
  throw new Error("accepted");
}

function listOf(value: Json | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? value : [];
}

function blocksOf(messages: Json | undefined): readonly JsonObject[] {
  return listOf(messages).flatMap((message) => listOf(message["content"]));
}
