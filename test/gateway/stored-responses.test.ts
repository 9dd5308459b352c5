/** Conversations by `previous_response_id`, with OpenAI's own SDK, in front of each upstream API. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import OpenAI from "openai";
import { asArray, asObject, type JsonObject } from "#lib/json.ts";
import { PARAMETERS } from "../demo/samples.ts";
import { model, startMatrix, upstreamApis, type Matrix } from "./start-matrix.ts";

let matrix: Matrix;
let client: OpenAI;

beforeAll(async () => {
  matrix = await startMatrix({
    models: ["demo", "demo-tools", "demo-reasoning"],
    config: "responses: { input_bytes_max: 20000 }\n",
  });
  client = clientFor(matrix.gateway.key);
});

afterAll(() => matrix.stop());

const clientFor = (apiKey: string) =>
  new OpenAI({ baseURL: `${matrix.gateway.url}/v1`, apiKey, maxRetries: 0 });

const tools: OpenAI.Responses.FunctionTool[] = [
  { type: "function", name: "weather", parameters: PARAMETERS, strict: false },
  { type: "function", name: "clock", parameters: { type: "object", properties: {} }, strict: false },
];

/** The SDK's promise sends when it is first looked at, which `rejects` does not do. */
async function raised(call: PromiseLike<unknown>): Promise<unknown> {
  try {
    await call;
  } catch (error) {
    return error;
  }
  throw new Error("the call succeeded");
}

/** What a client says next: the results of the calls it was asked for, or something new. */
function nextInput(response: OpenAI.Responses.Response, turn: number): OpenAI.Responses.ResponseInput {
  const calls = response.output.filter((item) => item.type === "function_call");
  if (calls.length === 0) return [{ role: "user", content: `question ${turn}` }];
  return calls.map((call) => ({
    type: "function_call_output",
    call_id: call.call_id,
    output: `result of ${call.name} in turn ${turn}`,
  }));
}

async function converse(name: string, stream: boolean): Promise<readonly OpenAI.Responses.Response[]> {
  const said: OpenAI.Responses.Response[] = [];
  for (let turn = 1; turn <= 5; turn += 1) {
    const last = said.at(-1);
    const request = {
      model: name,
      tools,
      reasoning: { effort: "low", summary: "auto" },
      input: last ? nextInput(last, turn) : "question 1",
      ...(last && { previous_response_id: last.id }),
    } as const;
    said.push(
      stream
        ? await client.responses.stream(request).finalResponse()
        : await client.responses.create(request),
    );
  }
  return said;
}

const sentUp = async (): Promise<JsonObject> => asObject((await matrix.demo.requests()).at(-1)?.body) ?? {};

describe.each(upstreamApis)("on %s", (api) => {
  test.each([false, true])(
    "five turns with tools, only the new said each time (streamed: %p)",
    async (stream) => {
      const said = await converse(model("demo-tools", api), stream);
      expect(said.map((response) => response.status)).toEqual(Array.from({ length: 5 }, () => "completed"));
      expect(
        said.filter((response) => response.output.some((item) => item.type === "function_call")),
      ).not.toEqual([]);
      const up = JSON.stringify(await sentUp());
      expect(up).toContain("question 1");
      expect(up).toContain("in turn 2");
    },
  );

  test.each([false, true])(
    "five turns with reasoning: its opaque state comes back unchanged (streamed: %p)",
    async (stream) => {
      const said = await converse(model("demo-reasoning", api), stream);
      expect(said[0]?.output[0]?.type).toBe("reasoning");
      expect(said[1]?.output_text).toStartWith("I thought about it. 1 of my earlier thoughts");
      // The demo answers 400 where a blob is missing or changed, and counts those it saw.
      const counts = said.map((response) => /(\d+) of my earlier thoughts/.exec(response.output_text)?.[1]);
      const seen = counts.filter((count) => count !== undefined).map(Number);
      expect(seen.length).toBeGreaterThan(1);
      expect(seen).toEqual(seen.toSorted((first, second) => first - second));
    },
  );

  test("an answer can be fetched, listed by what it was made from, and deleted for good", async () => {
    const first = await client.responses.create({ model: model("demo", api), input: "one" });
    const second = await client.responses.create({
      model: model("demo", api),
      input: [{ role: "user", content: "two" }],
      previous_response_id: first.id,
    });
    const fetched = await client.responses.retrieve(second.id);
    expect(fetched.output).toEqual(second.output);
    expect(fetched).toMatchObject({ store: true });
    const items = await client.responses.inputItems.list(second.id, { order: "asc" });
    expect(items.data.map((item) => ("role" in item ? item.role : item.type))).toEqual([
      "user",
      "assistant",
      "user",
    ]);
    expect(items.data.every((item) => "id" in item && typeof item.id === "string")).toBe(true);
    const newest = await client.responses.inputItems.list(second.id, { limit: 1 });
    expect(newest.has_more).toBe(true);
    expect(JSON.stringify(newest.data)).toContain("two");

    await client.responses.delete(first.id);
    expect(await raised(client.responses.retrieve(first.id))).toBeInstanceOf(OpenAI.NotFoundError);
    const after = client.responses.create({
      model: model("demo", api),
      input: "three",
      previous_response_id: second.id,
    });
    expect(await raised(after)).toMatchObject({ status: 400, param: "previous_response_id" });
    const rows = await matrix.gateway.database.sql`SELECT id FROM stored_responses WHERE id = ${first.id}`;
    expect(rows).toHaveLength(0);
  });

  test("store: false is honoured: nothing is kept", async () => {
    const answer = await client.responses.create({ model: model("demo", api), input: "x", store: false });
    expect(await raised(client.responses.retrieve(answer.id))).toBeInstanceOf(OpenAI.NotFoundError);
    const rows = await matrix.gateway.database.sql`SELECT id FROM stored_responses WHERE id = ${answer.id}`;
    expect(rows).toHaveLength(0);
  });

  test("store: true keeps it here, and asks no upstream but OpenAI to keep it too", async () => {
    const answer = await client.responses.create({ model: model("demo", api), input: "x", store: true });
    expect((await sentUp())["store"] ?? false).toBe(false);
    expect((await client.responses.retrieve(answer.id)).id).toBe(answer.id);
  });

  test("what only a provider's own store could give is refused by name", async () => {
    // An upstream of the same API may have conversations and prompts of its own.
    const others = api === "openai-responses" ? [] : [{ conversation: "conv_1" }, { prompt: { id: "p" } }];
    for (const extra of [{ background: true }, ...others]) {
      const refused = client.responses.create({ model: model("demo", api), input: "x", ...extra });
      expect(await raised(refused)).toMatchObject({ status: 400, param: Object.keys(extra)[0] });
    }
  });
});

test("a conversation begun on one upstream goes on at another", async () => {
  const first = await client.responses.create({ model: model("demo", "gemini"), input: "remember me" });
  await client.responses.create({
    model: model("demo", "anthropic-messages"),
    input: "and now",
    previous_response_id: first.id,
  });
  const messages = asArray((await sentUp())["messages"]).map((message) => asObject(message)?.["role"]);
  expect(messages).toEqual(["user", "assistant", "user"]);
});

test("tokens are counted over the whole conversation", async () => {
  const name = model("demo", "anthropic-messages");
  const first = await client.responses.create({
    model: name,
    input: "a question of some length, to be counted",
  });
  const alone = await client.responses.inputTokens.count({ model: name, input: "and now" });
  const whole = await client.responses.inputTokens.count({
    model: name,
    input: "and now",
    previous_response_id: first.id,
  });
  expect(whole.input_tokens).toBeGreaterThan(alone.input_tokens + 10);
});

test("instructions are not carried over", async () => {
  const first = await client.responses.create({
    model: model("demo", "openai-chat"),
    input: "x",
    instructions: "Speak like a pirate.",
  });
  await client.responses.create({
    model: model("demo", "openai-chat"),
    input: "y",
    previous_response_id: first.id,
  });
  expect(JSON.stringify(await sentUp())).not.toContain("pirate");
});

test("another tenant's answer is as unknown as one that never was, and the same key's is not", async () => {
  const answer = await client.responses.create({ model: model("demo", "gemini"), input: "mine" });
  const stranger = clientFor((await matrix.gateway.createKey({ tenantId: "other" })).secret);
  const colleague = clientFor((await matrix.gateway.createKey()).secret);
  for (const id of [answer.id, "resp_never"]) {
    for (const call of [
      stranger.responses.retrieve(id),
      stranger.responses.delete(id),
      stranger.responses.inputItems.list(id),
    ]) {
      expect(await raised(call)).toMatchObject({ status: 404, code: "response_not_found" });
    }
    const follow = stranger.responses.create({
      model: model("demo", "gemini"),
      input: "x",
      previous_response_id: id,
    });
    expect(await raised(follow)).toMatchObject({ status: 400, code: "previous_response_not_found" });
  }
  expect((await colleague.responses.retrieve(answer.id)).output_text).toBe(answer.output_text);
});

test("what has expired is unknown, and swept out", async () => {
  const { sql } = matrix.gateway.database;
  const answer = await client.responses.create({ model: model("demo", "gemini"), input: "short-lived" });
  await sql`UPDATE stored_responses SET expires_at = 1 WHERE id = ${answer.id}`;
  expect(await raised(client.responses.retrieve(answer.id))).toMatchObject({ status: 404 });
});

test("input past its bound is answered but not kept, or refused where keeping was asked for", async () => {
  const input = "x".repeat(20_001);
  const asked = { model: model("demo", "gemini"), input };
  const answer = await client.responses.create(asked);
  expect(answer).toMatchObject({ store: false });
  expect(await raised(client.responses.retrieve(answer.id))).toMatchObject({ status: 404 });
  expect(await raised(client.responses.create({ ...asked, store: true }))).toMatchObject({ status: 413 });
});

test.each([
  ["limit=0", "limit"],
  ["order=up", "order"],
])("input_items with %s is a 400 that names it", async (query, param) => {
  const answer = await client.responses.create({ model: model("demo", "gemini"), input: "x" });
  const response = await fetch(`${matrix.gateway.url}/v1/responses/${answer.id}/input_items?${query}`, {
    headers: { authorization: `Bearer ${matrix.gateway.key}` },
  });
  expect(response.status).toBe(400);
  expect(await response.text()).toContain(param);
});

test("an id needs a key as everything does", async () => {
  for (const method of ["GET", "DELETE"]) {
    const response = await fetch(`${matrix.gateway.url}/v1/responses/resp_x`, { method });
    expect(response.status).toBe(401);
  }
  const wrong = await fetch(`${matrix.gateway.url}/v1/responses/resp_x`, { method: "POST" });
  expect(wrong.status).toBe(405);
});
