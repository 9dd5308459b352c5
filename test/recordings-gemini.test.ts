/**
 * Every recorded Gemini exchange: our reading of the answer agrees with the official SDK's reading of the same bytes;
 * what we write for a client is read by the SDK as the same content; requests survive both lanes.
 */
import { afterAll, describe, expect, test } from "bun:test";
import { GoogleGenAI, type GenerateContentResponse } from "@google/genai";
import fc from "fast-check";
import { asObject, asString, type JsonObject } from "#lib/json.ts";
import { SseReader } from "#lib/sse.ts";
import type { ChatEvent } from "#model/chat-event.ts";
import type { Chat } from "#model/chat.ts";
import { foldReply } from "#model/reply.ts";
import { gemini } from "#protocols/gemini/gemini.ts";
import { JsonArrayFraming } from "#protocols/gemini/json-array-framing.ts";
import type { Dialect, Envelope, RequestLine } from "#protocols/protocol.ts";
import { normalRequest, readEvents, readResponses, type Reading } from "./gemini-reading.ts";
import { checkGeminiStream } from "./grammar/gemini.ts";
import { readOtherRecordings, readRecordings, type Recording } from "./recording.ts";

const recordings = readRecordings("gemini");
const answers = recordings.filter((recording) => recording.response.status === 200);

let answer: Response = new Response();
const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => answer });
afterAll(() => server.stop(true));
const sdk = new GoogleGenAI({ apiKey: "k", httpOptions: { baseUrl: `http://127.0.0.1:${server.port}` } });

async function readWhole(body: unknown): Promise<readonly GenerateContentResponse[]> {
  answer = Response.json(body);
  return [await sdk.models.generateContent({ model: "m", contents: "hi" })];
}

async function readStream(text: string): Promise<readonly GenerateContentResponse[]> {
  answer = new Response(text, { headers: { "content-type": "text/event-stream" } });
  return Array.fromAsync(await sdk.models.generateContentStream({ model: "m", contents: "hi" }));
}

function dialectOf(recording: Recording): Dialect {
  const host = recording.provider === "google-vertex" ? "vertex" : "aistudio";
  return { model: recording.model ?? "gemini-2.5-flash", vendor: "google", route: "google", host };
}

const encoder = new TextEncoder();

function decodeBytes(chunks: readonly Uint8Array[], dialect: Dialect): readonly ChatEvent[] {
  const reader = new SseReader();
  const decoder = gemini.upstream.createStreamDecoder(dialect);
  const frames = [...chunks.flatMap((chunk) => reader.push(chunk)), ...reader.end()];
  return [...frames.flatMap((frame) => decoder.push(frame)), ...decoder.end()];
}

function decode(recording: Recording): readonly ChatEvent[] {
  const { body, sse, raw } = recording.response;
  const dialect = dialectOf(recording);
  if (body) return gemini.upstream.decodeReply(body, dialect);
  return decodeBytes([encoder.encode(sse ?? raw ?? "")], dialect);
}

/** What the SDK reads in the recorded bytes; it does not read a stream sent as one array, so that one comes as SSE. */
async function readRecorded({ response }: Recording): Promise<readonly GenerateContentResponse[]> {
  if (response.body) return readWhole(response.body);
  if (response.sse !== undefined) return readStream(response.sse);
  const chunks: readonly unknown[] = JSON.parse(response.raw ?? "[]");
  return readStream(chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\r\n\r\n`).join(""));
}

function envelopeFor(chat: Partial<Chat> = {}): Envelope {
  return {
    id: "reply1",
    createdAtSeconds: 1,
    model: "served",
    chat: {
      protocol: "gemini",
      model: "m",
      stream: true,
      includeUsage: true,
      system: [],
      turns: [],
      tools: [],
      extensions: {},
      betas: [],
      reasoning: { visibility: "full" },
      ...chat,
    },
    seal: (opaque) => `sealed:${opaque.data}`,
  };
}

function encodeStream(events: readonly ChatEvent[]): string {
  const stream = gemini.client.createStreamEncoder(envelopeFor());
  return events.map((event) => stream.push(event)).join("");
}

/** Arguments in pieces are raw in the SDK: there its reading of calls is no measure. */
function withoutPieces(recording: Recording, reading: Reading): Reading {
  return recording.features.includes("partial-args") ? { ...reading, calls: [] } : reading;
}

describe("every recorded answer", () => {
  test("there are answers of every framing", () => {
    expect(answers.length).toBeGreaterThan(70);
    expect(new Set(answers.map((recording) => recording.response.framing)).size).toBe(3);
  });

  for (const recording of answers) {
    test(`${recording.id} is read as the SDK reads it, and written so that it reads the same`, async () => {
      const events = decode(recording);
      expect(events.at(-1)?.type).toBe("end");
      expect(events.filter((event) => event.type === "finish").length).toBe(1);
      const ours = readEvents(events);
      const theirs = readResponses(await readRecorded(recording));
      expect(withoutPieces(recording, ours)).toEqual(withoutPieces(recording, theirs));

      const whole = gemini.client.encodeReply(foldReply(events), envelopeFor());
      expect(readResponses(await readWhole(whole))).toEqual(ours);
      const text = encodeStream(events);
      checkGeminiStream(text);
      expect(readResponses(await readStream(text))).toEqual(ours);
    });
  }
});

describe("finish, citations and pieces", () => {
  const finishes: readonly [string, string, string][] = [
    ["otel-contrib-04c14e6c5e1f-0", "length", "MAX_TOKENS"],
    ["pydantic-ai-b5f520c3b696-0", "content_filter", "MODEL_ARMOR"],
    ["pydantic-ai-1e68ea688127-1", "refusal", "MODEL_ARMOR"],
    ["pydantic-ai-46c22ee80ae3-0", "tool_calls", "UNEXPECTED_TOOL_CALL"],
    ["mirascope-7e64cc220b63-0", "stop", "STOP"],
  ];
  for (const [id, reason, native] of finishes) {
    test(`${id} ends with ${reason}`, () => {
      const recording = byId(id);
      expect(decode(recording).find((event) => event.type === "finish")).toMatchObject({ reason, native });
    });
  }

  test("every recorded grounding support becomes a citation over the very words it names", () => {
    const grounded = answers.filter((recording) => recording.features.includes("citations"));
    expect(grounded.length).toBeGreaterThan(4);
    for (const recording of grounded) {
      const parts = foldReply(decode(recording)).choices[0]?.parts ?? [];
      const texts = parts.filter((part) => part.type === "text");
      const citations = texts.flatMap((part) =>
        (part.citations ?? []).map((citation) => ({ citation, text: part.text })),
      );
      expect(citations.length).toBeGreaterThan(0);
      for (const { citation, text } of citations) {
        const segment = asObject(asObject(citation.raw?.value["groundingSupport"])?.["segment"]);
        expect(text.slice(citation.start, citation.end)).toBe(asString(segment?.["text"]) ?? "no words");
        expect(citation.raw?.value["groundingChunk"]).toBeDefined();
      }
    }
  });

  test("arguments in pieces are put together, also when the last piece never comes", () => {
    const calls = foldReply(decode(byId("vercel-ai-b8a51b986ebd-0"))).choices[0]?.parts ?? [];
    expect(calls.map((part) => (part.type === "tool_call" ? [part.name, part.argumentsText] : []))).toEqual([
      ["getWeather", '{"location":"Boston"}'],
      ["getWeather", '{"location":"San Francisco"}'],
    ]);
    const [call] = foldReply(decode(byId("vercel-ai-6a265b3a3b89-0"))).choices[0]?.parts ?? [];
    const operations: unknown = call?.type === "tool_call" ? JSON.parse(call.argumentsText) : undefined;
    expect(operations).toMatchObject({
      operations: [
        { action: "add", description: "Fresh red apple", itemid: "apple_001", price: 0.5 },
        { action: "add" },
      ],
    });
  });

  test("ids made for calls are unique in a reply, and the same streamed and whole", () => {
    const recording = byId("openinference-2e99440e6c20-0");
    const ids = idsOf(decode(recording));
    expect(new Set(ids).size).toBe(ids.length);
    const bytes = [...encoder.encode(recording.response.sse ?? "")].map((byte) => Uint8Array.of(byte));
    expect(idsOf(decodeBytes(bytes, dialectOf(recording)))).toEqual(ids);
  });
});

function idsOf(events: readonly ChatEvent[]): readonly string[] {
  return events.flatMap((event) =>
    event.type === "part_start" && event.part.type === "tool_call" ? [event.part.id] : [],
  );
}

function byId(id: string): Recording {
  const found = recordings.find((recording) => recording.id === id);
  if (!found) throw new Error(`no recording ${id}`);
  return found;
}

describe("every recorded stream", () => {
  const streams = answers.filter((recording) => recording.response.sse !== undefined);
  for (const recording of streams) {
    const text = recording.response.sse ?? "";
    const dialect = dialectOf(recording);
    const events = decode(recording);

    test(`${recording.id} reads the same in any split, with either line end`, () => {
      fc.assert(
        fc.property(
          fc.array(fc.nat(encoder.encode(text).length), { maxLength: 12 }),
          fc.boolean(),
          (cuts, isUnix) => {
            const bytes = encoder.encode(isUnix ? text.replaceAll("\r\n", "\n") : text);
            const places = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)), bytes.length].toSorted(
              (a, b) => a - b,
            );
            const chunks = places.slice(1).map((place, index) => bytes.subarray(places[index], place));
            expect(decodeBytes(chunks, dialect)).toEqual(events);
          },
        ),
        { numRuns: 8 },
      );
      const single = [...encoder.encode(text.slice(0, 3000))].map((byte) => Uint8Array.of(byte));
      expect(decodeBytes(single, dialect)).toEqual(
        decodeBytes([encoder.encode(text.slice(0, 3000))], dialect),
      );
    });

    test(`${recording.id} cut anywhere never looks complete`, () => {
      const frames = text.split(/(?<=\r?\n\r?\n)/);
      const finalAt = frames.findIndex((frame) => frame.includes('"finishReason"'));
      for (let count = 0; count < finalAt; count += 1) {
        const cut = decodeBytes([encoder.encode(frames.slice(0, count).join(""))], dialect);
        expect(cut.at(-1)).toMatchObject({ type: "error", failure: { kind: "upstream_broken" } });
      }
    });
  }

  test("a recorded stream as one JSON array is the same stream", () => {
    for (const recording of streams.slice(0, 6)) {
      const framing = new JsonArrayFraming();
      const frames = new SseReader().push(encoder.encode(encodeStream(decode(recording))));
      const array = frames.map((frame) => framing.push(frame)).join("") + framing.end();
      const chunks = checkGeminiStream(encodeStream(decode(recording))).chunks;
      expect(JSON.parse(array)).toEqual(chunks);
    }
  });
});

describe("every recorded request", () => {
  const requests = recordings.filter((recording) => recording.request);
  const line: RequestLine = { model: "m", stream: false, headers: new Headers(), unseal: () => undefined };

  test("there are enough", () => expect(requests.length).toBeGreaterThan(70));

  for (const recording of requests) {
    const body: JsonObject = recording.request?.body ?? {};
    const dialect = dialectOf(recording);

    test(`${recording.id} survives the canonical lane`, () => {
      const chat = gemini.client.decodeRequest(body, line);
      const encoded = gemini.upstream.encodeRequest(chat, dialect);
      const isVertex = dialect.host === "vertex";
      expect(normalRequest(encoded.body, isVertex)).toEqual(normalRequest(body, isVertex));
    });

    test(`${recording.id} survives the native lane with fields nobody knows`, () => {
      const raw = { zeta: null, ...body, futureField: { a: [1, null] } };
      const chat = gemini.client.decodeRequest(raw, line);
      const patched = gemini.upstream.patchRequest(raw, chat, dialect).body;
      const { model: _, ...expected } = raw as JsonObject;
      expect(Object.keys(patched)).toEqual(Object.keys(expected));
      if (dialect.host === "vertex") {
        expect(normalRequest(patched, true)).toEqual(normalRequest(expected, true));
        expect(JSON.stringify(patched["contents"])).not.toMatch(/"function_?(C|c)all":\{[^}]*"id"/);
      } else {
        expect(JSON.stringify(patched)).toBe(JSON.stringify(expected));
      }
    });
  }
});

describe("recorded token counting", () => {
  const counts = readOtherRecordings().filter((recording) => recording.protocol === "gemini-count-tokens");
  for (const recording of counts) {
    test(`${recording.id} is counted and asked again`, () => {
      const body: JsonObject = recording.request?.body ?? {};
      const dialect = dialectOf(recording);
      const line: RequestLine = { model: "m", headers: new Headers(), unseal: () => undefined };
      const chat = gemini.client.counting?.decodeRequest(body, line);
      expect(chat?.turns.length).toBeGreaterThan(0);
      expect(gemini.upstream.counting?.patchRequest(body, dialect)["contents"]).toEqual(body["contents"]);
      const tokens = gemini.upstream.counting?.decodeReply(recording.response.body);
      expect(tokens).toBe(Number(recording.response.body?.["totalTokens"]));
      expect(gemini.client.counting?.encodeReply(tokens ?? 0)).toEqual({ totalTokens: tokens ?? 0 });
    });
  }
});
