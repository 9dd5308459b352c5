/** The checker itself must refuse what is wrong, or its silence says nothing. */
import { expect, test } from "bun:test";
import { checkMessagesGrammar } from "./anthropic-messages.ts";

const usage = { input_tokens: 1, output_tokens: 1 };
const start = event({
  type: "message_start",
  message: {
    id: "msg_1",
    type: "message",
    role: "assistant",
    model: "m",
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage,
  },
});
const text = (index: number) =>
  event({ type: "content_block_start", index, content_block: { type: "text", text: "" } });
const delta = (index: number, value: object) => event({ type: "content_block_delta", index, delta: value });
const stop = (index: number) => event({ type: "content_block_stop", index });
const tool = event({
  type: "content_block_start",
  index: 0,
  content_block: { type: "tool_use", id: "t", name: "n", input: {} },
});
const finish = event({
  type: "message_delta",
  delta: { stop_reason: "end_turn", stop_sequence: null },
  usage,
});
const over = event({ type: "message_stop" });
const hello = delta(0, { type: "text_delta", text: "hello" });

test("a proper stream passes, with pings and without content", () => {
  expect(
    checkMessagesGrammar(start + text(0) + event({ type: "ping" }) + hello + stop(0) + finish + over),
  ).toBe("message_stop");
  expect(checkMessagesGrammar(start + finish + over)).toBe("message_stop");
});

test("an error ends a stream", () => {
  const error = event({ type: "error", error: { type: "api_error", message: "m" } });
  expect(checkMessagesGrammar(start + text(0) + error)).toBe("error");
  expect(() => checkMessagesGrammar(start + error + over)).toThrow("after the end");
});

const broken: readonly (readonly [string, string, string])[] = [
  ["no start", text(0), "outside of the content"],
  ["no end", start + finish, "without message_stop"],
  ["no message_delta", start + over, "without message_delta"],
  ["block in block", start + text(0) + text(1), "inside a block"],
  ["index gap", start + text(1), "expected 0"],
  ["wrong delta", start + text(0) + delta(0, { type: "thinking_delta", thinking: "x" }), "in a text block"],
  ["delta of another block", start + text(0) + delta(1, { type: "text_delta", text: "x" }), "another index"],
  [
    "half a character",
    start + text(0) + delta(0, { type: "text_delta", text: "\ud83d" }),
    "inside a character",
  ],
  ["open block at the end", start + text(0) + finish, "inside a block"],
  [
    "tool input that is no JSON",
    start + tool + delta(0, { type: "input_json_delta", partial_json: '{"a":' }) + stop(0) + finish,
    "no object",
  ],
  ["unnamed event", 'data: {"type":"ping"}\n\n', "not event and data"],
  ["name and type differ", 'event: ping\ndata: {"type":"pong"}\n\n', "under event"],
  ["unclosed event", start + 'event: ping\ndata: {"type":"ping"}\n', "blank line"],
];

for (const [name, stream, message] of broken) {
  test(`refused: ${name}`, () => {
    expect(() => checkMessagesGrammar(stream)).toThrow(message);
  });
}

function event(data: { readonly type: string } & Record<string, unknown>): string {
  return `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`;
}
