/** What every HTTP client of ours keeps to, our own over sockets and the one over `fetch`. */
import { describe, expect, test } from "bun:test";
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import { Cancellation } from "#lib/cancellation.ts";
import { systemClock } from "#lib/clock.ts";
import { ConnectionPool } from "#lib/connection-pool.ts";
import { createFetchClient } from "#lib/fetch-client.ts";
import { readPiece, type HttpClient, type HttpReply } from "#lib/http-client.ts";
import { ask, failureOf, TEXT_MAX } from "./ask.ts";
import { answer, openConnections, startScriptedServer } from "./scripted-server.ts";

const clients: Readonly<Record<string, () => HttpClient>> = {
  "connection pool": () => new ConnectionPool(systemClock),
  fetch: () => createFetchClient((url, init) => fetch(url, init)),
};
const CHUNKED = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
async function readAll(reply: HttpReply): Promise<string> {
  const pieces: Uint8Array[] = [];
  for (let piece = await readPiece(reply); piece; piece = await readPiece(reply)) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

describe.each(Object.entries(clients))("%s", (name, createClient) => {
  test("sends method, path, headers and body, and reads status, headers and body", async () => {
    await using server = startScriptedServer((socket) =>
      socket.write("HTTP/1.1 418 Teapot\r\nX-Kind: tea\r\nContent-Length: 5\r\n\r\nt\u00e9a!"),
    );
    const reply = await ask(createClient(), `${server.url}/a%20path?q=1#part`, {
      headers: [{ "x-one": "0", authorization: "Bearer k" }, { "x-one": "1" }],
      body: "d\u00e9j\u00e0 vu \u{1f44b}",
    });
    expect(reply.status).toBe(418);
    expect(reply.headers.get("x-kind")).toBe("tea");
    expect(await reply.text(TEXT_MAX)).toBe("t\u00e9a!");
    const [request = ""] = server.received;
    expect(request).toStartWith("POST /a%20path?q=1 HTTP/1.1\r\n");
    expect(request.toLowerCase()).toContain(`\r\nhost: 127.0.0.1:${server.port}\r\n`);
    expect(request.toLowerCase()).toContain("\r\nx-one: 1\r\n");
    expect(request).toEndWith("\r\n\r\nd\u00e9j\u00e0 vu \u{1f44b}");
    expect(request.toLowerCase()).toContain("\r\ncontent-length: 14\r\n");
  });

  test("sends no length and no body where there is none", async () => {
    await using server = startScriptedServer((socket) => socket.write(answer("ok")));
    const cancellation = new Cancellation();
    const { url } = server;
    const reply = await createClient().request({
      url,
      method: "GET",
      headers: [],
      connectMs: 1_000,
      cancellation,
    });
    expect(await reply.text(TEXT_MAX)).toBe("ok");
    expect(server.received[0]).toStartWith("GET / HTTP/1.1\r\n");
    expect(server.received[0]?.toLowerCase()).not.toContain("content-length");
  });

  test("gives each piece of a stream as it comes", async () => {
    const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    await using server = startScriptedServer(async (socket) => {
      socket.write(`${CHUNKED}3\r\none\r\n`);
      await gates[0]?.promise;
      socket.write("3\r\ntwo\r\n5\r\nthree\r\n");
      await gates[1]?.promise;
      socket.write("0\r\n\r\n");
    });
    const reply = await ask(createClient(), server.url);
    const next = async () => Buffer.from((await readPiece(reply)) ?? []).toString();
    expect(await next()).toBe("one");
    gates[0]?.resolve();
    let rest = await next();
    if (rest === "two") rest += await next();
    expect(rest).toBe("twothree");
    gates[1]?.resolve();
    expect(await readPiece(reply)).toBeUndefined();
    expect(await readPiece(reply)).toBeUndefined();
  });

  test.each([
    ["a length", "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\npart"],
    ["chunks", `${CHUNKED}4\r\npart\r\n`],
    ["chunks, within one", `${CHUNKED}40\r\npart`],
  ])("a body of %s that breaks off is told, behind what came of it", async (_, text) => {
    const gate = Promise.withResolvers<void>();
    await using server = startScriptedServer(async (socket) => {
      socket.write(text);
      await gate.promise;
      socket.end();
    });
    const reply = await ask(createClient(), server.url);
    expect(Buffer.from((await readPiece(reply)) ?? []).toString()).toBe("part");
    gate.resolve();
    expect(await failureOf(readPiece(reply))).toMatchObject({ kind: "broken" });
  });

  test("a whole body that breaks off is no body", async () => {
    await using server = startScriptedServer((socket) => {
      socket.write("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\npart");
      socket.end();
    });
    const failure = await failureOf(ask(createClient(), server.url).then((reply) => reply.text(TEXT_MAX)));
    expect(failure).toMatchObject({ name: "HttpError" });
  });

  test("a refused connection is told", async () => {
    const server = startScriptedServer(() => undefined);
    const { url } = server;
    await server[Symbol.asyncDispose]();
    expect(await failureOf(ask(createClient(), url))).toMatchObject({ kind: "unreachable" });
  });

  test("a connection closed without an answer is told", async () => {
    await using server = startScriptedServer((socket) => socket.end());
    expect(await failureOf(ask(createClient(), server.url))).toMatchObject({ name: "HttpError" });
  });

  test("a request given up while its answer is awaited closes the connection", async () => {
    const asked = Promise.withResolvers<void>();
    await using server = startScriptedServer(() => asked.resolve());
    const cancellation = new Cancellation();
    const failing = failureOf(ask(createClient(), server.url, { cancellation }));
    await asked.promise;
    cancellation.cancel(new Error("changed our mind"));
    expect(await failing).toMatchObject({ kind: "cancelled" });
    await openConnections(server, 0);
  });

  test("a request given up before it is made fails", async () => {
    await using server = startScriptedServer((socket) => socket.write(answer("ok")));
    const cancellation = new Cancellation();
    cancellation.cancel(new Error("changed our mind"));
    expect(await failureOf(ask(createClient(), server.url, { cancellation }))).toMatchObject({
      kind: "cancelled",
    });
  });

  test.each(["close", "cancel"])(
    "a stream given up by %s closes the connection and rejects the read",
    async (how) => {
      await using server = startScriptedServer((socket) => socket.write(`${CHUNKED}3\r\none\r\n`));
      const cancellation = new Cancellation();
      const reply = await ask(createClient(), server.url, { cancellation });
      await readPiece(reply);
      const failing = failureOf(readPiece(reply));
      if (how === "close") reply.close();
      else cancellation.cancel(new Error("changed our mind"));
      expect(await failing).toMatchObject({ name: "HttpError" });
      await openConnections(server, 0);
    },
  );

  test("a redirect is given back, not followed", async () => {
    await using server = startScriptedServer((socket) =>
      socket.write("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"),
    );
    expect((await ask(createClient(), server.url)).status).toBe(302);
    expect(server.connections).toBe(1);
  });

  test("a body too large to hold is refused, and its connection closed", async () => {
    await using server = startScriptedServer((socket) => {
      socket.write(CHUNKED);
      for (let n = 0; n < 20; n += 1) socket.write(`400\r\n${"x".repeat(1024)}\r\n`);
    });
    const reply = await ask(createClient(), server.url);
    expect(await failureOf(reply.text(10_000))).toMatchObject({ kind: "too_large" });
    await openConnections(server, 0);
  });

  test("a byte order mark is no text", async () => {
    await using server = startScriptedServer((socket) => socket.write(answer("\ufeff{}")));
    expect(await (await ask(createClient(), server.url)).text(TEXT_MAX)).toBe("{}");
  });

  const compressors = {
    gzip: gzipSync,
    deflate: deflateSync,
    br: brotliCompressSync,
    zstd: zstdCompressSync,
  };
  test.each(Object.entries(compressors))(
    "a body in %s is read plain, whole and in pieces",
    async (encoding, compress) => {
      const text = "compressed ".repeat(5_000);
      const body = compress(Buffer.from(text));
      await using server = startScriptedServer((socket) => {
        socket.write(
          `HTTP/1.1 200 OK\r\nContent-Encoding: ${encoding}\r\nContent-Length: ${body.length}\r\n\r\n`,
        );
        socket.write(body);
      });
      const client = createClient();
      expect(await (await ask(client, server.url)).text(TEXT_MAX)).toBe(text);
      expect(await readAll(await ask(client, server.url))).toBe(text);
      expect(await failureOf((await ask(client, server.url)).text(10_000))).toMatchObject({
        kind: "too_large",
      });
    },
  );

  test.each(Object.keys(compressors))("a body of nothing said to be in %s is empty", async (encoding) => {
    const head = `HTTP/1.1 503 Busy\r\nContent-Encoding: ${encoding}\r\nContent-Length: 0\r\n\r\n`;
    await using server = startScriptedServer((socket) => socket.write(head));
    const client = createClient();
    expect(await (await ask(client, server.url)).text(TEXT_MAX)).toBe("");
    expect(await readAll(await ask(client, server.url))).toBe("");
  });

  test("a damaged compressed body is told", async () => {
    const body = gzipSync(Buffer.from("compressed ".repeat(5_000))).subarray(0, -20);
    await using server = startScriptedServer((socket) => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: ${body.length}\r\n\r\n`);
      socket.write(body);
    });
    const failure = await failureOf(ask(createClient(), server.url).then((reply) => reply.text(TEXT_MAX)));
    expect(failure).toMatchObject({ name: "HttpError" });
  });

  test("a reader that stops slows the sender", async () => {
    let sent = 0;
    const total = 64 * 1024 * 1024;
    await using server = startScriptedServer(async (socket) => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${total}\r\n\r\n`);
      const piece = Buffer.alloc(64 * 1024, "x");
      while (sent < total) {
        sent += Math.max(0, socket.write(piece.subarray(0, Math.min(piece.length, total - sent))));
        await Bun.sleep(0);
      }
    });
    const reply = await ask(createClient(), server.url);
    await readPiece(reply);
    let before = -1;
    while (before !== sent) {
      before = sent;
      await Bun.sleep(100);
    }
    expect(sent).toBeLessThan(total / 2);
    expect((await readAll(reply)).length).toBeGreaterThan(total / 2);
    expect(sent).toBe(total);
  });

  test("a large body is sent whole to a slow reader", async () => {
    const server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      maxRequestBodySize: 64 * 1024 * 1024,
      fetch: async (request) => new Response(String(Bun.hash(await request.arrayBuffer()))),
    });
    const body = `${"\u00e9".repeat(3_000_000)}${"x".repeat(7_000_000)}`;
    const reply = await ask(createClient(), server.url.href, { body });
    expect(await reply.text(TEXT_MAX)).toBe(String(Bun.hash(Buffer.from(body))));
    await server.stop(true);
  });

  test("a header that would begin another is refused", async () => {
    await using server = startScriptedServer((socket) => socket.write(answer("ok")));
    const headers = [{ "x-one": "1\r\nauthorization: other" }];
    const asking = (async () => ask(createClient(), server.url, { headers }))();
    expect(await failureOf(asking)).toBeInstanceOf(Error);
    expect(server.received.join("")).not.toContain("other");
  });

  test(`a hundred requests at once keep to their own answers (${name})`, async () => {
    const server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: async (request) => new Response((await request.text()).repeat(100)),
    });
    const client = createClient();
    for (let round = 0; round < 3; round += 1) {
      const texts = await Promise.all(
        Array.from({ length: 100 }, async (_, n) =>
          (await ask(client, server.url.href, { body: `<${n}>` })).text(TEXT_MAX),
        ),
      );
      expect(texts).toEqual(Array.from({ length: 100 }, (_, n) => `<${n}>`.repeat(100)));
    }
    await server.stop(true);
  });
});
