/** Any answer, streamed or whole, reads the same on the other side (P14), and every stream obeys the grammar. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { SseReader } from "#lib/sse.ts";
import type { ChatEvent, PartStart } from "#model/chat-event.ts";
import type { AssistantPart, Opaque } from "#model/chat.ts";
import { foldReply, type Reply } from "#model/reply.ts";
import { gemini } from "#protocols/gemini/gemini.ts";
import type { Dialect, Envelope } from "#protocols/protocol.ts";
import { checkGeminiStream } from "../grammar/gemini.ts";
import { base } from "./fixture.ts";

const dialect: Dialect = { model: "gemini-3-flash", vendor: "google", route: "g", host: "aistudio" };
const envelope: Envelope = {
  id: "r1",
  createdAtSeconds: 1,
  model: "served",
  chat: { ...base, protocol: "gemini", reasoning: { visibility: "full" } },
  seal: (opaque) => opaque.data,
};

const opaque: Opaque = {
  kind: "google_thought_signature",
  vendor: "google",
  model: dialect.model,
  route: "g",
  data: "QUJD",
};
const start = fc.oneof(
  fc.constantFrom<PartStart>(
    { type: "text" },
    { type: "reasoning", kind: "summary" },
    { type: "code", language: "python", id: "c1" },
    { type: "code_result", outcome: "failed" },
    { type: "image", media: { from: "base64", mime: "image/png", data: "AA==" } },
    { type: "hosted", protocol: "gemini", value: { toolCall: { id: "t", toolType: "X" } } },
  ),
);
const pieces = fc.array(fc.string({ unit: "grapheme", maxLength: 6 }), { maxLength: 4 });
const call = fc.record({
  name: fc.constantFrom("f", "g"),
  args: fc.dictionary(fc.string({ minLength: 1 }), fc.jsonValue({ maxDepth: 1 })),
});
const anyPart = fc.oneof(
  fc.record({ start, pieces, isSigned: fc.boolean() }),
  fc.record({ call, isSigned: fc.boolean() }),
);

function toEvents(
  parts: readonly (typeof anyPart extends fc.Arbitrary<infer T> ? T : never)[],
): readonly ChatEvent[] {
  const events = parts.flatMap((part, index): readonly ChatEvent[] => {
    const begin: PartStart =
      "call" in part ? { type: "tool_call", id: `id${index}`, name: part.call.name } : part.start;
    const text =
      "call" in part
        ? splitInTwo(JSON.stringify(part.call.args))
        : begin.type === "image" || begin.type === "hosted"
          ? []
          : part.pieces;
    return [
      { type: "part_start", choice: 0, part: begin },
      ...(part.isSigned ? [{ type: "signature", choice: 0, opaque } as const] : []),
      ...text.map((piece) => ({ type: "delta", choice: 0, text: piece }) as const),
      { type: "part_end", choice: 0 },
    ];
  });
  const hasCalls = parts.some((part) => "call" in part);
  return [
    { type: "start", model: "served" },
    ...events,
    { type: "finish", choice: 0, reason: hasCalls ? "tool_calls" : "stop", native: "STOP" },
    { type: "usage", usage: { input: 5, cacheRead: 2, output: 9, reasoning: 4 } },
    { type: "end" },
  ];
}

function splitInTwo(text: string): readonly string[] {
  const middle = Math.floor(text.length / 2);
  return [text.slice(0, middle), text.slice(middle)];
}

/** Neighbouring unsigned texts of one kind are one text to any reader, and an empty one is none. */
function joined(reply: Reply): readonly AssistantPart[] {
  const parts: AssistantPart[] = [];
  for (const part of reply.choices[0]?.parts ?? []) {
    const last = parts.at(-1);
    const isText = part.type === "text" || part.type === "reasoning";
    if (isText && (part.text ?? "") === "" && !part.signature) continue;
    const isSame = isText && last?.type === part.type && !last.signature && !part.signature;
    if (isSame) parts[parts.length - 1] = { ...part, text: (last.text ?? "") + (part.text ?? "") };
    else parts.push(part);
  }
  return parts;
}

/** The signature of a streamed text goes out with its first piece; the rest is unsigned text behind it. */
function texts(parts: readonly AssistantPart[]): string {
  return parts.map((part) => (part.type === "text" ? part.text : "")).join("");
}

test("streamed, whole and original agree", () => {
  fc.assert(
    fc.property(fc.array(anyPart, { maxLength: 6 }), (parts) => {
      const events = toEvents(parts);
      const original = foldReply(events);

      const encoder = gemini.client.createStreamEncoder(envelope);
      const text = events.map((event) => encoder.push(event)).join("");
      checkGeminiStream(text);
      const decoder = gemini.upstream.createStreamDecoder(dialect);
      const frames = new SseReader().push(new TextEncoder().encode(text));
      const streamed = foldReply([...frames.flatMap((frame) => decoder.push(frame)), ...decoder.end()]);
      const whole = foldReply(
        gemini.upstream.decodeReply(gemini.client.encodeReply(original, envelope), dialect),
      );

      expect(joined(whole)).toEqual(joined(original));
      expect(whole.usage).toEqual(original.usage);
      expect(streamed.usage).toEqual(original.usage);
      expect(streamed.choices[0]?.finish).toEqual(whole.choices[0]?.finish);
      expect(texts(joined(streamed))).toBe(texts(joined(original)));
      const others = (reply: Reply) =>
        joined(reply).filter((part) => part.type !== "text" && part.type !== "reasoning");
      expect(others(streamed)).toEqual(others(original));
      const signatures = (reply: Reply) =>
        joined(reply)
          .filter((part) => part.signature)
          .map((part) => part.type);
      expect(signatures(streamed)).toEqual(signatures(original));
    }),
    {
      numRuns: 400,
      // Once lost on the way, as an assignment to it is no property.
      examples: [[[{ call: { name: "f", args: JSON.parse('{"__proto__":false}') }, isSigned: false }]]],
    },
  );
});
