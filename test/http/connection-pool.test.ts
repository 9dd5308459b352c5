/** What is our own client's alone: which connection carries a request, and whom it believes. */
import { describe, expect, test } from "bun:test";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Cancellation } from "#lib/cancellation.ts";
import { systemClock } from "#lib/clock.ts";
import { ConnectionPool } from "#lib/connection-pool.ts";
import { VirtualClock } from "#lib/virtual-clock.ts";
import { LOCALHOST_CERTIFICATE, LOCALHOST_KEY } from "./localhost-certificate.ts";
import { ask, failureOf, TEXT_MAX } from "./ask.ts";
import { answer, openConnections, startScriptedServer } from "./scripted-server.ts";

const textOf = async (pool: ConnectionPool, url: string) => (await ask(pool, url)).text(TEXT_MAX);
describe("a connection", () => {
  test("is used again after its answer, and not before", async () => {
    await using server = startScriptedServer((socket, text) => {
      const respond = () => socket.write(answer(text.slice(-1)));
      if (text.includes("/slow")) setTimeout(respond, 50);
      else respond();
    });
    const pool = new ConnectionPool(systemClock);
    for (let n = 0; n < 3; n += 1) expect(await textOf(pool, server.url)).toBe("q");
    expect(server.connections).toBe(1);
    await Promise.all([textOf(pool, `${server.url}/slow`), textOf(pool, `${server.url}/slow`)]);
    expect(server.connections).toBe(2);
  });

  test.each([
    ["says so", answer("ok", "Connection: close")],
    ["sends more than it said", `${answer("ok")}more`],
    ["ends the answer by closing", "HTTP/1.1 200 OK\r\n\r\nok"],
  ])("is not used again where the server %s", async (_, text) => {
    await using server = startScriptedServer((socket) => {
      socket.write(text);
      if (!text.includes("Content-Length")) socket.end();
    });
    const pool = new ConnectionPool(systemClock);
    expect(await textOf(pool, server.url)).toBe("ok");
    expect(await textOf(pool, server.url)).toBe("ok");
    expect(server.connections).toBe(2);
    await openConnections(server, 0);
  });

  test("is not used again where an answer came before the whole request was read", async () => {
    await using server = startScriptedServer((socket) => {
      socket.pause();
      socket.write(answer("too much"));
    });
    const pool = new ConnectionPool(systemClock);
    const body = "x".repeat(30_000_000);
    const reply = await ask(pool, server.url, { body });
    expect(await reply.text(TEXT_MAX)).toBe("too much");
    expect(await (await ask(pool, server.url)).text(TEXT_MAX)).toBe("too much");
    expect(server.connections).toBe(2);
  });

  test("carries each request with its own method and headers, however often some of them come", async () => {
    await using server = startScriptedServer((socket) => socket.write(answer("ok")));
    const pool = new ConnectionPool(systemClock);
    const one = { "x-one": "1" };
    const two = { "x-one": "2", "x-two": "2" };
    const own = Array.from({ length: 20 }, (_, n) => [{ "x-own": String(n) }]);
    const asked = [[one], [one, two], [two, one], [one], [], ...own, [one, two], [one]];
    for (const headers of asked) await (await ask(pool, server.url, { headers })).text(TEXT_MAX);
    await (await ask(pool, server.url, { headers: [one], method: "DELETE" })).text(TEXT_MAX);
    const requests = server.received.join("").split(/(?=POST|DELETE)/);
    const sent = requests.map((text) => text.match(/^(?:\w+ \/|x-\S+: \d+)/gm)?.join(" "));
    expect(sent).toEqual([
      "POST / x-one: 1",
      "POST / x-one: 2 x-two: 2",
      "POST / x-one: 1 x-two: 2",
      "POST / x-one: 1",
      "POST /",
      ...own.map((_, n) => `POST / x-own: ${n}`),
      "POST / x-one: 2 x-two: 2",
      "POST / x-one: 1",
      "DELETE / x-one: 1",
    ]);
  });

  test("is dropped where the server speaks unasked", async () => {
    await using server = startScriptedServer((socket) => {
      socket.write(answer("ok"));
      setTimeout(() => socket.write(answer("", "X-Unasked: yes")), 20);
    });
    const pool = new ConnectionPool(systemClock);
    expect(await textOf(pool, server.url)).toBe("ok");
    await openConnections(server, 0);
    expect(await textOf(pool, server.url)).toBe("ok");
    expect(server.connections).toBe(2);
  });

  test("that closed while it was kept is replaced, unseen", async () => {
    await using server = startScriptedServer((socket, _, nth) => {
      if (nth === 0) socket.write(answer("ok"));
      else socket.terminate();
    });
    const pool = new ConnectionPool(systemClock);
    expect(await textOf(pool, server.url)).toBe("ok");
    expect(await textOf(pool, server.url)).toBe("ok");
    expect(server.connections).toBe(2);
    expect(server.received[0]?.split("POST").length).toBe(3);
  });

  test("that closed while its answer was awaited is not: the server took the request", async () => {
    const asked = Promise.withResolvers<() => void>();
    await using server = startScriptedServer((socket, _, nth) => {
      if (nth === 0) socket.write(answer("ok"));
      else asked.resolve(() => socket.terminate());
    });
    const clock = new VirtualClock();
    const pool = new ConnectionPool(clock);
    expect(await textOf(pool, server.url)).toBe("ok");
    const failing = failureOf(textOf(pool, server.url));
    const breakOff = await asked.promise;
    await clock.advance(1_001);
    breakOff();
    expect(await failing).toMatchObject({ kind: "broken" });
    expect(server.connections).toBe(1);
  });

  test("that breaks with the first bytes of an answer is not: the server took the request", async () => {
    await using server = startScriptedServer((socket, _, nth) => {
      if (nth === 0) return void socket.write(answer("ok"));
      socket.write("HTTP/1.1 2");
      socket.end();
    });
    const pool = new ConnectionPool(systemClock);
    expect(await textOf(pool, server.url)).toBe("ok");
    expect(await failureOf(textOf(pool, server.url))).toMatchObject({ kind: "broken" });
    expect(server.connections).toBe(1);
  });

  test("that is reset has not ended its answer, though nothing but the close would have", async () => {
    await using server = startScriptedServer((socket) => {
      socket.write("HTTP/1.1 200 OK\r\n\r\npart");
      setTimeout(() => socket.terminate(), 20);
    });
    const reply = await ask(new ConnectionPool(systemClock), server.url);
    expect(await failureOf(reply.text(TEXT_MAX))).toMatchObject({ kind: "broken" });
  });

  test("that is new and closes without an answer is not replaced", async () => {
    await using server = startScriptedServer((socket) => socket.end());
    expect(await failureOf(textOf(new ConnectionPool(systemClock), server.url))).toMatchObject({
      kind: "broken",
    });
    expect(server.connections).toBe(1);
  });

  test("is closed when it was idle for a minute, and with the pool", async () => {
    await using server = startScriptedServer((socket) => socket.write(answer("ok")));
    const clock = new VirtualClock();
    const pool = new ConnectionPool(clock);
    await textOf(pool, server.url);
    await clock.advance(50_000);
    await textOf(pool, server.url);
    await clock.advance(50_000);
    expect(server.connections).toBe(1);
    await clock.advance(15_000);
    await openConnections(server, 0);
    await textOf(pool, server.url);
    pool.close();
    await openConnections(server, 0);
    await textOf(pool, server.url);
    await openConnections(server, 0);
  });
});

describe("connecting", () => {
  test("has its time, a certificate's check included", async () => {
    await using server = startScriptedServer(() => undefined);
    const clock = new VirtualClock();
    const asking = failureOf(ask(new ConnectionPool(clock), `https://127.0.0.1:${server.port}`));
    await openConnections(server, 1);
    await clock.advance(1_999);
    await Bun.sleep(20);
    expect(server.open).toBe(1);
    await clock.advance(1);
    expect(await asking).toMatchObject({ kind: "connect_timeout" });
    await openConnections(server, 0);
  });

  test("can be given up", async () => {
    await using server = startScriptedServer(() => undefined);
    const cancellation = new Cancellation();
    const clock = new VirtualClock();
    const pool = new ConnectionPool(clock);
    const asking = failureOf(ask(pool, `https://127.0.0.1:${server.port}`, { cancellation }));
    await openConnections(server, 1);
    cancellation.cancel(new Error("changed our mind"));
    expect(await asking).toMatchObject({ kind: "cancelled" });
    await openConnections(server, 0);
    expect(clock.pending).toBe(0);
  });

  test("leaves nothing behind where it is given up before the server takes it", async () => {
    await using server = startScriptedServer(() => undefined);
    const cancellation = new Cancellation();
    const clock = new VirtualClock();
    const asking = failureOf(ask(new ConnectionPool(clock), server.url, { cancellation }));
    cancellation.cancel(new Error("changed our mind"));
    expect(await asking).toMatchObject({ kind: "cancelled" });
    expect(clock.pending).toBe(0);
    await openConnections(server, 0);
  });

  test("a name that does not resolve is unreachable", async () => {
    const failure = await failureOf(ask(new ConnectionPool(systemClock), "http://nobody.invalid/"));
    expect(failure).toMatchObject({ kind: "unreachable" });
  });

  test("an address in brackets is one", async () => {
    const server = Bun.serve({
      port: 0,
      hostname: "::1",
      fetch: (request) => new Response(request.headers.get("host")),
    });
    expect(await textOf(new ConnectionPool(systemClock), `http://[::1]:${server.port}/`)).toBe(
      `[::1]:${server.port}`,
    );
    await server.stop(true);
  });
});

describe("over TLS", () => {
  const tls = { cert: LOCALHOST_CERTIFICATE, key: LOCALHOST_KEY };

  test("a certificate nobody vouches for is refused before a byte is sent", async () => {
    let requests = 0;
    const server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      tls,
      fetch: () => {
        requests += 1;
        return new Response("ok");
      },
    });
    const failure = await failureOf(
      ask(new ConnectionPool(systemClock), `https://localhost:${server.port}/`),
    );
    expect(failure).toMatchObject({ kind: "unreachable" });
    expect(requests).toBe(0);
    await server.stop(true);
  });

  test("a trusted one is accepted for its own name and no other, and the connection is kept", async () => {
    const ports: (number | undefined)[] = [];
    const server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      tls,
      fetch: async (request) => {
        ports.push(server.requestIP(request)?.port);
        return new Response(`read ${(await request.text()).length}`);
      },
    });
    const folder = await mkdtemp(join(tmpdir(), "xjp-tls-"));
    const trusted = join(folder, "trusted.pem");
    await writeFile(trusted, LOCALHOST_CERTIFICATE);
    const urls = ["localhost", "localhost", "127.0.0.1"].map((host) => `https://${host}:${server.port}/`);
    const child = Bun.spawn([process.execPath, join(import.meta.dir, "ask-secure-child.ts"), ...urls], {
      env: { ...process.env, NODE_EXTRA_CA_CERTS: trusted },
      stdout: "pipe",
    });
    const printed = await new Response(child.stdout).text();
    const [first, second, ...rest] = printed.split("\n");
    expect([first, second]).toEqual(["200 read 300000", "200 read 300000"]);
    expect(rest.join("\n")).toContain("unreachable");
    expect(ports).toHaveLength(2);
    expect(new Set(ports).size).toBe(1);
    await rm(folder, { recursive: true });
    await server.stop(true);
  });
});
