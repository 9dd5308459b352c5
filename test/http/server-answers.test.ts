/** What the data port writes, over real sockets: whole answers and streams, to old clients and slow ones. */
import { describe, expect, test } from "bun:test";
import { type PouredBody } from "#lib/http-server.ts";
import { until } from "../gateway/until.ts";
import { repliesOf } from "./raw-client.ts";
import { Flood, get, Pour, poured, serve, target, text } from "./serve.ts";

describe("answers", () => {
  test("to HTTP/1.0 end the connection, or say that they do not", async () => {
    await using server = serve(target);
    const closing = await server.connect();
    closing.send("GET /one HTTP/1.0\r\n\r\n");
    await closing.ended();
    expect(repliesOf(closing.received)[0]?.head).toContain("\r\nconnection: close\r\n");
    const kept = await server.connect();
    kept.send("GET /one HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    await kept.has("/one");
    kept.send("GET /two HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    await kept.has("/two");
    expect(repliesOf(kept.received)[1]?.head).toContain("\r\nconnection: keep-alive\r\n");
  });

  test("that are poured to HTTP/1.0 have no chunks", async () => {
    await using server = serve(() => poured(new Flood(3)));
    const client = await server.connect();
    client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    await client.ended();
    const [reply] = repliesOf(client.received);
    expect(reply?.head).not.toMatch(/transfer-encoding|content-length/);
    expect(Buffer.from(reply?.body ?? "", "latin1").toString()).toBe(
      `${[0, 1, 2].map((index) => Flood.line(index)).join("")}the end`,
    );
  });

  test("to HEAD have their length and no body", async () => {
    await using server = serve(target);
    const client = await server.connect();
    client.send(get("/path").replace("GET", "HEAD") + get("/next"));
    await client.has("/next");
    const [bare, next] = repliesOf(client.received, 1);
    expect(bare?.head).toContain("\r\ncontent-length: 5\r\n");
    expect(next?.body).toBe("/next");
  });

  test("of 204 have neither", async () => {
    await using server = serve((request) =>
      request.target === "/none" ? { status: 204, headers: { "x-a": "1" }, body: "" } : target(request),
    );
    const client = await server.connect();
    client.send(get("/none") + get("/next"));
    await client.has("/next");
    const [none, next] = repliesOf(client.received);
    expect(none?.head).toStartWith("HTTP/1.1 204 No Content\r\nx-a: 1\r\n");
    expect(none?.head).not.toMatch(/content-length|transfer-encoding/);
    expect(next?.body).toBe("/next");
  });

  test.each(["\u00e9", "\u4f60\u597d", "\u{1f44b}", "lone \ud800 half"])(
    "count %j in bytes",
    async (body) => {
      const pour = new Pour();
      await using server = serve((request) => (request.target === "/poured" ? poured(pour) : text(body)));
      const client = await server.connect();
      client.send(get("/whole") + get("/poured"));
      const sink = await pour.begun;
      sink.write(body);
      sink.end(body);
      await client.has("0\r\n\r\n");
      const bytes = Buffer.from(body).toString("latin1");
      expect(repliesOf(client.received).map((reply) => reply.body)).toEqual([bytes, bytes + bytes]);
    },
  );

  test("that are poured at once or without a word are whole", async () => {
    const bodies: readonly PouredBody[] = [
      { begin: (sink) => sink.end(""), onRoom: () => undefined },
      { begin: (sink) => sink.end("all"), onRoom: () => undefined },
      {
        begin(sink) {
          sink.write("a");
          sink.write("");
          sink.write("b");
          sink.end("");
        },
        onRoom: () => undefined,
      },
    ];
    await using server = serve(({ target: path }) => poured(bodies[Number(path.slice(1))] ?? new Pour()));
    const client = await server.connect();
    client.send(get("/0") + get("/1") + get("/2") + get("/0", "Connection: close"));
    await client.ended();
    expect(repliesOf(client.received).map(({ body }) => body)).toEqual(["", "all", "ab", ""]);
  });

  test("have one end, whatever is poured behind it", async () => {
    const pour = new Pour();
    await using server = serve((request) => (request.target === "/" ? poured(pour) : target(request)));
    const client = await server.connect();
    client.send(get("/"));
    const sink = await pour.begun;
    sink.end("end");
    expect(sink.write("more")).toBe(false);
    sink.end("another end");
    client.send(get("/next"));
    await client.has("/next");
    expect(repliesOf(client.received).map(({ body }) => body)).toEqual(["end", "/next"]);
  });

  test("larger than the kernels hold come whole to who reads slowly, and the next behind them", async () => {
    const body = "0123456789".repeat(2_000_000);
    await using server = serve((request) => (request.target === "/large" ? text(body) : target(request)));
    const client = await server.connect();
    client.stopReading();
    client.send(get("/large") + get("/next"));
    await Bun.sleep(0);
    client.readOn();
    await client.has("/next");
    expect(repliesOf(client.received).map((reply) => reply.body.length)).toEqual([body.length, 5]);
  });
});

describe("a stream faster than its reader", () => {
  /** 60 MB: neither kernels nor we may hold that. */
  const LINES = 15_000;
  const HELD_LINES_MAX = 5_000;

  test("waits for it, and comes whole and in order", async () => {
    const flood = new Flood(LINES);
    await using server = serve(() => poured(flood));
    const client = await server.connect();
    client.stopReading();
    client.send(get("/"));
    await until("no more room", () => flood.isFull || undefined);
    expect(flood.poured).toBeLessThan(HELD_LINES_MAX);
    expect(server.bugs).toEqual([]);
    client.readOn();
    await until("the end", () => flood.isOver || undefined);
    client.send(get("/again", "Connection: close"));
    await client.ended();
    const [reply] = repliesOf(client.received);
    const wanted = `${Array.from({ length: LINES }, (_, index) => Flood.line(index)).join("")}the end`;
    expect(Buffer.from(reply?.body ?? "", "latin1").equals(Buffer.from(wanted))).toBe(true);
    expect(server.bugs).toEqual([]);
  });

  test("may end before it was read", async () => {
    const pour = new Pour();
    await using server = serve((request) => (request.target === "/" ? poured(pour) : target(request)));
    const client = await server.connect();
    client.stopReading();
    client.send(get("/") + get("/next"));
    const sink = await pour.begun;
    const piece = "x".repeat(60_000);
    let count = 1;
    while (sink.write(piece)) count += 1;
    sink.end("last words");
    client.readOn();
    await client.has("/next");
    expect(pour.rooms).toBe(0);
    expect(repliesOf(client.received)[0]?.body.length).toBe(count * piece.length + "last words".length);
  });

  test("learns that its reader has left", async () => {
    const flood = new Flood(LINES);
    const gone = Promise.withResolvers<void>();
    await using server = serve((request) => {
      request.gone.onCancel(gone.resolve);
      return poured(flood);
    });
    const client = await server.connect();
    client.stopReading();
    client.send(get("/"));
    await until("no more room", () => flood.isFull || undefined);
    client.reset();
    await gone.promise;
    expect(flood.isOver).toBe(false);
  });
});

test("a port that is in use is named", async () => {
  await using server = serve(target);
  expect(() => serve(target, { port: server.listener.port })).toThrow(
    `Port ${server.listener.port} of 127.0.0.1 is in use.`,
  );
});
