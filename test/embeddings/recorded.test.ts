/** Recorded embedding traffic, and answers of careless servers, through both rooms. */
import { describe, expect, test } from "bun:test";
import { asArray, asObject } from "#lib/json.ts";
import type { Embedding } from "#model/embedding.ts";
import { Failure } from "#model/failure.ts";
import { gemini } from "#protocols/gemini/gemini.ts";
import { geminiEmbeddings } from "#protocols/gemini/embeddings.ts";
import { openaiChat } from "#protocols/openai-chat/openai-chat.ts";
import { openaiEmbeddings } from "#protocols/openai-embeddings/openai-embeddings.ts";
import type { EmbeddingUpstream } from "#protocols/embeddings.ts";
import { readOtherRecordings } from "../recording.ts";

const line = (model?: string) => ({
  ...(model !== undefined && { model }),
  headers: new Headers(),
  unseal: () => undefined,
});

const recorded = readOtherRecordings().filter(({ protocol }) => protocol.endsWith("-embeddings"));
const dialect = { model: "served", vendor: "openai", route: "x", host: "compatible" } as const;

test("there are recordings of both APIs", () => {
  expect(new Set(recorded.map(({ protocol }) => protocol))).toEqual(
    new Set(["openai-embeddings", "gemini-embeddings"]),
  );
});

describe.each(recorded.map((recording) => [recording.id, recording] as const))("%s", (_, recording) => {
  const { request, response } = recording;
  const isGemini = recording.protocol === "gemini-embeddings";
  const client = isGemini ? geminiEmbeddings.batch : openaiEmbeddings.client;
  const upstream: EmbeddingUpstream = isGemini ? geminiEmbeddings.upstream : openaiEmbeddings.upstream;
  const decode = () => client.decodeRequest(request?.body ?? {}, line("asked"));

  test("its request is understood and goes up again with the model replaced", () => {
    const { calls, dropped } = upstream.encodeRequest(decode(), request?.body ?? {}, dialect);
    expect(dropped).toEqual([]);
    expect(calls).toHaveLength(1);
    const own = asObject(asArray(request?.body["requests"])[0]) ?? request?.body ?? {};
    const { model: _model, ...rest } = own;
    expect(calls[0]?.body).toMatchObject(rest);
  });

  test("its answer is read, or its refusal explained", () => {
    const text = JSON.stringify(response.body);
    if (response.status !== 200) {
      const protocol = isGemini ? gemini : openaiChat;
      const answer = { status: response.status, headers: new Headers(), text, nowMs: 0 };
      expect(protocol.upstream.decodeFailure(answer).kind).toBe("upstream_not_found");
      return;
    }
    const call = { operation: "embed", body: {}, inputCount: 1 } as const;
    const answer = upstream.decodeReply(response.body, call, decode());
    expect(answer.vectors.map((vector) => vector.length)).toEqual([768]);
    expect(answer.usage).toEqual({ input: 7, output: 0, costReportedNanoUsd: 140 });
    expect(answer.isAsAsked).toBe(true);
  });
});

const asked = (texts: number): Embedding => ({
  api: "openai-embeddings",
  model: "m",
  inputs: Array.from({ length: texts }, (_, index) => ({ type: "text", text: "a", path: `input[${index}]` })),
  encoding: "float",
  extensions: {},
});

const readOpenai = (body: unknown, count: number) =>
  openaiEmbeddings.upstream.decodeReply(
    body,
    { operation: "embed", body: {}, inputCount: count },
    asked(count),
  );
const entry = (index: number | undefined, embedding: unknown) => ({ index, embedding });

test("vectors out of order are put in order, and no longer forwarded as they came", () => {
  const answer = readOpenai({ data: [entry(1, [2]), entry(0, [1])], usage: { prompt_tokens: 1 } }, 2);
  expect(answer.vectors).toEqual([[1], [2]]);
  expect(answer.isAsAsked).toBe(false);
});

test("a server that leaves the indices out is read by position", () => {
  expect(readOpenai({ data: [entry(undefined, [1]), entry(undefined, [2])] }, 2)).toEqual({
    vectors: [[1], [2]],
    isAsAsked: false,
  });
});

const broken: readonly (readonly [string, unknown])[] = [
  ["too few vectors", { data: [entry(0, [1])] }],
  ["the same index twice", { data: [entry(0, [1]), entry(0, [1])] }],
  ["no list", {}],
  ["a vector of texts", { data: [entry(0, ["1"]), entry(1, [1])] }],
  ["an empty vector", { data: [entry(0, []), entry(1, [1])] }],
];

test.each(broken)("%s is the upstream's fault", (_, body) => {
  expect(() => readOpenai(body, 2)).toThrow(Failure);
});

const vertex = { ...dialect, host: "vertex" } as const;

test.each([
  ["text-embedding-005", 300, [250, 50], "embed_batch"],
  ["gemini-embedding-001", 3, [1, 1, 1], "embed_batch"],
  ["gemini-embedding-2", 2, [1, 1], "embed"],
] as const)("%s on Vertex AI takes %i inputs in calls of %p", (model, count, sizes, operation) => {
  const { calls } = geminiEmbeddings.upstream.encodeRequest(asked(count), {}, { ...vertex, model });
  expect(calls.map((call) => call.inputCount)).toEqual([...sizes]);
  expect(new Set(calls.map((call) => call.operation))).toEqual(new Set([operation]));
});

test("Vertex AI's own counts are added up", () => {
  const prediction = { embeddings: { values: [1], statistics: { token_count: 3 } } };
  const call = { operation: "embed_batch", body: {}, inputCount: 2 } as const;
  const answer = geminiEmbeddings.upstream.decodeReply(
    { predictions: [prediction, prediction] },
    call,
    asked(2),
  );
  expect(answer).toEqual({ vectors: [[1], [1]], usage: { input: 6, output: 0 }, isAsAsked: false });
});

test("pictures go to Gemini as its caller wrote them, and are refused elsewhere by their place", () => {
  const picture = { parts: [{ inlineData: { mimeType: "image/png", data: "AAAA" } }] };
  const embedding = geminiEmbeddings.one.decodeRequest({ content: picture }, line("m"));
  const [call] = geminiEmbeddings.upstream.encodeRequest(embedding, {}, dialect).calls;
  expect(call?.body).toEqual({ content: picture });
  expect(() => openaiEmbeddings.upstream.encodeRequest(embedding, {}, dialect)).toThrow("text only");
});
