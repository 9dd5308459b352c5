/**
 * Before the first content: comments and pings are for nobody, so any number of them is passed over and none is held;
 * what has to be held has a bound, and so has the time.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { checkStream } from "../matrix/check-stream.ts";
import { callApi, type AnyClientApi } from "./call-api.ts";
import { startScriptedUpstream, type ScriptedUpstream } from "./scripted-upstream.ts";
import { startGateway, type TestGateway } from "./start-gateway.ts";
import { until } from "./until.ts";

const COMMENT = ": still here\n\n";
const PING = 'event: ping\ndata: {"type":"ping"}\n\n';
/** Events that mean something and are no content: they are held for the client. */
const EMPTY_TEXT =
  'event: content_block_start\ndata: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}\n\n' +
  'event: content_block_stop\ndata: {"type":"content_block_stop","index":0}\n\n';
const START =
  'event: message_start\ndata: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"c","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":1,"output_tokens":1}}}\n\n';
const ANSWER = [
  START,
  'event: content_block_start\ndata: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}\n\n',
  'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"at last"}}\n\n',
  'event: content_block_stop\ndata: {"type":"content_block_stop","index":0}\n\n',
  'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":2}}\n\n',
  'event: message_stop\ndata: {"type":"message_stop"}\n\n',
];
/** More than may be held. */
const MANY = 12_000;
const FIRST_TOKEN_MS = 300;

let gateway: TestGateway;
let script: () => Iterable<string>;
/** Network chunks the gateway took, and whether it closed the upstream. */
let upstream: { chunks: number; isClosed: boolean };

/** Over a socket, because it is the real one's reading that a deadline has to end. */
let flooding: ScriptedUpstream;

beforeAll(async () => {
  flooding = startScriptedUpstream();
  gateway = await startGateway({
    upstream: async (url, init) => {
      if (url.startsWith(flooding.url)) return fetch(url, init);
      const seen: typeof upstream = { chunks: 0, isClosed: false };
      upstream = seen;
      init.signal?.addEventListener("abort", () => (seen.isClosed = true));
      return eventStream(inChunks(script(), seen));
    },
    config: `connectors:
  up: { type: anthropic, base_url: "http://127.0.0.1:9", api_key: k }
  flooding: { type: anthropic, base_url: "${flooding.url}", api_key: k }
models:
  m:
    targets: [{ connector: up, model: c }]
    retry: { attempts_max: 1 }
    breaker: { requests_min: 1000 }
    timeouts_ms: { first_token: 20000 }
  short:
    targets: [{ connector: flooding, model: c }]
    retry: { attempts_max: 1 }
    breaker: { requests_min: 1000 }
    timeouts_ms: { first_token: ${FIRST_TOKEN_MS}, idle: 20000 }
`,
  });
});

afterAll(async () => {
  await gateway.stop();
  await flooding.stop();
});

function eventStream(body: ReadableStream<Uint8Array>): Response {
  return new Response(body, { headers: { "content-type": "text/event-stream" } });
}

function inChunks(texts: Iterable<string>, seen: typeof upstream): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  const rest = texts[Symbol.iterator]();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const next = rest.next();
        if (next.done === true) return controller.close();
        seen.chunks += 1;
        // Timers must get their turn: a long script would starve them.
        if (seen.chunks % 100 === 0) await Bun.sleep(1);
        controller.enqueue(encoder.encode(next.value));
      },
      cancel() {
        seen.isClosed = true;
      },
    },
    { highWaterMark: 0 },
  );
}

function* times(count: number, text: string): Generator<string> {
  for (let sent = 0; sent < count; sent += 1) yield text;
}

const ask = (api: AnyClientApi, model = "m") => callApi(gateway, { api, model, stream: true });

describe.each(["anthropic-messages", "openai-chat"] as const)("%s", (api) => {
  test.each([COMMENT, "\n", ":\n\n"])("any number of %j is passed over", async (nothing) => {
    script = () => [...times(MANY, nothing), ...ANSWER];
    const response = await ask(api);
    const text = await response.text();
    expect(response.status).toBe(200);
    expect(checkStream(api, text)).toBe("end");
    expect(text).toContain("at last");
    expect(upstream.chunks).toBe(MANY + ANSWER.length);
  });

  test.each([COMMENT, PING])("%j without end is given up when the first token is due", async (nothing) => {
    const seen = { chunks: 0, isClosed: false };
    flooding.answer = () => eventStream(inChunks(times(Infinity, nothing), seen));
    const startedMs = performance.now();
    const response = await ask(api, "short");
    await response.text();
    expect(performance.now() - startedMs).toBeLessThan(FIRST_TOKEN_MS + 2_000);
    // Where pings are held for their own API's client, their number may be the nearer bound.
    expect([502, 504]).toContain(response.status);
    await until("the close upstream", () => seen.isClosed || undefined);
  });

  test("events without end and without content are given up", async () => {
    script = () => [START, ...times(MANY, EMPTY_TEXT), ...ANSWER.slice(1)];
    const response = await ask(api);
    expect(response.status).toBe(502);
    expect(await response.text()).toContain("events without end");
    expect(upstream.isClosed).toBe(true);
  });
});

test("pings are held for a client of their own API up to a bound, and for no other", async () => {
  script = () => [START, ...times(3, PING), ...ANSWER.slice(1)];
  expect(await (await ask("anthropic-messages")).text()).toStartWith(START + PING + PING + PING);
  script = () => [START, ...times(MANY, PING), ...ANSWER.slice(1)];
  expect((await ask("anthropic-messages")).status).toBe(502);
  const translated = await ask("openai-chat");
  expect(translated.status).toBe(200);
  expect(checkStream("openai-chat", await translated.text())).toBe("end");
});
