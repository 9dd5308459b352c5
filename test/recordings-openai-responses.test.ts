/**
 * Every recorded Responses exchange, read by our decoder and, independently, by the official SDK; written again by
 * our encoders, judged by the grammar and read by the SDK once more.
 */
import { describe, expect, test } from "bun:test";
import type { Response as SdkResponse } from "openai/resources/responses/responses";
import { type Json, type JsonObject, asArray, asObject, asString, isObject } from "#lib/json.ts";
import { Failure } from "#model/failure.ts";
import { foldReply, type Reply } from "#model/reply.ts";
import { inputTotal } from "#model/usage.ts";
import { openaiResponses } from "#protocols/openai-responses/openai-responses.ts";
import type { Dialect } from "#protocols/protocol.ts";
import { checkOpenaiResponsesStream } from "./grammar/openai-responses.ts";
import {
  type Content,
  contentOfReply,
  contentOfResponse,
  decode,
  envelope,
  readText,
  sdk,
  sdkStreamed,
  sdkWhole,
  writeStream,
} from "./openai-responses-fixture.ts";
import { readRecordings, type Recording } from "./recording.ts";

const all = readRecordings("openai-responses");
/** Two answers under this protocol's name are of another API: an embedding list and a chat completion. */
const isResponse = ({ response }: Recording) => Array.isArray(response.body?.["output"]);
const whole = all.filter((recording) => recording.response.status === 200 && isResponse(recording));
const streamed = all.filter((recording) => recording.response.framing === "sse");
const strangers = all.filter(
  ({ response }) =>
    response.status === 200 && response.framing === "json" && !Array.isArray(response.body?.["output"]),
);
const failed = all.filter((recording) => recording.response.status !== 200);
const requested = all.filter((recording) => recording.request !== null);

function dialectOf(recording: Recording): Dialect {
  const isXai = recording.provider.endsWith(":xai");
  const host =
    recording.provider === "openrouter"
      ? "openrouter"
      : recording.provider === "openai"
        ? "openai"
        : "compatible";
  return { model: recording.model, vendor: isXai ? "xai" : "openai", route: recording.provider, host };
}

function bodyOf(recording: Recording): JsonObject {
  return recording.response.body ?? {};
}

function textOf(recording: Recording): string {
  return recording.response.sse ?? "";
}

/**
 * The SDK's own reading of the recorded stream: the items as they were done, in the response that closed it. OpenAI
 * encrypts reasoning anew for the closing event, so its copy there differs, byte for byte, from the item's.
 */
async function sdkItems(text: string): Promise<SdkResponse> {
  const stream = await sdk(text).responses.create({ model: "m", input: "x", stream: true });
  const output: SdkResponse["output"] = [];
  let last: SdkResponse | undefined;
  for await (const event of stream) {
    if (event.type === "response.output_item.done") output[event.output_index] = event.item;
    if (event.type === "response.completed" || event.type === "response.incomplete") last = event.response;
  }
  if (!last) throw new Error("the SDK saw no closing event");
  // OpenRouter says a call's arguments only at the close.
  const items = output.map((item, index) =>
    item.type === "function_call" && item.arguments === "" ? last.output[index] : item,
  );
  return { ...last, output: items.filter((item) => item !== undefined) };
}

function expectSame(reply: Reply, recorded: SdkResponse): void {
  const expected = contentOfResponse(recorded);
  expect(contentOfReply(reply)).toEqual(expected);
  const finish = reply.choices[0]?.finish;
  const isIncomplete = recorded.status === "incomplete";
  expect(finish?.reason === "length" || finish?.reason === "content_filter").toBe(isIncomplete);
  if (!isIncomplete) expect(finish?.reason === "tool_calls").toBe(expected.calls.length > 0);
  if (!recorded.usage) return expect(reply.usage).toBeUndefined();
  const { usage } = recorded;
  expect(inputTotal(reply.usage ?? {})).toBe(usage.input_tokens);
  expect(reply.usage?.cacheRead ?? 0).toBe(usage.input_tokens_details.cached_tokens);
  expect(reply.usage?.cacheWrite ?? 0).toBe(usage.input_tokens_details.cache_write_tokens ?? 0);
  expect(reply.usage?.output).toBe(usage.output_tokens);
  expect(reply.usage?.reasoning).toBe(usage.output_tokens_details.reasoning_tokens);
  expect(reply.model).toBe(recorded.model);
}

/** What went through our encoders says the same as the recording. */
function expectSameAnswer(written: SdkResponse, recorded: SdkResponse): void {
  expect(contentOfResponse(written)).toEqual(contentOfResponse(recorded));
  expect(written.output_text).toBe(contentOfResponse(recorded).text);
  expect(written.status).toBe(recorded.status === "incomplete" ? "incomplete" : "completed");
  if (!recorded.usage) return;
  expect(written.usage?.input_tokens).toBe(recorded.usage.input_tokens);
  expect(written.usage?.output_tokens).toBe(recorded.usage.output_tokens);
  expect(written.usage?.total_tokens).toBe(recorded.usage.total_tokens);
  expect(written.usage?.input_tokens_details.cached_tokens).toBe(
    recorded.usage.input_tokens_details.cached_tokens,
  );
}

test("the recordings are all there", () => {
  expect(whole.length).toBe(47);
  expect(streamed.length).toBe(36);
  expect(failed.length).toBe(6);
  expect(requested.length).toBe(77);
});

describe("a whole recorded answer", () => {
  for (const recording of whole) {
    test(`${recording.id} decodes as the SDK reads it, and survives both encoders`, async () => {
      const events = openaiResponses.upstream.decodeReply(bodyOf(recording), dialectOf(recording));
      const recorded = await sdkWhole(bodyOf(recording));
      const reply = foldReply(events);
      expectSame(reply, recorded);
      expect(events.at(-1)).toEqual({ type: "end" });
      const chat = recording.request ? tryDecode(recording.request.body) : undefined;
      expectSameAnswer(await sdkWhole(openaiResponses.client.encodeReply(reply, envelope(chat))), recorded);
      const text = writeStream(events, chat);
      checkOpenaiResponsesStream(text);
      expectSameAnswer(await sdkStreamed(text), recorded);
    });
  }
});

describe("a recorded stream", () => {
  for (const recording of streamed) {
    test(`${recording.id} decodes as the SDK reads it, and survives both encoders`, async () => {
      const events = readText(textOf(recording), dialectOf(recording));
      const recorded = await sdkItems(textOf(recording));
      const reply = foldReply(events);
      expectSame(reply, recorded);
      expect(events.at(-1)).toEqual({ type: "end" });
      const text = writeStream(events);
      checkOpenaiResponsesStream(text);
      expectSameAnswer(await sdkStreamed(text), recorded);
      expectSameAnswer(await sdkWhole(openaiResponses.client.encodeReply(reply, envelope())), recorded);
    });

    test(`${recording.id} agrees with its closing event decoded as a whole answer`, () => {
      const closing = closingResponse(textOf(recording));
      const dialect = dialectOf(recording);
      const fromStream = foldReply(readText(textOf(recording), dialect));
      const fromWhole = foldReply(openaiResponses.upstream.decodeReply(closing, dialect));
      expect(withoutStates(contentOfReply(fromStream))).toEqual(withoutStates(contentOfReply(fromWhole)));
      expect(fromStream.usage).toEqual(fromWhole.usage);
      expect(fromStream.choices[0]?.finish).toEqual(fromWhole.choices[0]?.finish);
    });

    test(`${recording.id} cut anywhere before its closing event is broken, not complete`, () => {
      const text = textOf(recording);
      const closing = text.search(
        /(?:event: response\.(?:completed|incomplete)\n)?data: \{[^\n]*"type":"response\.(?:completed|incomplete)"/,
      );
      expect(closing).toBeGreaterThan(0);
      for (const share of [0, 0.1, 0.5, 0.9, 1]) {
        const events = readText(text.slice(0, Math.floor(closing * share)), dialectOf(recording));
        expect(events.at(-1)).toMatchObject({ type: "error", failure: { kind: "upstream_broken" } });
        expect(events.some((event) => event.type === "end")).toBe(false);
      }
    });
  }
});

function withoutStates(content: Content): unknown {
  const reasoning = content.reasoning.map(({ texts, state }) => ({ texts, hasState: state !== undefined }));
  const hosted = content.hosted.map((item) => ({
    ...asObject(item),
    encrypted_content: undefined,
    fingerprint: undefined,
  }));
  return { ...content, reasoning, hosted };
}

function closingResponse(text: string): JsonObject {
  const events = text
    .split("\n")
    .flatMap((row) => (row.startsWith("data: {") ? [JSON.parse(row.slice(6))] : []));
  const closing = events.findLast((event) => isObject(event) && isObject(event["response"]));
  return asObject(asObject(closing)?.["response"]) ?? {};
}

describe("an answer of another API", () => {
  for (const recording of strangers) {
    test(`${recording.id} is broken, not empty`, () => {
      const events = openaiResponses.upstream.decodeReply(bodyOf(recording), dialectOf(recording));
      expect(events).toMatchObject([{ type: "error", failure: { kind: "upstream_broken" } }]);
    });
  }
});

describe("a recorded failure", () => {
  for (const recording of failed) {
    test(`${recording.id} means what the provider said`, () => {
      const { status, headers } = recording.response;
      const text = JSON.stringify(recording.response.body);
      const answer = { status, headers: new Headers(headers), text, nowMs: 0 };
      const failure = openaiResponses.upstream.decodeFailure(answer);
      const isKey = text.includes("Incorrect API key");
      expect(failure.kind).toBe(isKey ? "upstream_refused" : "bad_request");
      expect(failure.message).not.toContain("invalid-***");
      if (!isKey)
        expect(failure.message).toBe(
          asString(asObject(bodyOf(recording)["error"])?.["message"]) ?? "no message",
        );
    });
  }
});

function tryDecode(body: JsonObject) {
  try {
    return decode(body);
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}

describe("a recorded request", () => {
  for (const recording of requested) {
    const body = recording.request?.body ?? {};
    // One request is wrong on purpose and is refused here as it was there, by the same field.
    if (body["temperature"] === -1) {
      test(`${recording.id} is refused naming its field`, () => {
        const refused = asObject(bodyOf(recording)["error"])?.["param"];
        expect(() => decode(body)).toThrow(
          expect.objectContaining({ kind: "bad_request", detail: { param: refused } }),
        );
      });
      continue;
    }
    test(`${recording.id} is the same after decoding and encoding`, () => {
      const chat = decode(body);
      const target: Dialect = { ...dialectOf(recording), vendor: "openai", host: "openai" };
      const encoded = openaiResponses.upstream.encodeRequest(chat, target);
      expect(normalRequest(encoded.body)).toEqual(normalRequest(body));
    });

    test(`${recording.id} goes up as it is in the native lane`, () => {
      const chat = decode(body);
      const raw: JsonObject = { ...body, x_future: { deep: [null, 1] }, user: null };
      const patched = openaiResponses.upstream.patchRequest(raw, chat, {
        ...dialectOf(recording),
        host: "openai",
        model: "other",
      });
      expect(patched.dropped).toEqual([]);
      const { store, include, model, ...rest } = patched.body;
      const { store: asked, include: wanted, model: _, ...original } = raw;
      expect(rest).toEqual(original);
      expect(model).toBe("other");
      expect(store).toBe(asked ?? (body["background"] === true ? undefined : false));
      for (const value of asArray(wanted)) expect(asArray(include)).toContain(value);
      const keys = Object.keys(raw).filter((key) => key in patched.body);
      expect(Object.keys(patched.body).slice(0, keys.length)).toEqual(keys);
    });
  }
});

/**
 * A request's meaning: what the encoder says in another way is said in one way, and what it owns by policy (ids of
 * items nothing stored, `store`, encrypted reasoning) is left out.
 */
function normalRequest(body: JsonObject): unknown {
  const {
    store: _,
    stream,
    model: __,
    include,
    instructions,
    input,
    tools,
    text,
    tool_choice,
    ...rest
  } = body;
  const items = typeof input === "string" ? [{ role: "user", content: input }] : asArray(input);
  const lead = instructions ? [{ role: "system", content: instructions }] : [];
  return {
    ...withoutNulls(rest),
    stream: stream ?? false,
    include: asArray(include).filter((value) => value !== "reasoning.encrypted_content"),
    input: withoutEmpty([...lead, ...items].map((item) => normalItem(asObject(item) ?? {}))),
    tools: asArray(tools).map((tool) => normalTool(asObject(tool) ?? {})),
    text: text ?? {},
    tool_choice: tool_choice ?? "auto",
  };
}

function normalTool(tool: JsonObject): JsonObject {
  return tool["type"] === "function" ? { ...tool, strict: tool["strict"] ?? true } : tool;
}

function normalItem(item: JsonObject): JsonObject {
  const type = item["type"] ?? "message";
  if (typeof type !== "string" || !NORMAL_ITEMS.has(type)) return item;
  const { id: _, status: __, content, output, ...rest } = item;
  return {
    ...rest,
    type,
    ...(content !== undefined && { content: normalContent(content) }),
    ...(output !== undefined && { output: normalContent(output) }),
  };
}

const NORMAL_ITEMS: ReadonlySet<string> = new Set([
  "message",
  "function_call",
  "function_call_output",
  "reasoning",
]);

/** Text without its wrapping; a text that says nothing is none. */
function normalContent(content: Json | undefined): Json {
  const parts = typeof content === "string" ? [{ type: "input_text", text: content }] : asArray(content);
  return parts
    .map((part): JsonObject => {
      const { type, annotations, logprobs: _, ...rest } = asObject(part) ?? {};
      const isText = type === "input_text" || type === "output_text";
      const cited = asArray(annotations);
      return { ...(!isText && { type }), ...rest, ...(cited.length > 0 && { annotations: cited }) };
    })
    .filter((part) => part["text"] !== "");
}

/** Messages that say nothing, and reasoning without the state that alone makes it valid, are not sent. */
function withoutEmpty(items: readonly JsonObject[]): readonly JsonObject[] {
  return items.filter((item) => {
    if (item["type"] === "reasoning") return typeof item["encrypted_content"] === "string";
    return item["type"] !== "message" || asArray(item["content"]).length > 0;
  });
}

function withoutNulls(object: JsonObject): JsonObject {
  const present = Object.entries(object).filter(([, value]) => value !== null);
  return Object.fromEntries(
    present.map(([name, value]) => [name, isObject(value) ? withoutNulls(value) : value]),
  );
}
