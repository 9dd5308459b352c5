/**
 * Thoughts kept for forgetful clients beyond one process and one moment: after a restart, on another gateway, with
 * another tenant's key, past their time, with a database that fails, and as they lie on disk.
 */
import { afterEach, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { asObject } from "#lib/json.ts";
import { startDemoUpstream, type RunningDemo } from "../demo/start-demo.ts";
import { filesBelow } from "../store/files-below.ts";
import { startPostgres } from "../store/postgres.ts";
import { openForgetful, type ForgetfulLine } from "./forgetful-client.ts";
import { startGateway, type TestGateway } from "./start-gateway.ts";

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

async function start(demo: RunningDemo, more = "", databaseUrl?: string): Promise<TestGateway> {
  const config = `connectors:
  demo: { type: demo, base_url: "${demo.url}", protocol: anthropic-messages }
models:
  thinker: { targets: [{ connector: demo, model: demo-reasoning }], retry: { attempts_max: 1 } }
${more}`;
  const gateway = await startGateway({ config, ...(databaseUrl !== undefined && { databaseUrl }) });
  closers.push(() => gateway.stop());
  return gateway;
}

async function startDemo(): Promise<RunningDemo> {
  const demo = await startDemoUpstream();
  closers.push(() => demo.stop());
  return demo;
}

const lineTo = (gateway: TestGateway, key = gateway.key): ForgetfulLine => ({
  url: gateway.url,
  key,
  isStreamed: true,
});
const results = ["sun", "noon"];
const ONE_BACK = "1 of my earlier thoughts came back unchanged";

test("after a restart on the same SQLite file they are still there", async () => {
  const folder = await mkdtemp(join(tmpdir(), "xjp-restart-"));
  closers.push(() => rm(folder, { recursive: true, force: true }));
  const url = `sqlite:${folder}/shared.db`;
  const demo = await startDemo();
  const before = await start(demo, "", url);
  const talker = openForgetful(lineTo(before));
  await talker.say("question", "thinker");
  await before.stop();
  closers.pop();
  const after = await start(demo, "", url);
  const answered = await talker.moveTo(lineTo(after, before.key)).answerCalls(results, "thinker");
  expect(answered.text).toContain(ONE_BACK);
  expect(answered.dropped).toEqual([]);
});

test("two gateways on one PostgreSQL take turns in one conversation", async () => {
  const postgres = await startPostgres();
  closers.push(() => postgres.stop());
  const database = await postgres.createDatabase();
  const demo = await startDemo();
  const one = await start(demo, "", database);
  const two = await start(demo, "", database);
  const first = openForgetful(lineTo(one));
  await first.say("question one", "thinker");
  const second = first.moveTo(lineTo(two, one.key));
  expect((await second.answerCalls(results, "thinker")).text).toContain(ONE_BACK);
  await second.say("question two", "thinker");
  const answered = await second.moveTo(lineTo(one)).answerCalls(results, "thinker");
  expect(answered.text).toContain("2 of my earlier thoughts came back unchanged");
}, 60_000);

test("another tenant's key finds nothing, another key of the tenant does", async () => {
  const demo = await startDemo();
  const gateway = await start(demo);
  const stranger = await gateway.createKey({ tenantId: "other" });
  const colleague = await gateway.createKey();
  const talker = openForgetful(lineTo(gateway));
  await talker.say("question", "thinker");
  const theirs = await talker.moveTo(lineTo(gateway, stranger.secret)).answerCalls(results, "thinker");
  expect(theirs.text).toContain("0 of my earlier thoughts");
  expect(theirs.dropped).toEqual(["reasoning"]);
  const ours = await talker.moveTo(lineTo(gateway, colleague.secret)).answerCalls(results, "thinker");
  expect(ours.text).toContain(ONE_BACK);
});

test("past their time they are gone, and the conversation goes on", async () => {
  const folder = await mkdtemp(join(tmpdir(), "xjp-expiry-"));
  closers.push(() => rm(folder, { recursive: true, force: true }));
  const demo = await startDemo();
  const url = `sqlite:${folder}/shared.db`;
  const one = await start(demo, "", url);
  const talker = openForgetful(lineTo(one));
  await talker.say("question", "thinker");
  const other = await start(demo, "", url);
  const [row] = await other.database.sql`SELECT expires_at FROM turn_thoughts`;
  const hourMs = 3_600_000;
  expect(Math.abs(Number(row?.["expires_at"]) - Date.now() - hourMs)).toBeLessThan(hourMs / 60);
  await other.database.sql`UPDATE turn_thoughts SET expires_at = ${Date.now()}`;
  const answered = await talker.moveTo(lineTo(other, one.key)).answerCalls(results, "thinker");
  expect(answered.text).toContain("0 of my earlier thoughts");
  expect(answered.dropped).toEqual(["reasoning"]);
});

test.each(["ttl_minutes: 0", "turn_bytes_max: 20"])(
  "with reasoning_memory.%s nothing is kept",
  async (rule) => {
    const demo = await startDemo();
    const gateway = await start(demo, `reasoning_memory: { ${rule} }\n`);
    const talker = openForgetful(lineTo(gateway));
    await talker.say("question", "thinker");
    expect((await talker.answerCalls(results, "thinker")).text).toContain("0 of my earlier thoughts");
    expect(await gateway.database.sql`SELECT name FROM turn_thoughts`).toHaveLength(0);
  },
);

test.each([false, true])(
  "without a table both answers are given, the log tells once, and the process itself remembers (streamed: %p)",
  async (isStreamed) => {
    const demo = await startDemo();
    const gateway = await start(demo);
    await gateway.database.sql.script("DROP TABLE turn_thoughts");
    const talker = openForgetful({ ...lineTo(gateway), isStreamed });
    await talker.say("canary question", "thinker");
    expect((await talker.answerCalls(results, "thinker")).text).toContain(ONE_BACK);
    await talker.say("canary question two", "thinker");
    await talker.answerCalls(results, "thinker");
    const told = gateway.logLines.filter((line) => line.includes("reasoning could not be kept or found"));
    expect(told).toHaveLength(1);
    expect(gateway.logLines.join("")).not.toContain("canary question");
  },
);

test("a database that was killed holds no request up for long", async () => {
  const postgres = await startPostgres();
  closers.push(() => postgres.stop());
  const demo = await startDemo();
  const gateway = await start(demo, "", await postgres.createDatabase());
  const talker = openForgetful(lineTo(gateway));
  await talker.say("question one", "thinker");
  await postgres.kill();
  const startedMs = performance.now();
  expect((await talker.answerCalls(results, "thinker")).text).toContain(ONE_BACK);
  await talker.say("question two", "thinker");
  expect((await talker.answerCalls(results, "thinker")).text).toContain("2 of my earlier thoughts");
  // Unknown to this process, so the database would have to be asked.
  const lost = talker.moveTo(lineTo(gateway));
  lost.messages[1] = { role: "assistant", content: null, tool_calls: [strangeCall] };
  lost.messages.splice(2, lost.messages.length, {
    role: "tool",
    tool_call_id: strangeCall.id,
    content: "4 C",
  });
  expect((await lost.answerCalls([], "thinker")).text).toContain("0 of my earlier thoughts");
  expect(performance.now() - startedMs).toBeLessThan(10_000);
  await postgres.restart();
}, 60_000);

const strangeCall = {
  id: "call_4f9a1c77be20d35812",
  type: "function" as const,
  function: { name: "weather", arguments: '{"city":"Oslo"}' },
};

test("the client's last event is not sent before the row is committed", async () => {
  const demo = await startDemo();
  const gateway = await start(demo);
  const response = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${gateway.key}`, "content-type": "application/json" },
    body: JSON.stringify({
      model: "thinker",
      stream: true,
      messages: [{ role: "user", content: "question" }],
      tools: [{ type: "function", function: { name: "clock", parameters: { type: "object" } } }],
    }),
  });
  const rows = () => gateway.database.sql`SELECT name FROM turn_thoughts`;
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    if (text.includes('"finish_reason":"tool_calls"')) break;
  }
  expect(await rows()).toHaveLength(1);
});

test("neither thought nor state can be read in the database, nor found by the call's id", async () => {
  const demo = await startDemo();
  const gateway = await start(demo);
  const talker = openForgetful(lineTo(gateway));
  await talker.say("canary question", "thinker");
  await talker.answerCalls(results, "thinker");
  const sent = JSON.stringify((await demo.requests()).at(-1)?.body);
  const signature = /"signature":"([^"]+)"/.exec(sent)?.[1] ?? "";
  const thought = /"thinking":"([^"]+)"/.exec(sent)?.[1] ?? "";
  const message = asObject(talker.messages[1] ?? {});
  const id = /"id":"([^"]+)"/.exec(JSON.stringify(message))?.[1] ?? "";
  expect([signature, thought, id].map((text) => text.length > 5)).toEqual([true, true, true]);
  const [row] = await gateway.database.sql`SELECT * FROM turn_thoughts`;
  expect(String(row?.["sealed"]).length).toBeGreaterThan(thought.length);
  const encodings = (text: string) => [
    text,
    Buffer.from(text).toString("base64").slice(4, -8),
    Buffer.from(` ${text}`).toString("base64").slice(4, -8),
    Buffer.from(`  ${text}`).toString("base64").slice(4, -8),
  ];
  const canaries = [...encodings(signature), ...encodings(thought), id, "canary question"];
  let bytes = "";
  for await (const chunk of filesBelow(gateway.folder)) bytes += Buffer.from(chunk).toString("latin1");
  expect(bytes).toContain(String(row?.["name"]));
  expect(canaries.filter((canary) => bytes.includes(canary))).toEqual([]);
});
