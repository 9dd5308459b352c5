import { expect, test } from "bun:test";
import type { Chat, Turn } from "#model/chat.ts";
import type { Feature } from "./connector.ts";
import { featuresOf } from "./features.ts";

const bytes = { from: "base64", mime: "x/y", data: "AA==" } as const;
const url = { from: "url", url: "https://x.test/" } as const;

function chatOf(turns: readonly Turn[], tools: Chat["tools"] = []): Chat {
  const base = { protocol: "gemini", model: "m", stream: false, includeUsage: false } as const;
  return { ...base, system: [], turns, tools, extensions: {}, betas: [] };
}

function user(...parts: Extract<Turn, { side: "user" }>["parts"]): readonly Turn[] {
  return [{ side: "user", parts }];
}

const cases: readonly (readonly [string, Chat, readonly Feature[]])[] = [
  ["text", chatOf(user({ type: "text", text: "a" })), []],
  ["tools on offer", chatOf([], [{ type: "function", name: "f" }]), ["tools"]],
  ["an image", chatOf(user({ type: "image", media: bytes })), ["image"]],
  ["an image by URL", chatOf(user({ type: "image", media: url })), ["image_url"]],
  [
    "an image by file id",
    chatOf(user({ type: "image", media: { from: "file", id: "f", vendor: "openai" } })),
    ["image"],
  ],
  ["a document", chatOf(user({ type: "document", media: bytes })), ["document"]],
  ["a document by URL", chatOf(user({ type: "document", media: url })), ["document_url"]],
  [
    "a document of blocks",
    chatOf(user({ type: "document", blocks: [{ type: "image", media: url }] })),
    ["document", "image_url"],
  ],
  ["audio", chatOf(user({ type: "audio", media: bytes })), ["audio"]],
  ["video", chatOf(user({ type: "video", media: url })), ["video"]],
  [
    "a tool's result with an image",
    chatOf(user({ type: "tool_result", callId: "c", content: [{ type: "image", media: bytes }] })),
    ["tools", "image"],
  ],
  [
    "a tool call in the history",
    chatOf([{ side: "assistant", parts: [{ type: "tool_call", id: "c", name: "f", argumentsText: "{}" }] }]),
    ["tools"],
  ],
  [
    "what an assistant said aloud, by transcript",
    chatOf([{ side: "assistant", parts: [{ type: "audio", id: "a", transcript: "hm" }] }]),
    [],
  ],
  [
    "an assistant's sound",
    chatOf([{ side: "assistant", parts: [{ type: "audio", media: bytes }] }]),
    ["audio"],
  ],
  ["instructions on the way", chatOf([{ side: "system", parts: [{ text: "s", role: "system" }] }]), []],
];

test.each(cases)("%s", (_, chat, features) => {
  expect([...featuresOf(chat)]).toEqual([...features]);
});
