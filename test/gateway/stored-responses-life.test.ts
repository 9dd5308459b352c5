/**
 * Stored answers beyond one process: after a restart, over two gateways on one PostgreSQL, with a database that fails,
 * and where OpenAI keeps the conversation itself.
 */
import { afterEach, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import OpenAI from "openai";
import { asObject, parseJson, type JsonObject } from "#lib/json.ts";
import { startDemoUpstream } from "../demo/start-demo.ts";
import { startPostgres } from "../store/postgres.ts";
import { startGateway, type TestGateway } from "./start-gateway.ts";

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

const clientFor = (gateway: TestGateway, apiKey = gateway.key) =>
  new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey, maxRetries: 0 });

async function raised(call: PromiseLike<unknown>): Promise<unknown> {
  try {
    await call;
  } catch (error) {
    return error;
  }
  throw new Error("the call succeeded");
}

async function start(config: string, databaseUrl?: string): Promise<TestGateway> {
  const gateway = await startGateway({ config, ...(databaseUrl !== undefined && { databaseUrl }) });
  closers.push(() => gateway.stop());
  return gateway;
}

async function startDemo(): Promise<string> {
  const demo = await startDemoUpstream();
  closers.push(() => demo.stop());
  return `connectors:
  demo: { type: demo, base_url: "${demo.url}", protocol: anthropic-messages }
models:
  demo: { targets: [{ connector: demo, model: demo }] }
  slow: { targets: [{ connector: demo, model: demo-lorem-30-d10 }] }
`;
}

async function expectShared(databaseUrl: string): Promise<void> {
  const config = await startDemo();
  const first = await start(config, databaseUrl);
  const second = await start(config, databaseUrl);
  const one = clientFor(first);
  const two = clientFor(second, first.key);
  let last = await one.responses.create({ model: "demo", input: "turn 1" });
  for (const [index, client] of [two, one, two, one].entries()) {
    last = await client.responses
      .stream({ model: "demo", input: `turn ${index + 2}`, previous_response_id: last.id })
      .finalResponse();
  }
  const { data } = await two.responses.inputItems.list(last.id, { order: "asc" });
  expect(JSON.stringify(data)).toContain("turn 1");
  expect(data).toHaveLength(9);
  await two.responses.delete(last.id);
  expect(await raised(one.responses.retrieve(last.id))).toMatchObject({ status: 404 });
}

test("two gateways on one PostgreSQL go on with each other's conversations", async () => {
  const postgres = await startPostgres();
  closers.push(() => postgres.stop());
  await expectShared(await postgres.createDatabase());
}, 60_000);

test("after a restart on the same SQLite file the conversation goes on", async () => {
  const folder = await mkdtemp(join(tmpdir(), "xjp-restart-"));
  closers.push(() => rm(folder, { recursive: true, force: true }));
  const url = `sqlite:${folder}/shared.db`;
  const config = await startDemo();
  const before = await startGateway({ config, databaseUrl: url });
  const said = await clientFor(before).responses.create({ model: "demo", input: "before" });
  await before.stop();
  const after = await start(config, url);
  const client = clientFor(after, before.key);
  expect((await client.responses.retrieve(said.id)).output_text).toBe(said.output_text);
  const next = await client.responses.create({
    model: "demo",
    input: "after",
    previous_response_id: said.id,
  });
  expect(next.previous_response_id).toBe(said.id);
});

test.each([false, true])(
  "an answer that cannot be kept is given where keeping was not asked for, and an error where it was (streamed: %p)",
  async (stream) => {
    const gateway = await start(await startDemo());
    await gateway.database.sql.script("DROP TABLE stored_responses");
    const client = clientFor(gateway);
    const ask = (store: boolean | undefined) => {
      const request = { model: "demo", input: "canary words", ...(store !== undefined && { store }) };
      return stream
        ? client.responses.stream(request).finalResponse()
        : client.responses.create(request).then((response) => response);
    };
    expect((await ask(undefined)).output_text).toContain("canary words");
    expect((await ask(false)).output_text).toContain("canary words");
    expect(await raised(ask(true))).toBeInstanceOf(OpenAI.APIError);
    expect(gateway.logLines.join("")).toContain("could not be kept");
    expect(gateway.logLines.join("")).not.toContain("canary words");
  },
);

test("with responses.ttl_hours 0 nothing is kept", async () => {
  const gateway = await start(`${await startDemo()}responses: { ttl_hours: 0 }\n`);
  const client = clientFor(gateway);
  const answer = await client.responses.create({ model: "demo", input: "x" });
  expect(await raised(client.responses.retrieve(answer.id))).toMatchObject({ status: 404 });
  expect(await gateway.database.sql`SELECT id FROM stored_responses`).toHaveLength(0);
});

test("an answer's last event is not sent before its row is committed", async () => {
  const gateway = await start(await startDemo());
  const stream = await clientFor(gateway).responses.create({ model: "slow", input: "x", stream: true });
  const isKept = async (id: string) =>
    (await gateway.database.sql`SELECT id FROM stored_responses WHERE id = ${id}`).length === 1;
  const seen: (readonly [string, boolean])[] = [];
  for await (const event of stream) {
    if (event.type === "response.created") seen.push([event.type, await isKept(event.response.id)]);
    if (event.type === "response.completed") seen.push([event.type, await isKept(event.response.id)]);
  }
  expect(seen).toEqual([
    ["response.created", false],
    ["response.completed", true],
  ]);
});

interface Seen {
  readonly method: string;
  readonly path: string;
  readonly body: JsonObject;
}

/** A provider that keeps its answers, as OpenAI does. */
function startKeeper(name: string): { readonly url: string; readonly seen: Seen[] } {
  const seen: Seen[] = [];
  const server = Bun.serve({
    port: 0,
    async fetch(request) {
      const { pathname } = new URL(request.url);
      const body = asObject(parseJson(await request.text())) ?? {};
      seen.push({ method: request.method, path: pathname, body });
      if (request.method === "DELETE") return Response.json({ deleted: true });
      const text = { type: "output_text", text: `${name} ${request.method}`, annotations: [] };
      return Response.json({
        id: `resp_${name}_${seen.length}`,
        object: "response",
        status: "completed",
        store: body["store"],
        output: [
          { type: "reasoning", id: "rs_1", summary: [] },
          { type: "message", id: "msg_1", role: "assistant", content: [text] },
        ],
        usage: { input_tokens: 1, output_tokens: 1 },
      });
    },
  });
  closers.push(() => server.stop(true));
  return { url: `http://127.0.0.1:${server.port}/v1`, seen };
}

async function startKeepers(more = "") {
  const one = startKeeper("one");
  const two = startKeeper("two");
  const gateway = await start(`connectors:
  one: { type: openai, base_url: "${one.url}", api_key: sk-one }
  two: { type: openai, base_url: "${two.url}", api_key: sk-two }
  chat: { type: openai-compatible, base_url: "${two.url}", protocol: openai-responses }
models:
  first: { targets: [{ connector: one, model: gpt-5 }] }
  both: { targets: [{ connector: two, model: gpt-5 }, { connector: one, model: gpt-5 }] }
  other: { targets: [{ connector: chat, model: gpt-5 }] }
${more}`);
  return { one, two, client: clientFor(gateway), gateway };
}

test("where OpenAI was asked to keep it, the conversation goes back to the connector that has it", async () => {
  const { one, two, client } = await startKeepers();
  const first = await client.responses.create({ model: "first", input: "a", store: true });
  expect(one.seen[0]?.body).toMatchObject({ store: true, input: "a" });
  const second = await client.responses.create({
    model: "both",
    input: "b",
    previous_response_id: first.id,
  });
  expect(one.seen[1]?.body).toMatchObject({ store: true, input: "b", previous_response_id: first.id });
  expect(two.seen).toHaveLength(0);
  expect((await client.responses.retrieve(second.id)).output_text).toBe("one GET");
  await client.responses.delete(second.id);
  expect(one.seen.slice(2).map(({ method, path }) => `${method} ${path}`)).toEqual([
    `GET /v1/responses/${second.id}`,
    `DELETE /v1/responses/${second.id}`,
  ]);
  expect(await raised(client.responses.retrieve(second.id))).toMatchObject({ status: 404 });
});

test("at another provider it goes on from our copy, without ids that mean nothing there", async () => {
  const { two, client } = await startKeepers();
  const first = await client.responses.create({ model: "first", input: "a", store: true });
  await client.responses.create({ model: "other", input: "b", previous_response_id: first.id });
  expect(two.seen[0]?.body["previous_response_id"]).toBeUndefined();
  expect(two.seen[0]?.body["store"]).toBe(false);
  expect(two.seen[0]?.body["input"]).toMatchObject([
    { role: "user" },
    { role: "assistant", content: [{ text: "one POST" }] },
    { role: "user" },
  ]);
  expect(JSON.stringify(two.seen[0]?.body)).not.toContain("msg_1");
  expect(JSON.stringify(two.seen[0]?.body)).not.toContain("rs_1");
});

test("nobody asked: OpenAI keeps nothing, we do", async () => {
  const { one, client } = await startKeepers();
  const first = await client.responses.create({ model: "first", input: "a" });
  await client.responses.create({ model: "first", input: "b", previous_response_id: first.id });
  expect(one.seen.map(({ body }) => body["store"])).toEqual([false, false]);
  expect(one.seen[1]?.body["input"]).toHaveLength(3);
});

test("background work is fetched from the OpenAI that does it", async () => {
  const { one, client } = await startKeepers();
  const receipt = await client.responses.create({ model: "first", input: "a", background: true });
  expect(one.seen[0]?.body["store"]).toBeUndefined();
  expect((await client.responses.retrieve(receipt.id)).output_text).toBe("one GET");
  const elsewhere = client.responses.create({ model: "other", input: "a", background: true });
  expect(await raised(elsewhere)).toMatchObject({ status: 400, param: "background" });
});

test("where nothing is to be kept, OpenAI is not asked to keep it either", async () => {
  const { one, client } = await startKeepers("responses: { ttl_hours: 0 }\n");
  await client.responses.create({ model: "first", input: "a", store: true });
  expect(one.seen[0]?.body["store"]).toBe(false);
});

test("an id that OpenAI would know but this gateway does not give is nobody's here", async () => {
  const { one, client } = await startKeepers();
  const foreign = client.responses.create({
    model: "first",
    input: "b",
    previous_response_id: "resp_theirs",
  });
  expect(await raised(foreign)).toMatchObject({ status: 400, code: "previous_response_not_found" });
  expect(one.seen).toHaveLength(0);
});
