/** Time at the gateway: a slow reader holds back its own upstream only, and each deadline fires alone and on time. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { connect } from "node:net";
import { allClientApis, callApi, bodyOf, pathOf } from "./call-api.ts";
import { model, startMatrix, upstreamApis, type Matrix } from "./start-matrix.ts";
import { until } from "./until.ts";

const LATE_BY_MS = 400;
const PIECE_BYTES = 16 * 1024;
/** 128 MiB: many times what the kernel buffers on both hops may take. */
const PIECES = 8000;
const FILLERS = 16;

/** An upstream that counts what it could hand over, of 128 MiB it would like to. */
function startFirehose() {
  const state = { pieces: 0 };
  const piece = (index: number) =>
    `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", created: 1, model: "m", choices: [{ index: 0, delta: { content: "x".repeat(PIECE_BYTES) }, finish_reason: index === PIECES ? "stop" : null }] })}\n\n`;
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: () => {
      let sent = 0;
      const body = new ReadableStream<Uint8Array>({
        pull(controller) {
          sent += 1;
          state.pieces = sent;
          controller.enqueue(Buffer.from(piece(sent)));
          if (sent < PIECES) return;
          controller.enqueue(Buffer.from("data: [DONE]\n\n"));
          controller.close();
        },
      });
      return new Response(body, { headers: { "content-type": "text/event-stream" } });
    },
  });
  return { server, state, url: `http://127.0.0.1:${server.port}/v1` };
}

let matrix: Matrix;
let firehose: ReturnType<typeof startFirehose>;
let silent: { readonly port: number; close(): void };
beforeAll(async () => {
  firehose = startFirehose();
  silent = await startSilentPort();
  matrix = await startMatrix({
    models: ["demo", "demo-fault-hang", "demo-fault-stall", "demo-lorem-5000-d20"],
    settings: [
      "retry: { attempts_max: 1 }",
      "breaker: { requests_min: 1000 }",
      "timeouts_ms: { connect: 5000, first_token: 300, idle: 300, total: 900 }",
    ],
    connectors: `  fire: { type: openai-compatible, base_url: "${firehose.url}", api_key: x }
  hole: { type: openai-compatible, base_url: "http://127.0.0.1:${silent.port}/v1", api_key: x }
`,
    config: `  firehose: { targets: [{ connector: fire, model: m }] }
  hole: { targets: [{ connector: hole, model: m }], retry: { attempts_max: 1 }, breaker: { requests_min: 1000 }, timeouts_ms: { connect: 300, first_token: 5000, total: 5000 } }
`,
  });
});
afterAll(async () => {
  await matrix.stop();
  await firehose.server.stop(true);
  silent.close();
});

/** A port whose queue of unaccepted connections is full: what comes now waits for ever, as before a black hole. */
async function startSilentPort() {
  // Once it listens it stops itself, so nobody ever takes a connection off its queue.
  const program = `const server = require("node:net").createServer();
    server.listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () => {
      process.stdout.write(server.address().port + "\\n", () => process.kill(process.pid, "SIGSTOP"));
    });`;
  const child = Bun.spawn(["node", "-e", program], { stdout: "pipe" });
  const { value } = await child.stdout.getReader().read();
  const port = Number(new TextDecoder().decode(value));
  // The kernel rounds a queue of 0 up. Those that find no place wait for one, and would take it before any other.
  let opened = 0;
  const fillers = Array.from({ length: FILLERS }, () => connect(port, "127.0.0.1"));
  for (const socket of fillers) {
    socket.on("error", () => undefined);
    socket.once("connect", () => (opened += 1));
  }
  await until("the queue full", async () => {
    const before = opened;
    await Bun.sleep(300);
    return before > 0 && opened === before && opened < FILLERS ? true : undefined;
  });
  return {
    port,
    close() {
      for (const socket of fillers) socket.destroy();
      child.kill("SIGKILL");
    },
  };
}

test.each(["openai-chat", "anthropic-messages"] as const)(
  "a reader that does not read stops its upstream, and no other stream (%s)",
  async (api) => {
    firehose.state.pieces = 0;
    const { gateway } = matrix;
    const asked = { api, model: "firehose", stream: true };
    const body = JSON.stringify(bodyOf(asked));
    const { hostname, port } = new URL(gateway.url);
    const socket = connect(Number(port), hostname);
    socket.pause();
    socket.write(
      `POST ${pathOf(asked)} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${gateway.key}\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    );
    // It stops where the buffers on the way are full, far from the end, and then stays where it is.
    const stopped = await until("the upstream to stop", async () => {
      const before = firehose.state.pieces;
      await Bun.sleep(250);
      return before > 0 && firehose.state.pieces === before ? before : undefined;
    });
    expect(stopped).toBeLessThan(PIECES / 2);
    const others = await Promise.all(
      upstreamApis.map(async (upstream) => {
        const response = await callApi(gateway, { api, model: model("demo", upstream), stream: true });
        return await response.text();
      }),
    );
    expect(others.filter((text) => !text.includes("Say"))).toEqual([]);
    expect(firehose.state.pieces).toBe(stopped);
    socket.resume();
    await until("the rest", () => (firehose.state.pieces === PIECES ? true : undefined));
    socket.destroy();
  },
);

describe.each(allClientApis)("%s", (api) => {
  test.each([
    ["connect", "hole", true, 300],
    ["connect", "hole", false, 300],
    ["first_token", model("demo-fault-hang", "openai-chat"), true, 300],
    ["total", model("demo-fault-hang", "openai-chat"), false, 900],
    ["idle", model("demo-fault-stall", "openai-chat"), true, 300],
    ["total", model("demo-lorem-5000-d20", "openai-chat"), true, 900],
  ] as const)(
    "the %s deadline on %s (streamed: %p) fires after %p ms",
    async (what, name, stream, limitMs) => {
      const startedMs = performance.now();
      const response = await callApi(matrix.gateway, { api, model: name, stream });
      const text = await response.text();
      const tookMs = performance.now() - startedMs;
      expect(tookMs).toBeGreaterThan(limitMs - 20);
      expect(tookMs).toBeLessThan(limitMs + LATE_BY_MS);
      const said = {
        connect: "took no connection",
        first_token: "no first token",
        idle: "silent",
        total: "did not finish",
      }[what];
      expect(text).toContain(said);
      const hasContent = what === "idle" || name.includes("lorem");
      expect(response.status).toBe(hasContent ? 200 : 504);
    },
  );
});
