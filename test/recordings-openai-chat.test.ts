/**
 * Every recorded Chat Completions exchange through this house's decoders and encoders, held against an independent
 * reading of the same bytes by the official SDK.
 */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import OpenAI from "openai";
import { asArray, isObject, parseJson, type JsonObject } from "#lib/json.ts";
import { SseReader } from "#lib/sse.ts";
import type { Chat } from "#model/chat.ts";
import type { ChatEvent } from "#model/chat-event.ts";
import { Failure } from "#model/failure.ts";
import { foldReply } from "#model/reply.ts";
import { openaiChat } from "#protocols/openai-chat/openai-chat.ts";
import type { Dialect, Envelope, Host } from "#protocols/protocol.ts";
import { checkOpenaiChatStream } from "./grammar/openai-chat.ts";
import { assertGrammar, putRight, readEvents, readWithSdk } from "./openai-chat-reading.ts";
import { readRecordings, type Recording } from "./recording.ts";

const recordings = readRecordings("openai-chat");
const hosts: readonly Host[] = ["openai", "openrouter", "compatible", "deepseek", "mistral"];

const chat: Chat = {
  protocol: "openai-chat",
  model: "m",
  stream: true,
  includeUsage: true,
  system: [],
  turns: [],
  tools: [],
  extensions: {},
  betas: [],
};
const envelope: Envelope = {
  id: "Test1",
  createdAtSeconds: 1,
  model: "m",
  chat,
  seal: (opaque) => `sealed:${opaque.kind}:${opaque.data}`,
};

function dialectOf(recording: Recording): Dialect {
  const host: Host =
    recording.provider === "openai" || recording.provider === "openrouter"
      ? recording.provider
      : "compatible";
  return { model: recording.model, vendor: "unknown", route: recording.provider, host };
}

const isAnswer = (recording: Recording) =>
  recording.response.framing === "sse" || Array.isArray(recording.response.body?.["choices"]);
const answers = recordings
  .filter(isAnswer)
  .map((recording): [string, Recording] => [label(recording), recording]);
const refusals = recordings
  .filter((recording) => !isAnswer(recording))
  .map((recording): [string, Recording] => [label(recording), recording]);
const streams = answers.filter(([, recording]) => recording.response.framing === "sse");
/** The one stream that ends in an error: Groq's failed tool call. */
const BROKEN = "pydantic-ai-a0fd6e9de612-0";
const wholeAnswers = answers.filter(([, recording]) => recording.id !== BROKEN);

function label(recording: Recording): string {
  return `${recording.id} (${recording.provider}${recording.stream ? ", stream" : ""})`;
}

/** The recording's raw text as it would come over the socket. */
function wireText(recording: Recording): string {
  return recording.response.sse ?? JSON.stringify(recording.response.body);
}

// ---- this house ----------------------------------------------------------------------------------------------------

function decodeBytes(chunks: readonly Uint8Array[], dialect: Dialect): ChatEvent[] {
  const reader = new SseReader();
  const decoder = openaiChat.upstream.createStreamDecoder(dialect);
  const events = chunks.flatMap((bytes) => reader.push(bytes).flatMap((frame) => [...decoder.push(frame)]));
  return [...events, ...reader.end().flatMap((frame) => [...decoder.push(frame)]), ...decoder.end()];
}

function decode(recording: Recording): readonly ChatEvent[] {
  const dialect = dialectOf(recording);
  if (recording.response.framing === "json")
    return openaiChat.upstream.decodeReply(recording.response.body, dialect);
  return decodeBytes([new TextEncoder().encode(recording.response.sse)], dialect);
}

/** Every opaque blob in a recording, wherever it stands. */
function blobsOf(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(blobsOf);
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([name, inner]) => {
    const isBlob =
      name === "signature" ||
      name === "thought_signature" ||
      (name === "data" && value["type"] === "reasoning.encrypted");
    return isBlob && typeof inner === "string" && inner !== "" ? [inner] : blobsOf(inner);
  });
}

function jsonOf(recording: Recording): unknown[] {
  if (recording.response.body) return [recording.response.body];
  return (recording.response.sse ?? "")
    .split(/\r?\n/)
    .filter((line) => line.startsWith("data: {"))
    .map((line) => parseJson(line.slice(6)));
}

describe("recorded answers", () => {
  test("there are as many as the collection says", () => {
    expect(recordings.length).toBe(100);
    expect(answers.length + refusals.length).toBe(100);
  });

  test.each(wholeAnswers)("%s decodes to what the SDK reads", async (_, recording) => {
    const events = decode(recording);
    assertGrammar(events);
    const ours = readEvents(events);
    const theirs = await readWithSdk(wireText(recording), recording.response.framing === "sse");
    expect(ours).toEqual(putRight(theirs, ours));
    const held = JSON.stringify(
      events.flatMap((event) => (event.type === "signature" ? [event.opaque.data] : [])),
    );
    for (const blob of jsonOf(recording).flatMap(blobsOf))
      expect(held).toContain(JSON.stringify(blob).slice(1, -1));
  });

  test.each(wholeAnswers)("%s re-encoded as a whole reads the same", async (_, recording) => {
    const events = decode(recording);
    const text = JSON.stringify(openaiChat.client.encodeReply(foldReply(events), envelope));
    const theirs = await readWithSdk(text, false);
    expect(theirs).toEqual(readEvents(events));
  });

  test.each(wholeAnswers)("%s re-encoded as a stream reads the same", async (_, recording) => {
    const events = decode(recording);
    const encoder = openaiChat.client.createStreamEncoder(envelope);
    const text = events.map((event) => encoder.push(event)).join("");
    checkOpenaiChatStream(text);
    const theirs = await readWithSdk(text, true);
    expect(theirs).toEqual(readEvents(events));
  });

  test.each(wholeAnswers)("%s survives being decoded from our own encoding", (_, recording) => {
    const events = decode(recording);
    const encoder = openaiChat.client.createStreamEncoder(envelope);
    const text = events.map((event) => encoder.push(event)).join("");
    const again = decodeBytes([new TextEncoder().encode(text)], dialectOf(recording));
    assertGrammar(again);
    expect(readEvents(again)).toEqual(readEvents(events));
  });

  test("the failed tool call in Groq's stream is a failure here and in the SDK", async () => {
    const recording = recordings.find(({ id }) => id === BROKEN);
    if (!recording) throw new Error("recording missing");
    const last = decode(recording).at(-1);
    expect(last?.type === "error" && last.failure.kind).toBe("upstream_failed");
    expect(readWithSdk(wireText(recording), true)).rejects.toThrow(OpenAI.APIError);
  });

  test.each(streams)("%s cut before its finish is upstream_broken", (_, recording) => {
    const sse = recording.response.sse ?? "";
    const frames = sse.split(/(?<=\n\r?\n)/);
    const isLast = (frame: string) => /"finish_reason":\s*"\w/.test(frame) || frame.includes("[DONE]");
    const cut = frames.slice(0, frames.findIndex(isLast)).join("");
    const last = decodeBytes([new TextEncoder().encode(cut)], dialectOf(recording)).at(-1);
    expect(last?.type === "error" && last.failure.kind).toMatch(/upstream_broken|upstream_failed/);
  });
});

describe("recorded refusals", () => {
  const kinds: Readonly<Record<string, string>> = {
    "mirascope-d1d0f4a245f2-0": "upstream_not_found",
    "openllmetry-a6d99ad80c8b-2": "upstream_not_found",
    "openllmetry-b345a9072e41-0": "content_policy",
    "openrouter-sdk-4fb42fe699c7-0": "bad_request",
    "openrouter-sdk-b8e4ba5867b3-0": "bad_request",
    "openrouter-sdk-fd963d13438c-0": "bad_request",
    "ruby-llm-c542c9ae6436-0": "upstream_refused",
    "ruby-llm-fad5edeec4b5-0": "context_length",
  };

  test.each(refusals)("%s is explained", (_, recording) => {
    const { status, headers, body } = recording.response;
    const failure = openaiChat.upstream.decodeFailure({
      status,
      headers: new Headers(headers),
      text: JSON.stringify(body),
      nowMs: 0,
    });
    expect<string>(failure.kind).toBe(kinds[recording.id] ?? "a row in the table");
    if (status !== 200) return;
    const [event] = openaiChat.upstream.decodeReply(body, dialectOf(recording));
    expect<unknown>(event?.type === "error" && event.failure.kind).toBe(kinds[recording.id]);
  });
});

describe("recorded requests", () => {
  const line = { headers: new Headers(), unseal: () => undefined };
  const requests = recordings.flatMap((recording): [string, Recording, JsonObject][] =>
    recording.request ? [[label(recording), recording, recording.request.body]] : [],
  );
  test.each(requests)("%s decodes, and goes up again in every dialect", (_, __, body) => {
    const decoded = openaiChat.client.decodeRequest(body, line);
    for (const host of hosts) {
      const dialect: Dialect = { model: "target-model", vendor: "unknown", route: "r", host };
      const patched = openaiChat.upstream.patchRequest(body, decoded, dialect).body;
      expect(patched["model"]).toBe("target-model");
      for (const [name, value] of Object.entries(decoded.extensions)) expect(patched[name]).toEqual(value);
      if (host === "compatible" || host === "openrouter") {
        const untouched = Object.keys(body).filter((name) => name !== "model" && name !== "stream_options");
        for (const name of untouched) expect(patched[name]).toBe(body[name]);
        expect(Object.keys(patched).slice(0, Object.keys(body).length)).toEqual(Object.keys(body));
      }
      assertEncodes(decoded, dialect);
    }
  });

  /** Every text of the conversation must be in the body, unless the host is refused by name. */
  function assertEncodes(decoded: Chat, dialect: Dialect): void {
    try {
      const { body } = openaiChat.upstream.encodeRequest(decoded, dialect);
      const text = JSON.stringify(body["messages"]);
      for (const turn of decoded.turns) {
        for (const part of turn.parts) {
          const isText = "type" in part && part.type === "text";
          if (isText) expect(text).toContain(JSON.stringify(part.text).slice(1, -1));
        }
      }
      expect(asArray(body["messages"]).length).toBeGreaterThan(0);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      expect(error.kind).toBe("unsupported");
      expect(error.detail.param).toBeString();
    }
  }
});

describe("streams split anywhere", () => {
  const short = streams.filter(([, recording]) => (recording.response.sse ?? "").length < 60_000);

  /** The same events in other framings a server may choose. */
  const framings: readonly (readonly [string, (sse: string) => string])[] = [
    ["as recorded", (sse) => sse],
    ["with CRLF", (sse) => sse.replaceAll("\r\n", "\n").replaceAll("\n", "\r\n")],
    ["with CR", (sse) => sse.replaceAll("\r\n", "\n").replaceAll("\n", "\r")],
    [
      "with comments between",
      (sse) => sse.replaceAll("\r\n", "\n").replaceAll("\n\n", "\n\n: keep-alive\n\n"),
    ],
    [
      "with data over several lines",
      (sse) =>
        sse.replaceAll("\r\n", "\n").replace(/^data: (\{.*\})$/gm, (_, json: string) =>
          JSON.stringify(parseJson(json), null, 1)
            .split("\n")
            .map((line) => `data: ${line}`)
            .join("\n"),
        ),
    ],
  ];

  test.each(short)("%s gives the same events in 1-byte chunks and in every framing", (_, recording) => {
    const dialect = dialectOf(recording);
    const expected = comparable(decode(recording));
    for (const [, reframe] of framings) {
      const bytes = new TextEncoder().encode(reframe(recording.response.sse ?? ""));
      const single = Array.from(bytes, (byte) => Uint8Array.of(byte));
      expect(comparable(decodeBytes([bytes], dialect))).toEqual(expected);
      if (bytes.length < 20_000) expect(comparable(decodeBytes(single, dialect))).toEqual(expected);
    }
  });

  test("random splits give the same events", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...short),
        fc.constantFrom(...framings),
        fc.array(fc.nat(60_000), { maxLength: 40 }),
        ([, recording], [, reframe], cuts) => {
          const bytes = new TextEncoder().encode(reframe(recording.response.sse ?? ""));
          const edges = [0, ...cuts.filter((cut) => cut < bytes.length), bytes.length].sort((a, b) => a - b);
          const chunks = edges.slice(1).map((edge, index) => bytes.subarray(edges[index], edge));
          const dialect = dialectOf(recording);
          expect(comparable(decodeBytes(chunks, dialect))).toEqual(comparable(decode(recording)));
        },
      ),
      { numRuns: 60 },
    );
  });

  /** Failures carry stacks, which differ. */
  function comparable(events: readonly ChatEvent[]): unknown[] {
    return events.map((event) => (event.type === "error" ? { kind: event.failure.kind } : event));
  }
});
