/**
 * Whoever stalls, the slot, the hold and the row come back: clients that never finish sending, never read, or pause;
 * upstreams that break after their first token; odd headers. And what one tenant provokes stays that tenant's.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { connect, type Socket } from "node:net";
import OpenAI from "openai";
import { startDemoUpstream, type RunningDemo } from "../demo/start-demo.ts";
import { ask, askAndRead } from "./read-answer.ts";
import { startGateway, type TestGateway } from "./start-gateway.ts";
import { until } from "./until.ts";

let demo: RunningDemo;
let gateway: TestGateway;

beforeAll(async () => {
  demo = await startDemoUpstream();
  const deadlines = "timeouts_ms: { connect: 1000, first_token: 1000, idle: 300, total: 1500 }";
  gateway = await startGateway({
    bodyTimeoutMs: 300,
    config: `connectors:
  demo: { type: demo, base_url: "${demo.url}" }
  spare: { type: demo, base_url: "${demo.url}" }
models:
  demo: { targets: [{ connector: demo, model: demo }] }
  slow: { targets: [{ connector: demo, model: demo-lorem-2000-d20 }], ${deadlines} }
  pausing: { targets: [{ connector: demo, model: demo-lorem-20000 }], timeouts_ms: { idle: 300, total: 60000 } }
  cutting:
    targets: [{ connector: demo, model: demo-fault-cut-1 }, { connector: spare, model: demo-echo }]
    breaker: { requests_min: 4, cooldown_ms: 60000 }
  hanging:
    targets: [{ connector: demo, model: demo-fault-hang }, { connector: spare, model: demo-echo }]
    timeouts_ms: { whole: 200 }
  empty:
    targets: [{ connector: demo, model: demo-fault-empty }]
    retry: { attempts_max: 2, backoff_ms: 1, backoff_max_ms: 2 }
    breaker: { requests_min: 2, cooldown_ms: 60000 }
`,
  });
});

afterAll(async () => {
  await gateway.stop();
  await demo.stop();
});

/** A key that may have one request under way: the second one tells whether the first gave its slot back. */
const oneSlot = () => gateway.createKey({ limits: { concurrencyMax: 1 } });

async function isFree(key: string): Promise<boolean> {
  const seen = await askAndRead(gateway, { api: "openai-chat", model: "demo", stream: false, key });
  return seen.status === 200;
}

/** Requests under way, as the gauge tells. */
async function activeRequests(): Promise<number> {
  const text = await (await fetch(`${gateway.url}/metrics`)).text();
  return Number(/^xjp_active_connections (\d+)$/m.exec(text)?.[1]);
}

/** A request whose client says its body has `length` bytes, and has sent this much of it. */
function open(secret: string, body: string, length = body.length): Socket {
  const socket = connect(Number(new URL(gateway.url).port), "127.0.0.1");
  socket.on("error", () => undefined);
  const head = [
    "POST /v1/chat/completions HTTP/1.1",
    "host: x",
    `authorization: Bearer ${secret}`,
    `content-length: ${length}`,
  ];
  socket.write([...head, "", body].join("\r\n"));
  return socket;
}

describe("a client that stalls gives its slot back", () => {
  for (const encoding of ["constructor", "__proto__", "toString"]) {
    test(`with the content-encoding ${encoding}, it gets a 400`, async () => {
      const { secret } = await oneSlot();
      const response = await fetch(`${gateway.url}/v1/chat/completions`, {
        method: "POST",
        headers: {
          authorization: `Bearer ${secret}`,
          "content-type": "application/json",
          "content-encoding": encoding,
        },
        body: "{}",
      });
      expect(response.status).toBe(400);
      expect(await isFree(secret)).toBe(true);
    });
  }

  test("never ending its body, it is refused in time", async () => {
    const { secret } = await oneSlot();
    const socket = open(secret, "{", 1000);
    await until("the request", async () => (await activeRequests()) === 1 || undefined);
    expect(await isFree(secret)).toBe(false);
    await until("the slot", async () => (await isFree(secret)) || undefined);
    socket.destroy();
  });

  test("never reading its stream, it is booked when the total has passed", async () => {
    const { secret } = await oneSlot();
    const body = JSON.stringify({ model: "slow", stream: true, messages: [{ role: "user", content: "x" }] });
    const socket = open(secret, body);
    socket.pause();
    await until("the request", async () => (await activeRequests()) === 1 || undefined);
    expect(await isFree(secret)).toBe(false);
    await until("the slot", async () => (await isFree(secret)) || undefined);
    socket.destroy();
  });

  test("leaving while it sends its body, it is booked as gone and not as our mistake", async () => {
    const { secret, id } = await oneSlot();
    const socket = open(secret, "{", 1000);
    await Bun.sleep(50);
    socket.destroy();
    await until("the row", async () => {
      const rows = await gateway.database.sql`SELECT outcome FROM usage_logs WHERE key_id = ${id}`;
      return rows.some((row) => row["outcome"] === "client_cancelled") || undefined;
    });
    expect(await isFree(secret)).toBe(true);
  });
});

test("a client that pauses is not the upstream's silence", async () => {
  const response = await ask(gateway, { api: "openai-chat", model: "pausing", stream: true });
  const reader = response.body?.getReader();
  await reader?.read();
  await Bun.sleep(900);
  let text = "";
  const decoder = new TextDecoder();
  for (let piece = await reader?.read(); piece && !piece.done; piece = await reader?.read()) {
    text += decoder.decode(piece.value, { stream: true });
  }
  expect(text).not.toContain('"error"');
  expect(text).toEndWith("data: [DONE]\n\n");
});

test("a target that hangs over a whole answer is left when its attempt has lasted long enough", async () => {
  const seen = await askAndRead(gateway, { api: "anthropic-messages", model: "hanging", stream: false });
  expect(seen.headers.get("x-xjp-target")).toBe("spare/demo-echo");
  expect(seen.text).toContain("Say something.");
});

test("answers that break after their first token open the breaker, and the spare takes over", async () => {
  const targets: (string | null)[] = [];
  for (let count = 0; count < 12; count++) {
    const seen = await askAndRead(gateway, { api: "openai-chat", model: "cutting", stream: true });
    targets.push(seen.headers.get("x-xjp-target"));
  }
  expect(targets[0]).toBe("demo/demo-fault-cut-1");
  expect(targets.at(-1)).toBe("spare/demo-echo");
});

test("conversations that are answered with nothing do not open the breaker for everybody", async () => {
  for (let count = 0; count < 4; count++) {
    const seen = await askAndRead(gateway, { api: "openai-chat", model: "empty", stream: false });
    expect(seen.status).toBe(502);
  }
  expect(gateway.app.world.health.of("demo/demo-fault-empty").breaker.state).toBe("closed");
});

test("the SDK gets its stream from a server that ignores `stream`", async () => {
  const client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: gateway.key, maxRetries: 0 });
  const ignoring = await startGateway({
    config: `connectors: { d: { type: demo, base_url: "${demo.url}" } }
models: { m: { targets: [{ connector: d, model: demo-fault-not-sse }] } }
`,
  });
  try {
    const stream = await client
      .withOptions({ baseURL: `${ignoring.url}/v1`, apiKey: ignoring.key })
      .chat.completions.create({
        model: "m",
        stream: true,
        messages: [{ role: "user", content: "Say something." }],
      });
    let text = "";
    for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? "";
    expect(text).toContain("Say something.");
  } finally {
    await ignoring.stop();
  }
});

test("a body of millions of empty lists is refused before it is unpacked", async () => {
  const response = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${gateway.key}`, "content-type": "application/json" },
    body: `{"model":"demo","messages":[${"[],".repeat(600_000)}[]]}`,
  });
  expect(response.status).toBe(400);
  expect(await response.text()).toContain("values");
});
