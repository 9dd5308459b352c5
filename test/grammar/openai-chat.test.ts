/** The checker itself must refuse what is wrong, or its silence says nothing. */
import { describe, expect, test } from "bun:test";
import { checkOpenaiChatStream } from "./openai-chat.ts";

const head = { id: "chatcmpl-1", object: "chat.completion.chunk", created: 1, model: "m" };
const data = (value: unknown) => `data: ${JSON.stringify(value)}\n\n`;
const chunk = (delta: object, finish: string | null = null, more: object = {}) =>
  data({ ...head, choices: [{ index: 0, delta, finish_reason: finish }], ...more });
const role = chunk({ role: "assistant", content: "" });
const hello = chunk({ content: "hello" });
const stop = chunk({}, "stop");
const usage = data({
  ...head,
  choices: [],
  usage: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 },
});
const done = "data: [DONE]\n\n";
const failed = data({ error: { message: "no", type: "server_error" } });
const call = (index: number, id: string, text = "") =>
  chunk({ tool_calls: [{ index, id, type: "function", function: { name: "f", arguments: text } }] });
const more = (index: number, text: string) =>
  chunk({ tool_calls: [{ index, function: { arguments: text } }] });
const calls = chunk({}, "tool_calls");

describe("what is proper passes", () => {
  test.each([
    ["text", role + hello + stop + done],
    ["usage at the end", role + hello + stop + usage + done],
    ["comments between events", `${role}: keep-alive\n\n${hello}${stop}${done}`],
    ["calls one after the other", role + call(0, "a") + more(0, "{}") + call(1, "b", "{}") + calls + done],
    ["an error at the end", role + hello + failed],
    ["an error alone", failed],
    ["arguments the limit cut off", role + call(0, "a", '{"x') + chunk({}, "length") + done],
  ])("%s", (_, text) => {
    expect(() => checkOpenaiChatStream(text)).not.toThrow();
  });
});

describe("what is wrong is named", () => {
  test.each([
    ["no end mark", role + hello + stop, "without [DONE]"],
    ["the end mark behind an error", role + failed + done, "something follows"],
    ["two end marks", role + stop + done + done, "not one data line"],
    ["something behind the usage", role + usage + stop + done, "follows the usage"],
    ["no finish", role + hello + done, "never finishes"],
    ["words after the finish", role + stop + hello + done, "goes on after its finish"],
    ["no role", hello + stop + done, "without a role"],
    ["two roles", role + role + stop + done, "twice"],
    ["another id", role + chunk({}, "stop", { id: "chatcmpl-2" }) + done, "another id"],
    ["a jump to another call", role + call(1, "a", "{}") + calls + done, "jumps"],
    [
      "a call that goes back",
      role + call(0, "a") + call(1, "b", "{}") + more(0, "{}") + calls + done,
      "jumps",
    ],
    ["a call without a name", role + more(0, "{}") + calls + done, "without id or name"],
    ["arguments that are no JSON", role + call(0, "a", "{") + calls + done, "no JSON"],
    ["calls that end as if there were none", role + call(0, "a", "{}") + stop + done, "finishes with stop"],
    ["a cut event", role + hello + stop + done.slice(0, -1), "blank line"],
    ["an event name", `event: x\n${role}${stop}${done}`, "not one data line"],
    ["nothing at all", done, "without any choice"],
  ])("%s", (_, text, what) => {
    expect(() => checkOpenaiChatStream(text)).toThrow(what);
  });
});
