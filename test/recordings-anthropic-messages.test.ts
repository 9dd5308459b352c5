/**
 * Every recorded exchange of this API, against an independent reading: the official SDK on the same bytes.
 */
import { describe, expect, test } from "bun:test";
import Anthropic from "@anthropic-ai/sdk";
import { asArray, asObject, asString, isObject, parseJson, type Json, type JsonObject } from "#lib/json.ts";
import { SseReader } from "#lib/sse.ts";
import type { AssistantPart, Chat } from "#model/chat.ts";
import type { ChatEvent } from "#model/chat-event.ts";
import { Failure } from "#model/failure.ts";
import { foldReply, type Reply } from "#model/reply.ts";
import { anthropicMessages } from "#protocols/anthropic-messages/anthropic-messages.ts";
import type { Dialect, Envelope, RequestLine } from "#protocols/protocol.ts";
import { checkMessagesGrammar } from "./grammar/anthropic-messages.ts";
import { readOtherRecordings, readRecordings, type Recording } from "./recording.ts";

const { client, upstream } = anthropicMessages;
const recordings = readRecordings("anthropic-messages");
const answered = recordings.filter((recording) => recording.response.status === 200);
const allStreamed = answered.filter((recording) => recording.response.framing === "sse");
/** Streams that begin a second time, which the SDK refuses to read. */
const isRestarted = ({ response }: Recording) => (response.sse ?? "").split('"message_start"').length > 2;
const streamed = allStreamed.filter((recording) => !isRestarted(recording));
const whole = answered.filter((recording) => recording.response.framing === "json");
const refused = recordings.filter((recording) => recording.response.status !== 200);

test("the recordings are there, of every kind", () => {
  expect(streamed.length).toBeGreaterThanOrEqual(30);
  expect(whole.length).toBeGreaterThanOrEqual(30);
  expect(refused.length).toBeGreaterThanOrEqual(4);
});

describe("a streamed answer", () => {
  for (const recording of streamed) {
    test(`decodes as the SDK reads it: ${recording.id}`, async () => {
      const expected = await sdkStream(recording.response.sse ?? "");
      const reply = foldReply(decodeSse(recording.response.sse ?? "", recording));
      expectSame(reply, expected);
    });

    test(`re-encodes to the same message: ${recording.id}`, async () => {
      const expected = await sdkStream(recording.response.sse ?? "");
      const encoder = client.createStreamEncoder(envelopeOf(recording));
      const text = decodeSse(recording.response.sse ?? "", recording).map((event) => encoder.push(event));
      expect(checkMessagesGrammar(text.join(""))).toBe("message_stop");
      expectSameMessage(await sdkStream(text.join("")), expected);
    });

    test(`folds and encodes whole to the same message: ${recording.id}`, async () => {
      const expected = await sdkStream(recording.response.sse ?? "");
      const reply = foldReply(decodeSse(recording.response.sse ?? "", recording));
      expectSameMessage(await sdkWhole(client.encodeReply(reply, envelopeOf(recording))), expected);
    });
  }
});

describe("a stream that begins twice", () => {
  const outcomes: Readonly<Record<string, string>> = {
    "vercel-ai-343698d5f59e-0": "end",
    "vercel-ai-6dcb2f101792-0": "error",
  };
  for (const recording of allStreamed.filter(isRestarted)) {
    test(`goes on before its content and is broken behind it: ${recording.id}`, () => {
      const events = decodeSse(recording.response.sse ?? "", recording);
      expect<unknown>(events.at(-1)?.type).toBe(outcomes[recording.id]);
      expect(events.filter((event) => event.type === "start").length).toBe(1);
    });
  }
});

describe("a whole answer", () => {
  for (const recording of whole) {
    const body = recording.response.body ?? {};
    test(`decodes as the SDK reads it: ${recording.id}`, async () => {
      const reply = foldReply(upstream.decodeReply(body, dialectOf(recording)));
      expectSame(reply, await sdkWhole(body));
    });

    test(`re-encodes to the same message, whole and streamed: ${recording.id}`, async () => {
      const expected = await sdkWhole(body);
      const events = upstream.decodeReply(body, dialectOf(recording));
      expectSameMessage(
        await sdkWhole(client.encodeReply(foldReply(events), envelopeOf(recording))),
        expected,
      );
      const encoder = client.createStreamEncoder(envelopeOf(recording));
      const text = events.map((event) => encoder.push(event)).join("");
      checkMessagesGrammar(text);
      expectSameMessage(await sdkStream(text), expected);
    });
  }
});

describe("a recorded refusal", () => {
  for (const recording of refused) {
    test(`is the caller's or the upstream's fault, and told as such: ${recording.id}`, () => {
      const failure = upstream.decodeFailure({
        status: recording.response.status,
        headers: headersOf(recording.response.headers),
        text: JSON.stringify(recording.response.body),
        nowMs: 0,
      });
      expect(failure.kind).not.toBe("internal");
      expect(failure.detail.upstreamStatus).toBe(recording.response.status);
      expect(client.encodeFailure(failure, "req_1").body["type"]).toBe("error");
    });
  }
});

describe("a recorded request", () => {
  for (const recording of recordings) {
    const body = recording.request?.body;
    if (body === undefined || recording.response.status === 400) continue;
    test(`decodes and re-encodes to an equivalent body: ${recording.id}`, () => {
      const chat = client.decodeRequest(body, lineOf(recording));
      const encoded = upstream.encodeRequest(chat, dialectOf(recording));
      expect(comparable(encoded.body)).toEqual(comparable(body));
      expect(encoded.dropped).toEqual([]);
    });

    test(`is patched without losing a field: ${recording.id}`, () => {
      const raw = { ...body, x_new: { deep: [1, null] }, x_null: null };
      const chat = client.decodeRequest(raw, lineOf(recording));
      const patched = upstream.patchRequest(raw, chat, { ...dialectOf(recording), model: "other" });
      expect(JSON.stringify(patched.body)).toBe(JSON.stringify({ ...raw, model: "other" }));
      expect(patched.dropped).toEqual([]);
    });
  }
});

test("the recorded counting call round trips", () => {
  const counts = readOtherRecordings().filter((one) => one.protocol === "anthropic-count-tokens");
  expect(counts.length).toBeGreaterThan(0);
  for (const recording of counts) {
    const body = recording.request?.body ?? {};
    const chat = client.counting?.decodeRequest(body, lineOf(recording));
    expect(chat?.outputTokensMax).toBeUndefined();
    const encoded = chat && upstream.counting?.encodeRequest(chat, dialectOf(recording));
    expect(comparable(encoded ?? {})).toEqual(comparable(body));
    const tokens = upstream.counting?.decodeReply(recording.response.body) ?? 0;
    expect(client.counting?.encodeReply(tokens)["input_tokens"]).toBe(
      recording.response.body?.["input_tokens"],
    );
  }
});

// ---- our side -------------------------------------------------------------------------------------------------

function dialectOf(recording: Recording): Dialect {
  return { model: recording.model, vendor: "anthropic", route: "anthropic", host: "anthropic" };
}

function lineOf(recording: Recording): RequestLine {
  return { headers: headersOf(recording.request?.headers ?? {}), unseal: () => undefined };
}

function headersOf(headers: Readonly<Record<string, string>>): { get(name: string): string | null } {
  return { get: (name) => headers[name] ?? null };
}

function envelopeOf(recording: Recording): Envelope {
  const chat: Chat = {
    protocol: "anthropic-messages",
    model: recording.model,
    stream: recording.stream,
    includeUsage: true,
    system: [],
    turns: [],
    tools: [],
    extensions: {},
    betas: [],
  };
  const seal = () => {
    throw new Error("Anthropic's own state must not be sealed");
  };
  return { id: "x", createdAtSeconds: 0, model: recording.model, chat, seal };
}

function decodeSse(text: string, recording: Recording): readonly ChatEvent[] {
  const decoder = upstream.createStreamDecoder(dialectOf(recording));
  const reader = new SseReader();
  const frames = [...reader.push(new TextEncoder().encode(text)), ...reader.end()];
  return [...frames.flatMap((frame) => decoder.push(frame)), ...decoder.end()];
}

// ---- the SDK's reading ----------------------------------------------------------------------------------------

const asked = { model: "m", max_tokens: 1, messages: [{ role: "user" as const, content: "x" }] };

function sdk(text: string, contentType: string): Anthropic {
  const fetch = () => Promise.resolve(new Response(text, { headers: { "content-type": contentType } }));
  return new Anthropic({ apiKey: "k", maxRetries: 0, fetch });
}

async function sdkStream(text: string): Promise<JsonObject> {
  const message = await sdk(text, "text/event-stream").beta.messages.stream(asked).finalMessage();
  return plain(message);
}

async function sdkWhole(body: JsonObject): Promise<JsonObject> {
  return plain(await sdk(JSON.stringify(body), "application/json").beta.messages.create(asked));
}

/** As JSON, so that what an SDK adds beside the data does not count. */
function plain(message: unknown): JsonObject {
  const value = parseJson(JSON.stringify(message));
  if (!isObject(value)) throw new Error("no message");
  return value;
}

// ---- comparisons ----------------------------------------------------------------------------------------------

const stops: Readonly<Record<string, string>> = {
  end_turn: "stop",
  stop_sequence: "stop_sequence",
  max_tokens: "length",
  tool_use: "tool_calls",
  refusal: "refusal",
  pause_turn: "pause",
  compaction: "stop",
};

function expectSame(reply: Reply, message: JsonObject): void {
  const [choice] = reply.choices;
  const usage = asObject(message["usage"]) ?? {};
  expect<unknown>(reply.model).toBe(message["model"]);
  expect(choice?.parts.map(fromPart)).toEqual(asArray(message["content"]).map(fromBlock));
  expect<unknown>(choice?.finish.reason).toBe(stops[asString(message["stop_reason"]) ?? ""]);
  expect<unknown>(choice?.finish.stopSequence ?? null).toBe(message["stop_sequence"] ?? null);
  expect(reply.usage?.input).toBe(Number(usage["input_tokens"]));
  expect(reply.usage?.output).toBe(Number(usage["output_tokens"]));
  expect(reply.usage?.cacheRead ?? 0).toBe(Number(usage["cache_read_input_tokens"] ?? 0));
  expect(reply.usage?.cacheWrite ?? 0).toBe(Number(usage["cache_creation_input_tokens"] ?? 0));
}

/** A canonical part, said in the simplest words. */
function fromPart(part: AssistantPart): Json {
  switch (part.type) {
    case "text":
      return ["text", part.text, (part.citations ?? []).map((citation) => citation.raw?.value ?? null)];
    case "reasoning":
      return part.kind === "redacted"
        ? ["redacted", part.signature?.data ?? null]
        : ["thinking", part.text ?? "", part.signature?.data ?? null];
    case "tool_call":
      return ["call", part.id, part.name, parseJson(part.argumentsText) ?? null];
    case "hosted":
      return part.value;
    case "refusal":
    case "image":
    case "audio":
    case "code":
    case "code_result":
      throw new Error(`no such part in this API: ${part.type}`);
  }
}

/** The same words for what the SDK read. */
function fromBlock(entry: Json): Json {
  const block = asObject(entry) ?? {};
  switch (asString(block["type"]) ?? "") {
    case "text":
      return ["text", block["text"] ?? null, asArray(block["citations"])];
    case "thinking":
      return ["thinking", block["thinking"] ?? null, block["signature"] ?? null];
    case "redacted_thinking":
      return ["redacted", block["data"] ?? null];
    case "tool_use":
      return ["call", block["id"] ?? null, block["name"] ?? null, block["input"] ?? null];
    default:
      return block;
  }
}

function expectSameMessage(message: JsonObject, expected: JsonObject): void {
  expect(asArray(message["content"]).map(withoutNulls)).toEqual(
    asArray(expected["content"]).map(withoutNulls),
  );
  expect(message["model"]).toBe(expected["model"]);
  expect(message["stop_reason"]).toBe(expected["stop_reason"]);
  expect(message["stop_sequence"] ?? null).toBe(expected["stop_sequence"] ?? null);
  expect(message["stop_details"] ?? null).toEqual(expected["stop_details"] ?? null);
  const usage = asObject(message["usage"]) ?? {};
  const before = asObject(expected["usage"]) ?? {};
  for (const field of [
    "input_tokens",
    "output_tokens",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
  ]) {
    expect(usage[field] ?? 0).toEqual(before[field] ?? 0);
  }
}

/** Absent, null and an empty list of citations are one. */
function withoutNulls(entry: Json): Json {
  const block = asObject(entry);
  if (block === undefined || block["type"] !== "text") return entry;
  const { citations, ...rest } = block;
  return asArray(citations).length === 0 ? rest : block;
}

/** A body with what may be written in two ways written in one. */
function comparable(body: JsonObject): JsonObject {
  const { output_format, output_config, system, messages, stream, betas: _, ...rest } = body;
  const format = output_format === undefined ? {} : { format: output_format };
  const config = { ...asObject(output_config), ...format };
  return {
    ...rest,
    ...(Object.keys(config).length > 0 && { output_config: config }),
    ...(system !== undefined && { system: asBlocks(system) }),
    ...(stream === true && { stream }),
    messages: merged(asArray(messages)),
  };
}

function merged(messages: readonly Json[]): readonly Json[] {
  const list: { role: Json; content: readonly Json[] }[] = [];
  for (const entry of messages) {
    const message = asObject(entry) ?? {};
    const role = message["role"] ?? null;
    const content = asBlocks(message["content"]);
    const last = list.at(-1);
    if (last !== undefined && last.role === role)
      list[list.length - 1] = { role, content: [...last.content, ...content] };
    else list.push({ role, content });
  }
  return list;
}

function asBlocks(content: Json | undefined): readonly Json[] {
  const blocks = typeof content === "string" ? [{ type: "text", text: content }] : asArray(content);
  return blocks.map((entry) => {
    const block = asObject(entry) ?? {};
    const isResult = block["type"] === "tool_result" && block["content"] !== undefined;
    const { cache_control, ...rest } = isResult ? { ...block, content: asBlocks(block["content"]) } : block;
    return withoutNulls(cache_control ? { ...rest, cache_control } : rest);
  });
}

test("a failure is thrown as one", () => {
  expect(() => client.decodeRequest({}, { headers: headersOf({}), unseal: () => undefined })).toThrow(
    Failure,
  );
});
