import { expect, test } from "bun:test";
import type { Chat } from "#model/chat.ts";
import { listUnsaid, saidFields, type Sayable } from "./list-unsaid.ts";

const nothing: Sayable = { cacheMarks: false, citationWishes: false, citation: () => false };
const everything: Sayable = { cacheMarks: true, citationWishes: true, citation: () => true };

function chatOf(fields: Partial<Chat>): Chat {
  return {
    protocol: "anthropic-messages",
    model: "m",
    stream: false,
    includeUsage: false,
    system: [],
    turns: [],
    tools: [],
    extensions: {},
    betas: [],
    ...fields,
  };
}

const document = {
  type: "document",
  citations: true,
  media: { from: "text", text: "x", mime: "text/plain" },
} as const;

test.each([
  ["a plain request", {}, []],
  ["a marked system text", { system: [{ text: "x", role: "system", cache: {} }] }, ["cache_control"]],
  ["automatic marks", { cache: { automatic: {} } }, ["cache_control"]],
  ["a marked tool", { tools: [{ type: "function", name: "f", cache: {} }] }, ["cache_control"]],
  [
    "marks on several parts, named once",
    {
      turns: [
        {
          side: "user",
          parts: [
            { type: "text", text: "a", cache: {} },
            { type: "text", text: "b", cache: {} },
          ],
        },
      ],
    },
    ["cache_control"],
  ],
  [
    "a document to be cited",
    { turns: [{ side: "user", parts: [document] }] },
    ["messages[].content[].citations"],
  ],
  [
    "the same inside a tool's result",
    { turns: [{ side: "user", parts: [{ type: "tool_result", callId: "c", content: [document] }] }] },
    ["messages[].content[].citations"],
  ],
  [
    "a citation in an answer",
    { turns: [{ side: "assistant", parts: [{ type: "text", text: "x", citations: [{ kind: "url" }] }] }] },
    ["messages[].citations"],
  ],
] as const satisfies readonly (readonly [string, Partial<Chat>, readonly string[]])[])(
  "%s",
  (_, fields, expected) => {
    expect(listUnsaid(chatOf(fields), nothing)).toEqual([...expected]);
    expect(listUnsaid(chatOf(fields), everything)).toEqual([]);
  },
);

test("a field that is null says nothing", () => {
  expect(saidFields({ echo: null, future: 0, other: "" })).toEqual(["future", "other"]);
});
