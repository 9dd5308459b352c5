/** Opaque reasoning state through a client of the Responses API and back. */
import { describe, expect, test } from "bun:test";
import { asArray, asObject } from "#lib/json.ts";
import type { Opaque } from "#model/chat.ts";
import type { ChatEvent, PartStart } from "#model/chat-event.ts";
import {
  claude,
  closing,
  decode,
  end,
  finish,
  google,
  part,
  start,
  writeStream,
} from "./openai-responses-fixture.ts";

const call = (id: string, name = "f"): PartStart => ({ type: "tool_call", id, name });
const text: PartStart = { type: "text" };

describe("opaque state comes back to the part it hung on", () => {
  /** The client sends the output back as it got it. */
  function returned(events: readonly ChatEvent[]): readonly unknown[] {
    const { output } = closing(writeStream(events));
    const turns = decode({ model: "m", input: asArray(output) }).turns;
    return turns.flatMap((turn): readonly unknown[] => turn.parts);
  }

  const thought: PartStart = { type: "reasoning", kind: "summary" };
  const rows: readonly (readonly [name: string, parts: readonly ChatEvent[], expected: readonly object[]])[] =
    [
      [
        "of a call, before its arguments",
        [...part(call("a"), ["{}"], { opaque: google }), ...part(call("b"), ["{}"])],
        [{ id: "a", signature: google }, { id: "b" }],
      ],
      [
        "of a call, after its arguments",
        [...part(call("a"), ["{}"], { opaque: google, late: true }), ...part(call("b"), ["{}"])],
        [{ id: "a", signature: google }, { id: "b" }],
      ],
      [
        "of a text, after it",
        part(text, ["Hi"], { opaque: google, late: true }),
        [{ type: "text", text: "Hi", signature: google }],
      ],
      [
        "of an empty last text",
        [...part(text, ["Hi"]), ...part(text, [], { opaque: google })],
        [{ text: "Hi" }, { text: "", signature: google }],
      ],
      [
        "of a thought by Anthropic",
        [...part(thought, ["Hm"], { opaque: claude, late: true }), ...part(text, ["Hi"])],
        [{ type: "reasoning", text: "Hm", signature: claude }, { text: "Hi" }],
      ],
    ];
  for (const [name, parts, expected] of rows) {
    test(name, () => {
      const parts_ = returned([start, ...parts, finish("stop"), end]);
      expect(parts_).toHaveLength(expected.length);
      expect(parts_).toMatchObject([...expected]);
      const signed = expected.filter((entry) => "signature" in entry).length;
      expect(parts_.filter((entry) => asObject(entry)?.["signature"] !== undefined)).toHaveLength(signed);
    });
  }

  test("OpenAI's own is bare, byte for byte; every other is sealed", () => {
    const state = (opaque: Opaque) => {
      const output = asArray(
        closing(writeStream([start, ...part(thought, ["Hm"], { opaque, late: true }), finish("stop"), end]))[
          "output"
        ],
      );
      return asObject(output[0])?.["encrypted_content"];
    };
    expect(state({ kind: "openai_encrypted", vendor: "openai", data: "gAAA==" })).toBe("gAAA==");
    expect(state({ kind: "openai_encrypted", vendor: "xai", data: "x" })).toStartWith("seal.");
    expect(state(claude)).toStartWith("seal.");
  });
});
