/** What the data port reads, over real sockets: requests one after the other and all at once, bodies asked for early, late and never. */
import { describe, expect, test } from "bun:test";
import { jsonReply, type IncomingRequest } from "#lib/http-server.ts";
import { until } from "../gateway/until.ts";
import { repliesOf, type RawClient } from "./raw-client.ts";
import { BODY_MAX, echo, Flood, get, post, Pour, poured, serve, target, text } from "./serve.ts";

describe("requests on one connection", () => {
  test("are answered one after the other", async () => {
    await using server = serve(echo);
    const client = await server.connect();
    client.send(post("one"));
    await client.has("one");
    client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\ntwo\r\n0\r\n\r\n");
    await client.has("two");
    const replies = repliesOf(client.received);
    expect(replies.map(({ body }) => body)).toEqual(["one", "two"]);
    expect(replies[0]?.head).toMatch(
      /^HTTP\/1.1 200 OK\r\ndate: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\r\ncontent-length: 3\r\n\r\n$/,
    );
    expect(client.hasEnd).toBe(false);
  });

  test("that come at once are answered in their order, however long the first takes", async () => {
    const gate = Promise.withResolvers<void>();
    const asked: string[] = [];
    await using server = serve(async (request) => {
      asked.push(request.target);
      if (request.target === "/slow") await gate.promise;
      return target(request);
    });
    const client = await server.connect();
    client.send(get("/slow") + get("/fast") + get("/last", "Connection: close") + get("/never"));
    await until("the first", () => asked.length > 0 || undefined);
    expect(asked).toEqual(["/slow"]);
    gate.resolve();
    await client.ended();
    expect(repliesOf(client.received).map(({ body }) => body)).toEqual(["/slow", "/fast", "/last"]);
    expect(asked).toEqual(["/slow", "/fast", "/last"]);
  });

  test.each([
    ["at once", target],
    ["later", async (request: IncomingRequest) => target(request)],
  ])("are read on where there are thousands, answered %s", async (_, answer) => {
    await using server = serve(answer);
    const client = await server.connect();
    const paths = Array.from({ length: 20_000 }, (__, index) => `/${index}`);
    client.send(paths.map((path) => get(path)).join(""));
    await client.has("/19999");
    expect(repliesOf(client.received).map(({ body }) => body)).toEqual(paths);
    expect(server.bugs).toEqual([]);
  });

  test("that come while an answer is poured wait for its end, and call for nothing", async () => {
    const pour = new Pour();
    await using server = serve((request) => (request.target === "/pour" ? poured(pour) : target(request)));
    const client = await server.connect();
    client.send(get("/pour"));
    const sink = await pour.begun;
    sink.write("begun");
    await client.has("begun");
    const paths = Array.from({ length: 10_000 }, (_, index) => `/${index}`);
    client.send(paths.map((path) => get(path)).join(""));
    // The server has stopped reading, or all of it would be with the kernels by now.
    for (let round = 0; round < 20; round += 1) {
      sink.write(`<${round}>`);
      await client.has(`<${round}>`);
    }
    expect(pour.rooms).toBe(0);
    sink.end("");
    await client.has("/9999");
    expect(repliesOf(client.received).map(({ body }) => body)).toEqual([
      `begun${Array.from({ length: 20 }, (_, round) => `<${round}>`).join("")}`,
      ...paths,
    ]);
  });

  test("do not keep others waiting, however many there are", async () => {
    const seen: string[] = [];
    const all = Promise.withResolvers<void>();
    await using server = serve((request) => {
      seen.push(request.target);
      if (seen.length === 1) modest.send(get("/one"));
      if (seen.length === 10_001) all.resolve();
      return target(request);
    });
    const [greedy, modest] = await Promise.all([server.connect(), server.connect()]);
    greedy.send(get("/many").repeat(10_000));
    await Promise.all([modest.has("/one"), all.promise]);
    expect(seen.indexOf("/one")).toBeLessThan(500);
  });
});

/** As clients do that send all before they read. Resolves at the connection's end. */
async function uploadUnread(client: RawClient): Promise<void> {
  client.stopReading();
  client.send(post("x".repeat(20_000_000)));
  await until("all of it to be taken", () => client.hasSentAll || undefined);
  client.readOn();
  await client.ended();
}

describe("bodies", () => {
  test("are read a byte at a time", async () => {
    await using server = serve(echo);
    const client = await server.connect();
    for (const byte of post("slowly but surely")) {
      client.send(byte);
      await Bun.sleep(0);
    }
    await client.has("slowly but surely");
  });

  test.each([
    ["length", (body: string) => post(body)],
    [
      "chunks",
      (body: string) =>
        `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${body.replaceAll(/.{1,5000}/gs, (piece) => `${piece.length.toString(16)}\r\n${piece}\r\n`)}0\r\n\r\n`,
    ],
  ])("that are asked for late wait with the client, by %s", async (_, write) => {
    const gate = Promise.withResolvers<void>();
    await using server = serve(async (request) => {
      await gate.promise;
      return text(Bun.hash(await request.body(20_000_000)).toString());
    });
    const client = await server.connect();
    const body = Array.from({ length: 800_000 }, (__, index) => String(index).padStart(20)).join("");
    client.send(write(body));
    // More than the kernels hold: it cannot have gone anywhere but into memory.
    expect(client.hasSentAll).toBe(false);
    gate.resolve();
    await client.has(Bun.hash(Buffer.from(body)).toString());
    expect(repliesOf(client.received)).toHaveLength(1);
  });

  test.each([
    ["its length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000001\r\n\r\n"],
    [
      "its chunks",
      `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${`fffe\r\n${"x".repeat(65_534)}\r\n`.repeat(16)}`,
    ],
  ])("beyond the bound are refused by %s", async (_, sent) => {
    await using server = serve((request) =>
      Promise.resolve(request.body(BODY_MAX)).then(
        () => text("read"),
        (error: { kind: string }) => jsonReply(413, error.kind),
      ),
    );
    const client = await server.connect();
    client.send(sent);
    await client.ended();
    const [reply] = repliesOf(client.received);
    expect(reply).toMatchObject({ status: 413, body: '"too_large"' });
    expect(reply?.head).toContain("\r\nconnection: close\r\n");
  });

  test("that are no chunks fail for who reads them, and end the connection", async () => {
    await using server = serve((request) =>
      Promise.resolve(request.body(BODY_MAX)).then(
        () => text("read"),
        (error: { kind: string }) => jsonReply(400, error.kind),
      ),
    );
    const client = await server.connect();
    client.send(
      `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxx\r\n0\r\n\r\n${get("/")}`,
    );
    await client.ended();
    expect(repliesOf(client.received).map(({ status, body }) => [status, body])).toEqual([
      [400, '"malformed"'],
    ]);
  });

  test("that nobody asks for do not keep a client from its answer", async () => {
    await using server = serve(() => jsonReply(401, "who are you?"));
    await Promise.all(
      Array.from({ length: 10 }, async () => {
        const client = await server.connect();
        await uploadUnread(client);
        expect(client.isReset).toBe(false);
        expect(repliesOf(client.received).map(({ status, body }) => [status, body])).toEqual([
          [401, '"who are you?"'],
        ]);
        expect(client.received).toContain("\r\nconnection: close\r\n");
      }),
    );
  });

  test("that nobody asks for do not keep it from an answer larger than the kernels hold", async () => {
    const flood = new Flood(4_000);
    await using server = serve(() => poured(flood));
    const client = await server.connect();
    await uploadUnread(client);
    expect(repliesOf(client.received)[0]?.body).toEndWith("the end");
  });

  test("that nobody asks for leave the connection as it was where they have come", async () => {
    await using server = serve(target);
    const client = await server.connect();
    client.send(post("unread") + get("/next"));
    await client.has("/next");
    expect(repliesOf(client.received)).toHaveLength(2);
    expect(client.hasEnd).toBe(false);
  });
});

describe("a client that waits for a word", () => {
  const head = "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n";

  test("is told to go on when its body is asked for", async () => {
    const gate = Promise.withResolvers<void>();
    await using server = serve(async (request) => {
      await gate.promise;
      return echo(request);
    });
    const client = await server.connect();
    client.send(head);
    gate.resolve();
    await client.has("HTTP/1.1 100 Continue\r\n\r\n");
    client.send("body");
    await client.has("\r\n\r\nbody");
    expect(repliesOf(client.received).map(({ status }) => status)).toEqual([100, 200]);
  });

  test("is refused without it", async () => {
    await using server = serve(() => jsonReply(401, "no"));
    const client = await server.connect();
    client.send(head);
    await client.ended();
    expect(repliesOf(client.received).map(({ status }) => status)).toEqual([401]);
  });

  test("is not told where it did not wait", async () => {
    await using server = serve(echo);
    const client = await server.connect();
    client.send(`${head}body`);
    await client.has("\r\n\r\nbody");
    expect(repliesOf(client.received).map(({ status }) => status)).toEqual([200]);
  });
});

describe("what is no request", () => {
  test.each([
    ["TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400],
    ["HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400],
    ["both lengths", `${post("x", "Transfer-Encoding: chunked")}${get("/smuggled")}`, 400],
    ["a head beyond the bound", get("/", `X-Filler: ${"x".repeat(70_000)}`), 431],
  ])("is told so in JSON and closed: %s", async (_, sent, status) => {
    const asked: string[] = [];
    await using server = serve((request) => {
      asked.push(request.target);
      return target(request);
    });
    const client = await server.connect();
    client.send(get("/good"));
    await client.has("/good");
    client.send(sent);
    await client.ended();
    const [, refusal, ...more] = repliesOf(client.received);
    expect(refusal?.status).toBe(status);
    expect(refusal?.head).toContain("\r\nconnection: close\r\n");
    expect(JSON.parse(refusal?.body ?? "")).toMatchObject({ error: { type: "invalid_request_error" } });
    expect(more).toEqual([]);
    expect(asked).toEqual(["/good"]);
    expect(client.isReset).toBe(false);
    expect(server.bugs).toEqual([]);
  });
});
