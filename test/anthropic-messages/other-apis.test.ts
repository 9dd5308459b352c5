/**
 * Recorded traffic of the other APIs through this one: every answer makes a proper Messages stream that reads back as
 * the whole answer, and every request makes a body our own strict decoder accepts, or is refused as `unsupported`.
 */
import { describe, expect, test } from "bun:test";
import { asArray, asObject, type Json, type JsonObject } from "#lib/json.ts";
import { SseReader } from "#lib/sse.ts";
import type { ChatEvent } from "#model/chat-event.ts";
import { Failure } from "#model/failure.ts";
import { foldReply } from "#model/reply.ts";
import { anthropicMessages } from "#protocols/anthropic-messages/anthropic-messages.ts";
import { gemini } from "#protocols/gemini/gemini.ts";
import { openaiChat } from "#protocols/openai-chat/openai-chat.ts";
import { openaiResponses } from "#protocols/openai-responses/openai-responses.ts";
import type { Dialect, Protocol } from "#protocols/protocol.ts";
import { checkMessagesGrammar } from "../grammar/anthropic-messages.ts";
import { readRecordings, type Recording } from "../recording.ts";
import { decodeText, dialectOf, encodeStream, envelopeOf, lineOf } from "./fixture.ts";

const { client, upstream } = anthropicMessages;
const others: readonly Protocol[] = [openaiChat, openaiResponses, gemini];

/** To read our own stream back: what it holds is bare by then. */
const bare = {
  ...envelopeOf(),
  seal: () => {
    throw new Error("sealed twice");
  },
};

for (const protocol of others) {
  const answered = readRecordings(protocol.name).filter(({ response }) => response.status === 200);

  describe(`an answer of ${protocol.name}`, () => {
    for (const recording of answered.filter(({ response }) => response.framing !== "json-array-stream")) {
      test(`streams properly and as the whole answer: ${recording.id}`, () => {
        const events = decode(protocol, recording);
        const stream = encodeStream(events);
        const hasFailed = events.at(-1)?.type === "error";
        expect(checkMessagesGrammar(stream)).toBe(hasFailed ? "error" : "message_stop");
        if (hasFailed) return;
        const whole = client.encodeReply(foldReply(events), envelopeOf());
        const streamed = client.encodeReply(foldReply(decodeText(stream)), bare);
        expect(comparable(streamed)).toEqual(comparable(whole));
      });
    }
  });

  describe(`a request of ${protocol.name}`, () => {
    for (const recording of answered.filter(({ request }) => request !== null)) {
      for (const model of ["claude-sonnet-4", "claude-sonnet-4-5", "claude-opus-5-5"]) {
        test(`is said to ${model} or refused: ${recording.id}`, () => {
          const chat = protocol.client.decodeRequest(recording.request?.body ?? {}, {
            ...lineOf(recording.request?.headers),
            ...geminiLine(recording),
          });
          const encoded = encodedOrRefused(() => upstream.encodeRequest(chat, dialectOf({ model })).body);
          if (encoded === undefined) return;
          expect(client.decodeRequest(encoded, lineOf()).turns.length).toBeGreaterThan(0);
          expect(JSON.stringify(encoded)).not.toContain("xjp1.");
        });
      }
    }
  });
}

function decode(protocol: Protocol, recording: Recording): readonly ChatEvent[] {
  const host = protocol.name === "gemini" ? "aistudio" : "openai";
  const vendor = protocol.name === "gemini" ? "google" : "openai";
  const dialect: Dialect = { model: recording.model, vendor, route: "r", host };
  const { sse, body } = recording.response;
  if (sse === undefined) return protocol.upstream.decodeReply(body, dialect);
  const decoder = protocol.upstream.createStreamDecoder(dialect);
  const reader = new SseReader();
  const frames = [...reader.push(new TextEncoder().encode(sse)), ...reader.end()];
  return [...frames.flatMap((frame) => decoder.push(frame)), ...decoder.end()];
}

/** State of a text stands before it in a whole answer and may come behind it in a stream; citations lose their record. */
function comparable(message: JsonObject): JsonObject {
  const content = asArray(message["content"])
    .map((entry: Json) => asObject(entry) ?? {})
    .filter((block) => block["type"] !== "redacted_thinking")
    .map((block) => ({ ...block, citations: null }));
  return { content, usage: message["usage"], stop_reason: message["stop_reason"] };
}

function geminiLine(recording: Recording): { readonly model?: string; readonly stream?: boolean } {
  const model = /models\/([^:/]+):/.exec(recording.request?.path ?? "")?.[1];
  return model === undefined ? {} : { model, stream: recording.stream };
}

function encodedOrRefused(encode: () => JsonObject): JsonObject | undefined {
  try {
    return encode();
  } catch (error) {
    if (error instanceof Failure && error.kind === "unsupported" && error.detail.param !== undefined)
      return undefined;
    throw error;
  }
}
