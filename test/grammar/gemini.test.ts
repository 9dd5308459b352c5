/** The checker itself must refuse what is wrong, or its silence says nothing. */
import { describe, expect, test } from "bun:test";
import { checkGeminiStream } from "./gemini.ts";

const common = { modelVersion: "m", responseId: "r" };
const chunk = (part: object, more: object = {}) =>
  data({ candidates: [{ content: { role: "model", parts: [part] }, index: 0, ...more }], ...common });
const usageMetadata = { promptTokenCount: 1, candidatesTokenCount: 2, totalTokenCount: 3 };
const last = data({
  candidates: [{ content: { role: "model", parts: [{ text: "" }] }, index: 0, finishReason: "STOP" }],
  usageMetadata,
  ...common,
});
const hello = chunk({ text: "hello" });
const failed = data({ error: { code: 502, message: "no", status: "INTERNAL" } });

function data(value: unknown): string {
  return `data: ${JSON.stringify(value)}\n\n`;
}

describe("what is proper passes", () => {
  const rows: readonly [string, string][] = [
    ["text", hello + last],
    ["comments between events", `: keep-alive\n\n${hello}: keep-alive\n\n${last}`],
    ["an error at the end", hello + failed],
    ["an error alone", failed],
    ["a blocked prompt", data({ promptFeedback: { blockReason: "SAFETY" }, usageMetadata, ...common })],
  ];
  for (const [name, text] of rows) test(name, () => expect(() => checkGeminiStream(text)).not.toThrow());
});

describe("what is wrong is named", () => {
  const rows: readonly [string, string, string][] = [
    ["the OpenAI end mark", `${hello + last}data: [DONE]\n\n`, "[DONE]"],
    ["no finish", hello, "finishReason"],
    ["an early finish", last + hello, "finishReason"],
    ["a cut event", hello + last.slice(0, -1), "blank line"],
    ["an event name", `event: x\n${hello}${last}`, "several lines"],
    ["a comment in front of data", `: ping\n${hello}${last}`, "several lines"],
    ["two data fields", chunk({ text: "a", inlineData: {} }) + last, "2 data fields"],
    ["no data field", chunk({ thought: true }) + last, "0 data fields"],
    ["arguments as text", chunk({ functionCall: { name: "f", args: "{}" } }) + last, "args"],
    ["a foreign field", data({ choices: [], ...common }) + last, "unknown field"],
    ["a signature that is no bytes", chunk({ text: "", thoughtSignature: "S:{}" }) + last, "base64"],
    ["a wrong sum", hello + last.replace('"totalTokenCount":3', '"totalTokenCount":4'), "sum"],
    ["another id", hello.replace('"r"', '"q"') + last, "response id"],
    ["content after an error", failed + hello + last, "unknown field"],
    [
      "an error the SDK would not raise",
      data({ error: { code: "x", message: "m", status: "INTERNAL" } }),
      "code",
    ],
    ["CRLF", (hello + last).replaceAll("\n", "\r\n"), "blank line"],
  ];
  for (const [name, text, word] of rows) {
    test(name, () => expect(() => checkGeminiStream(text)).toThrow("Gemini stream grammar"));
    test(`${name}: by the word ${word}`, () => expect(() => checkGeminiStream(text)).toThrow(word));
  }
});
