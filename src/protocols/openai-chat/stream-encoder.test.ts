import { describe, expect, test } from "bun:test";
import { asArray, asObject, parseJson, type JsonObject } from "#lib/json.ts";
import type { Chat } from "#model/chat.ts";
import type { ChatEvent, PartStart } from "#model/chat-event.ts";
import { Failure } from "#model/failure.ts";
import { foldReply } from "#model/reply.ts";
import type { Envelope } from "#protocols/protocol.ts";
import { encodeReply } from "./encode-reply.ts";
import { createStreamEncoder } from "./stream-encoder.ts";

const chat = (fields: Partial<Chat> = {}): Chat => ({
  protocol: "openai-chat",
  model: "logical",
  stream: true,
  includeUsage: false,
  system: [],
  turns: [],
  tools: [],
  extensions: {},
  betas: [],
  ...fields,
});
const envelope = (fields: Partial<Chat> = {}): Envelope => ({
  id: "ID",
  createdAtSeconds: 7,
  model: "served",
  chat: chat(fields),
  seal: ({ data }) => `sealed:${data}`,
});

const open = (part: PartStart, choice = 0): ChatEvent => ({ type: "part_start", choice, part });
const say = (text: string, choice = 0): ChatEvent => ({ type: "delta", choice, text });
const close = (choice = 0): ChatEvent => ({ type: "part_end", choice });
const stop = (reason: "stop" | "tool_calls" | "refusal" = "stop", choice = 0): ChatEvent => ({
  type: "finish",
  choice,
  reason,
});
const start: ChatEvent = { type: "start", model: "named" };
const end: ChatEvent = { type: "end" };
const text: PartStart = { type: "text" };

function encode(events: readonly ChatEvent[], fields: Partial<Chat> = {}): string {
  const encoder = createStreamEncoder(envelope(fields));
  return events.map((event) => encoder.push(event)).join("");
}

function deltas(stream: string): readonly JsonObject[] {
  const chunks = stream.split("\n\n").map((block) => asObject(parseJson(block.slice(6))));
  const choices = chunks.flatMap((chunk) => asArray(chunk?.["choices"]));
  return choices
    .map((choice) => asObject(asObject(choice)?.["delta"]))
    .filter((delta) => delta !== undefined);
}

test("the whole of a plain stream, to the byte", () => {
  const head =
    'data: {"id":"chatcmpl-ID","object":"chat.completion.chunk","created":7,"model":"named","choices":[';
  expect(encode([start, open(text), say('a"\n'), close(), stop(), end])).toBe(
    [
      `${head}{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}`,
      `${head}{"index":0,"delta":{"content":"a\\"\\n"},"finish_reason":null}]}`,
      `${head}{"index":0,"delta":{},"finish_reason":"stop"}]}`,
      "data: [DONE]",
      "",
    ].join("\n\n"),
  );
});

test("usage comes once, after the finish, to who asked", () => {
  const usage: ChatEvent = { type: "usage", usage: { input: 3, cacheRead: 2, output: 4 } };
  const events = [start, usage, open(text), say("a"), close(), stop(), usage, end];
  expect(encode(events)).not.toContain("usage");
  const asked = encode(events, { includeUsage: true }).split("\n\n");
  expect(asked.filter((block) => block.includes('"prompt_tokens":5')).length).toBe(1);
  expect(asked.at(-3)).toContain(
    '"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":4,"total_tokens":9',
  );
  expect(asked.slice(0, -3).every((block) => block.endsWith(',"usage":null}'))).toBe(true);
});

test("after an error there is no [DONE]", () => {
  const failure = new Failure("upstream_broken", "cut");
  const stream = encode([start, open(text), say("a"), { type: "error", failure }]);
  expect(stream).toContain('{"error":{"message":"cut"');
  expect(stream).not.toContain("[DONE]");
});

test("an empty model name does not confuse where a chunk is cut", () => {
  const odd: ChatEvent = { type: "start", model: "" };
  expect(deltas(encode([odd, open(text), say("x"), close(), stop(), end]))[1]).toEqual({ content: "x" });
});

test("calls without arguments add up to an empty object", () => {
  const call: PartStart = { type: "tool_call", id: "c", name: "f" };
  const parts = deltas(
    encode([
      start,
      open(call),
      close(),
      open({ ...call, id: "d" }),
      say("{}"),
      close(),
      stop("tool_calls"),
      end,
    ]),
  );
  expect(parts.slice(1, 5)).toEqual([
    { tool_calls: [{ index: 0, id: "c", type: "function", function: { name: "f", arguments: "" } }] },
    { tool_calls: [{ index: 0, function: { arguments: "{}" } }] },
    { tool_calls: [{ index: 1, id: "d", type: "function", function: { name: "f", arguments: "" } }] },
    { tool_calls: [{ index: 1, function: { arguments: "{}" } }] },
  ]);
});

describe("reasoning", () => {
  const signature: ChatEvent = {
    type: "signature",
    choice: 0,
    opaque: { kind: "anthropic_signature", vendor: "anthropic", data: "S" },
  };
  const events = [
    start,
    open({ type: "reasoning", kind: "raw" }),
    say("H"),
    say("m"),
    signature,
    close(),
    open(text),
    say("a"),
    close(),
    stop(),
    end,
  ];
  const detail = {
    type: "reasoning.text",
    text: "Hm",
    signature: "sealed:S",
    format: "anthropic-claude-v1",
    index: 0,
  };

  test("streams as text, then hands out its state sealed", () => {
    expect(deltas(encode(events)).slice(1, 4)).toEqual([
      { reasoning_content: "H" },
      { reasoning_content: "m" },
      { reasoning_details: [detail] },
    ]);
  });

  test("says the same in a whole reply", () => {
    const body = encodeReply(foldReply(events), envelope());
    expect(body).toMatchObject({
      choices: [{ message: { content: "a", reasoning_content: "Hm", reasoning_details: [detail] } }],
    });
  });

  test("its text is kept back from who did not want it, its state is not", () => {
    const stream = encode(events, { reasoning: { visibility: "none" } });
    expect(stream).not.toContain("reasoning_content");
    expect(stream).toContain("sealed:S");
    expect(stream).not.toContain("Hm");
  });

  test("a call's signature hangs on the call and stands in the details", () => {
    const google: ChatEvent = {
      type: "signature",
      choice: 0,
      opaque: { kind: "google_thought_signature", vendor: "google", data: "G" },
    };
    const [, , signed] = deltas(
      encode([
        start,
        open({ type: "tool_call", id: "c", name: "f" }),
        google,
        say("{}"),
        close(),
        stop("tool_calls"),
        end,
      ]),
    );
    expect(signed).toEqual({
      tool_calls: [{ index: 0, extra_content: { google: { thought_signature: "sealed:G" } } }],
      reasoning_details: [
        { type: "reasoning.encrypted", data: "sealed:G", id: "c", format: "google-gemini-v1", index: 0 },
      ],
    });
  });
});

test("a refusal that is written out ends with stop, one that is not with content_filter", () => {
  expect(encode([start, open({ type: "refusal" }), say("no"), close(), stop("refusal"), end])).toContain(
    '"finish_reason":"stop"',
  );
  expect(encode([start, stop("refusal"), end])).toContain('"finish_reason":"content_filter"');
});

test("alternatives have a role each and their own call indices", () => {
  const stream = encode([
    start,
    open(text),
    say("a"),
    open({ type: "tool_call", id: "c", name: "f" }, 1),
    say("{}", 1),
    close(),
    close(1),
    stop(),
    stop("tool_calls", 1),
    end,
  ]);
  const roles = stream.split("\n\n").filter((block) => block.includes('"role"'));
  expect(roles.map((block) => /"index":(\d)/.exec(block)?.[1])).toEqual(["0", "1"]);
});

test("citations of a later text part are shifted to the joined text", () => {
  const citation: ChatEvent = {
    type: "citation",
    choice: 0,
    citation: { kind: "url", url: "https://x", title: "X", start: 0, end: 2 },
  };
  const events = [
    start,
    open(text),
    say("ab"),
    close(),
    open(text),
    say("cd"),
    citation,
    close(),
    stop(),
    end,
  ];
  const annotation = {
    type: "url_citation",
    url_citation: { start_index: 2, end_index: 4, title: "X", url: "https://x" },
  };
  expect(deltas(encode(events))).toContainEqual({ annotations: [annotation] });
  expect(encodeReply(foldReply(events), envelope())).toMatchObject({
    choices: [{ message: { content: "abcd", annotations: [annotation] } }],
  });
});

test("speech, pictures and code have their places", () => {
  const events = [
    start,
    open({ type: "audio", id: "au" }),
    say("QUJD"),
    { type: "transcript", choice: 0, text: "abc" } as const,
    close(),
    open({ type: "image", media: { from: "base64", mime: "image/png", data: "AA" } }),
    close(),
    open({ type: "code", language: "PYTHON" }),
    say("1+1"),
    close(),
    stop(),
    end,
  ];
  const image = { type: "image_url", image_url: { url: "data:image/png;base64,AA" } };
  expect(deltas(encode(events)).slice(1, -1)).toEqual([
    { audio: { id: "au" } },
    { audio: { data: "QUJD" } },
    { audio: { transcript: "abc" } },
    { images: [image] },
    { content: "\n```python\n" },
    { content: "1+1" },
    { content: "\n```\n" },
  ]);
  expect(encodeReply(foldReply(events), envelope())).toMatchObject({
    choices: [
      {
        message: {
          audio: { id: "au", data: "QUJD", transcript: "abc" },
          images: [image],
          content: "\n```python\n1+1\n```\n",
        },
      },
    ],
  });
});
