import { expect, test } from "bun:test";
import { foldReply } from "#model/reply.ts";
import type { Dialect } from "#protocols/protocol.ts";
import { decodeReply } from "./decode-reply.ts";

const dialect: Dialect = { model: "m", vendor: "unknown", route: "r", host: "compatible" };

test.each([
  ["no object", "hello", "upstream_broken"],
  ["nothing", undefined, "upstream_broken"],
  ["no choices", { choices: [] }, "upstream_broken"],
  ["an error in a 200", { error: { code: 502, message: "x" } }, "upstream_failed"],
  ["FastAPI's detail", { detail: "Not authenticated" }, "upstream_failed"],
  [
    "a choice that failed",
    { choices: [{ index: 0, message: { content: "a" }, finish_reason: "error" }] },
    "upstream_failed",
  ],
])("%s is a failure", (_, body, kind) => {
  const last = decodeReply(body, dialect).at(-1);
  expect<unknown>(last?.type === "error" && last.failure.kind).toBe(kind);
});

test("a whole answer needs no finish reason, and its choices need no index", () => {
  const call = { id: "c", function: { name: "f", arguments: "{}" } };
  const choices = [{ message: { content: "a" } }, { message: { tool_calls: [call] }, finish_reason: "" }];
  const reply = foldReply(decodeReply({ choices }, dialect));
  expect(reply.choices.map((choice) => [choice.parts[0]?.type, choice.finish.reason])).toEqual([
    ["text", "stop"],
    ["tool_call", "tool_calls"],
  ]);
});

test("a blocked answer without a message is a content filter's", () => {
  const reply = foldReply(decodeReply({ choices: [{ index: 0, finish_reason: "content_filter" }] }, dialect));
  expect(reply.choices).toEqual([
    { parts: [], finish: { reason: "content_filter", native: "content_filter" } },
  ]);
});
