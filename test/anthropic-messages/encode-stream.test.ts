/** Streams towards clients: whatever an upstream of any API said, it obeys the grammar and agrees with the whole answer. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Opaque } from "#model/chat.ts";
import type { ChatEvent, PartStart, StopReason } from "#model/chat-event.ts";
import { Failure } from "#model/failure.ts";
import { foldReply } from "#model/reply.ts";
import { anthropicMessages } from "#protocols/anthropic-messages/anthropic-messages.ts";
import { checkMessagesGrammar } from "../grammar/anthropic-messages.ts";
import { chatOf, decodeText, encodeStream, envelopeOf, eventsOf, seal } from "./fixture.ts";

const { client } = anthropicMessages;

describe("encoding", () => {
  const start: ChatEvent = { type: "start", model: "gpt" };
  const part = (value: PartStart): ChatEvent => ({ type: "part_start", choice: 0, part: value });
  const text = (value: string): ChatEvent => ({ type: "delta", choice: 0, text: value });
  const close: ChatEvent = { type: "part_end", choice: 0 };
  const done: ChatEvent = { type: "finish", choice: 0, reason: "stop" };
  const over: ChatEvent = { type: "end" };
  const openai: Opaque = { kind: "openai_encrypted", vendor: "openai", data: "E" };
  const google: Opaque = { kind: "google_thought_signature", vendor: "google", data: "G" };
  const sign = (opaque: Opaque): ChatEvent => ({ type: "signature", choice: 0, opaque });
  const call: PartStart = { type: "tool_call", id: "call 1", name: "f" };

  /** The content as a client collects it, the grammar checked on the way. */
  function contentOf(events: readonly ChatEvent[], envelope = envelopeOf()): readonly unknown[] {
    const stream = encodeStream([start, ...events, done, over], envelope);
    checkMessagesGrammar(stream);
    const reread = foldReply(decodeText(stream)).choices[0]?.parts ?? [];
    return reread.map((read) => ({ ...read }));
  }

  test("usage before or behind the finish ends in message_delta, true values and all buckets", () => {
    const report: ChatEvent = {
      type: "usage",
      usage: { input: 7, cacheRead: 3, cacheWrite: 2, cacheWrite1h: 1, output: 11 },
    };
    for (const events of [
      [report, done],
      [done, report],
    ]) {
      const stream = encodeStream([start, ...events, over]);
      checkMessagesGrammar(stream);
      const deltas = eventsOf(stream).filter((event) => event["type"] === "message_delta");
      expect(deltas).toMatchObject([
        {
          delta: { stop_reason: "end_turn", stop_sequence: null },
          usage: {
            input_tokens: 7,
            cache_read_input_tokens: 3,
            cache_creation_input_tokens: 2,
            cache_creation: { ephemeral_5m_input_tokens: 1, ephemeral_1h_input_tokens: 1 },
            output_tokens: 11,
          },
        },
      ]);
    }
  });

  test("the first event tells who serves and what is known of the prompt", () => {
    const [first] = eventsOf(encodeStream([{ type: "start", usage: { input: 4 } }, done, over]));
    expect(first).toMatchObject({ message: { id: "msg_abc", model: "served", usage: { input_tokens: 4 } } });
  });

  test("foreign thoughts are sealed; thoughts without a signature are marked", () => {
    const thought = part({ type: "reasoning", kind: "summary" });
    expect(contentOf([thought, text("why"), sign(openai), close])).toMatchObject([
      { text: "why", signature: { data: seal(openai) } },
    ]);
    expect(contentOf([thought, sign(openai), close])).toMatchObject([
      { kind: "redacted", signature: { data: seal(openai) } },
    ]);
    const unsigned = seal({ kind: "unsigned", vendor: "unknown", data: "" });
    expect(contentOf([thought, text("why"), close])).toMatchObject([
      { text: "why", signature: { data: unsigned } },
    ]);
    expect(contentOf([thought, close])).toEqual([]);
  });

  test("Anthropic's own state stays bare", () => {
    const own: Opaque = { kind: "anthropic_signature", vendor: "anthropic", data: "S" };
    const content = contentOf([part({ type: "reasoning", kind: "summary" }), sign(own), close]);
    expect(content).toMatchObject([{ type: "reasoning", signature: { data: "S" } }]);
  });

  test("state of a call stands before it, state that comes late behind its text", () => {
    expect(contentOf([part(call), sign(google), text("{}"), close])).toMatchObject([
      { kind: "redacted", signature: { data: seal(google) } },
      { type: "tool_call" },
    ]);
    expect(contentOf([part({ type: "text" }), text("a"), sign(google), close])).toMatchObject([
      { type: "text", text: "a" },
      { kind: "redacted", signature: { data: `${seal(google)}~` } },
    ]);
  });

  test("thoughts the caller does not want to read are left out, their signature is not", () => {
    const chat = chatOf({ protocol: "anthropic-messages", reasoning: { mode: "auto", visibility: "none" } });
    const events = [part({ type: "reasoning", kind: "summary" }), text("why"), sign(openai), close];
    expect(contentOf(events, envelopeOf(chat))).toMatchObject([{ kind: "redacted" }]);
    const [choice] = foldReply([start, ...events, done, over]).choices;
    const reply = client.encodeReply({ choices: choice === undefined ? [] : [choice] }, envelopeOf(chat));
    expect(reply["content"]).toEqual([{ type: "redacted_thinking", data: seal(openai) }]);
  });

  test("a call always wins over a plain stop, and its id is legal", () => {
    const stream = encodeStream([start, part(call), text('{"a":1}'), close, done, over]);
    checkMessagesGrammar(stream);
    expect(eventsOf(stream).at(-2)).toMatchObject({ delta: { stop_reason: "tool_use" } });
    expect(eventsOf(stream)[1]).toMatchObject({
      content_block: { id: expect.stringMatching(/^toolu_[\w-]+$/) },
    });
  });

  test("free text of a custom tool becomes an input object, whatever it holds", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: "binary" }), { maxLength: 6 }), (pieces) => {
        const custom = part({ type: "tool_call", id: "a", name: "f", custom: true });
        const [read] = contentOf([custom, ...pieces.map(text), close]);
        expect(JSON.parse(String(Reflect.get(Object(read), "argumentsText")))).toEqual({
          input: pieces.join(""),
        });
      }),
      { numRuns: 100 },
    );
  });

  test("a character split over two deltas arrives whole", () => {
    const pieces = ["a\ud83d", "\ude42b", "\ud83d", "\ude42"];
    expect(contentOf([part({ type: "text" }), ...pieces.map(text), close])).toMatchObject([
      { text: "a🙂b🙂" },
    ]);
    expect(contentOf([part(call), text('{"a":"\ud83d'), text('\ude42"}'), close])).toMatchObject([
      { argumentsText: '{"a":"🙂"}' },
    ]);
  });

  test("what this API cannot carry is said in words", () => {
    const content = contentOf([
      part({ type: "image", media: { from: "base64", mime: "image/png", data: "AA" } }),
      close,
      part({ type: "code", language: "python" }),
      text("print(1)"),
      close,
      part({ type: "audio" }),
      text("AAAA"),
      { type: "transcript", choice: 0, text: "spoken" },
      close,
      part({ type: "refusal" }),
      text("no"),
      close,
      part({ type: "hosted", protocol: "openai-responses", value: {} }),
      close,
    ]);
    expect(content).toMatchObject([
      { text: expect.stringContaining("image/png") },
      { text: "```python\nprint(1)\n```" },
      { text: "spoken" },
      { text: "no" },
    ]);
  });

  test("a foreign citation is shown, and not sent back to the API", () => {
    const citation = { kind: "url", url: "https://a", title: "t" } as const;
    const stream = encodeStream([
      start,
      part({ type: "text" }),
      text("a"),
      { type: "citation", choice: 0, citation },
      close,
      done,
      over,
    ]);
    checkMessagesGrammar(stream);
    const [read] = foldReply(decodeText(stream)).choices[0]?.parts ?? [];
    expect(read).toMatchObject({ citations: [{ kind: "url", url: "https://a", title: "t" }] });
    expect(JSON.stringify(read)).not.toContain("raw");
  });

  test("an error is the last word", () => {
    const failure = new Failure("upstream_broken", "It broke.");
    const stream = encodeStream([
      start,
      part({ type: "text" }),
      text("a"),
      { type: "error", failure },
      done,
      over,
    ]);
    expect(checkMessagesGrammar(stream)).toBe("error");
    expect(stream).not.toContain("message_stop");
  });

  test("any proper sequence of events makes a proper stream that agrees with the whole answer", () => {
    fc.assert(
      fc.property(
        fc.array(anyPart(), { maxLength: 6 }),
        fc.constantFrom<StopReason>("stop", "length", "refusal"),
        (parts, reason) => {
          const events: ChatEvent[] = [start, ...parts.flat(), { type: "finish", choice: 0, reason }, over];
          const stream = encodeStream(events);
          expect(checkMessagesGrammar(stream)).toBe("message_stop");
          const streamed = client.encodeReply(foldReply(decodeText(stream)), bare);
          const whole = client.encodeReply(foldReply(events), envelopeOf());
          expect(streamed["content"]).toEqual(whole["content"]);
          expect(streamed["stop_reason"]).toEqual(whole["stop_reason"]);
        },
      ),
      { numRuns: 300 },
    );
  });

  /** Reads our own stream back as Anthropic's, so that nothing is sealed twice. */
  const bare = {
    ...envelopeOf(),
    seal: () => {
      throw new Error("sealed twice");
    },
  };

  let ids = 0;
  function anyPart(): fc.Arbitrary<readonly ChatEvent[]> {
    const pieces = fc.array(fc.string({ unit: "grapheme", minLength: 1 }), { maxLength: 4 });
    const opaque = fc.constantFrom(undefined, openai, google);
    const kind = fc.constantFrom("text", "reasoning", "refusal", "tool_call", "code");
    return fc.tuple(kind, pieces, opaque).map(([name, texts, state]): readonly ChatEvent[] => {
      const signed = name === "reasoning" && state !== undefined ? [sign(state)] : [];
      const deltas = name === "tool_call" ? ['{"a":', JSON.stringify(texts.join("")), "}"] : texts;
      return [part(startOf(name)), ...deltas.map(text), ...signed, close];
    });
  }

  function startOf(name: string): PartStart {
    switch (name) {
      case "reasoning":
        return { type: "reasoning", kind: "summary" };
      case "tool_call":
        ids += 1;
        return { type: "tool_call", id: `id_${ids}`, name: "f" };
      case "code":
        return { type: "code", language: "js" };
      case "refusal":
        return { type: "refusal" };
      default:
        return { type: "text" };
    }
  }
});
