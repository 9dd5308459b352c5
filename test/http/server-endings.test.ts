/** How an exchange on the data port may end, over real sockets: a client goes, a handler has a bug, the process drains. */
import { describe, expect, test } from "bun:test";
import { Turn } from "#lib/turn.ts";
import { until } from "../gateway/until.ts";
import { RawClient, repliesOf } from "./raw-client.ts";
import { BODY_MAX, Flood, get, Pour, poured, serve, target, text } from "./serve.ts";

describe.each(["leave", "reset"] as const)("a client that goes, by %s,", (how) => {
  test.each([
    ["before it asks", ""],
    ["within a head", "POST / HTTP/1.1\r\nHo"],
  ])("%s is forgotten", async (_, sent) => {
    const asked: string[] = [];
    await using server = serve((request) => {
      asked.push(request.target);
      return target(request);
    });
    const client = await server.connect();
    client.send(sent);
    client[how]();
    const other = await server.connect();
    other.send(get("/other"));
    await other.has("/other");
    expect(asked).toEqual(["/other"]);
    expect(server.bugs).toEqual([]);
  });

  test("within a body fails who reads it", async () => {
    const failed = Promise.withResolvers<unknown>();
    const gone = Promise.withResolvers<void>();
    const asked = Promise.withResolvers<void>();
    await using server = serve(async (request) => {
      request.gone.onCancel(gone.resolve);
      asked.resolve();
      await Promise.resolve(request.body(BODY_MAX)).catch(failed.resolve);
      return text("nobody reads this");
    });
    const client = await server.connect();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf");
    await asked.promise;
    client[how]();
    await gone.promise;
    expect(await failed.promise).toMatchObject({ name: "HttpError", kind: "cancelled" });
    expect(server.bugs).toEqual([]);
  });

  test("before its answer is told to who works on it, and what comes of that is thrown away", async () => {
    const asked = Promise.withResolvers<void>();
    const gone = Promise.withResolvers<void>();
    const pour = new Pour();
    const made = Promise.withResolvers<void>();
    await using server = serve(async (request) => {
      asked.resolve();
      request.gone.onCancel(gone.resolve);
      await gone.promise;
      setImmediate(made.resolve);
      return request.target === "/whole" ? text("too late") : poured(pour);
    });
    const client = await server.connect();
    client.send(how === "leave" ? get("/whole") : get("/poured"));
    await asked.promise;
    client[how]();
    await made.promise;
    expect(pour.sink).toBeUndefined();
    expect(client.received).toBe("");
    expect(server.bugs).toEqual([]);
  });

  test.each(["before its first text", "between two texts"])("from a stream %s is told", async (when) => {
    const pour = new Pour();
    const gone = Promise.withResolvers<void>();
    await using server = serve((request) => {
      request.gone.onCancel(gone.resolve);
      return poured(pour);
    });
    const client = await server.connect();
    client.send(get("/"));
    const sink = await pour.begun;
    if (when === "between two texts") sink.write("first");
    await client.has(when === "between two texts" ? "first" : "\r\n\r\n");
    client[how]();
    await gone.promise;
    expect(sink.write("nobody reads this")).toBe(false);
    sink.end("nor this");
    expect(server.bugs).toEqual([]);
  });

  test("behind thousands of requests is told to the stream that keeps them waiting", async () => {
    const pour = new Pour();
    let isGone = false;
    await using server = serve((request) => {
      request.gone.onCancel(() => (isGone = true));
      return poured(pour);
    });
    const client = await server.connect();
    client.send(get("/").repeat(20_000));
    const sink = await pour.begun;
    sink.write("first");
    await client.has("first");
    client[how]();
    await until("it to be told", () => {
      sink.write("more");
      return isGone || undefined;
    });
  });

  test("after its answer has done no harm", async () => {
    let isGone = false;
    await using server = serve((request) => {
      request.gone.onCancel(() => (isGone = true));
      return target(request);
    });
    const client = await server.connect();
    client.send(get("/"));
    await client.has("\r\n\r\n/");
    client[how]();
    await server.listener.close();
    expect(isGone).toBe(false);
    expect(server.bugs).toEqual([]);
  });
});

describe("a bug", () => {
  test.each([
    [
      "thrown at once",
      () => {
        throw new Error("bug");
      },
    ],
    ["thrown later", () => Promise.reject(new Error("bug"))],
    ["in a header", () => text("", { "x-a": "1\r\nx-b: 2" })],
    ["in a header beyond ASCII", () => text("", { "x-a": "\u00e9" })],
  ])("%s is answered with 500, and the connection goes on", async (_, answer) => {
    await using server = serve((request) => (request.target === "/bug" ? answer() : target(request)));
    const client = await server.connect();
    client.send(get("/bug") + get("/next"));
    await client.has("/next");
    const [bug] = repliesOf(client.received);
    expect(bug?.status).toBe(500);
    expect(bug?.head).toContain("\r\ncontent-type: application/json\r\n");
    expect(JSON.parse(bug?.body ?? "")).toMatchObject({ error: { type: "server_error" } });
    expect(bug?.body).not.toContain("bug");
    expect(server.bugs).toHaveLength(1);
  });

  test("that keeps a stream from beginning is told to who would have poured it", async () => {
    const gone = Promise.withResolvers<void>();
    await using server = serve((request) => {
      request.gone.onCancel(gone.resolve);
      return { status: 200, headers: { "x-a": "\n" }, body: new Pour() };
    });
    const client = await server.connect();
    client.send(get("/"));
    await gone.promise;
    await client.has("HTTP/1.1 500 ");
    expect(server.bugs).toHaveLength(1);
  });

  test("behind an answer's beginning cuts the connection", async () => {
    const gone = Promise.withResolvers<void>();
    await using server = serve((request) => {
      request.gone.onCancel(gone.resolve);
      return poured({
        begin(sink) {
          sink.write("first");
          throw new Error("bug");
        },
        onRoom: () => undefined,
      });
    });
    const client = await server.connect();
    client.send(get("/"));
    await Promise.all([client.ended(), gone.promise]);
    expect(() => repliesOf(client.received || "cut")).toThrow();
    expect(server.bugs).toHaveLength(1);
  });

  test("of a stream that goes on cuts the connection, and only this one", async () => {
    const gone = Promise.withResolvers<void>();
    const isFull = Promise.withResolvers<void>();
    await using server = serve((request) => {
      if (request.target === "/next") return target(request);
      request.gone.onCancel(gone.resolve);
      return poured({
        begin(sink) {
          while (sink.write("x".repeat(60_000)));
          isFull.resolve();
        },
        onRoom() {
          throw new Error("bug");
        },
      });
    });
    const client = await server.connect();
    client.stopReading();
    client.send(get("/"));
    await isFull.promise;
    client.readOn();
    await Promise.all([client.ended(), gone.promise]);
    expect(() => repliesOf(client.received || "cut")).toThrow();
    expect(server.bugs).toHaveLength(1);
    const other = await server.connect();
    other.send(get("/next"));
    await other.has("/next");
  });

  test("of who is told that a client has left is told too", async () => {
    const asked = Promise.withResolvers<void>();
    await using server = serve((request) => {
      asked.resolve();
      request.gone.onCancel(() => {
        throw new Error("bug");
      });
      return new Promise(() => undefined);
    });
    const client = await server.connect();
    client.send(get("/"));
    await asked.promise;
    client.leave();
    await until("the bug", () => server.bugs.length > 0 || undefined);
  });
});

describe("at the end", () => {
  test("connections without a request are closed at once", async () => {
    await using server = serve(target, { drainMs: 60_000 });
    const [idle, used, half] = await Promise.all([server.connect(), server.connect(), server.connect()]);
    used.send(get("/used"));
    await used.has("/used");
    half.send("GET / HTTP/1.1\r\n");
    await server.listener.close();
    await Promise.all([idle.ended(), used.ended(), half.ended()]);
    expect([idle.isReset, used.isReset]).toEqual([false, false]);
  });

  test("answers under way are finished, and say that they are the last", async () => {
    const gate = Promise.withResolvers<void>();
    const asked: string[] = [];
    const pour = new Pour();
    await using server = serve(
      async (request) => {
        asked.push(request.target);
        if (request.target === "/poured") return poured(pour);
        await gate.promise;
        return target(request);
      },
      { drainMs: 60_000 },
    );
    const [whole, stream] = await Promise.all([server.connect(), server.connect()]);
    whole.send(get("/whole"));
    stream.send(get("/poured"));
    const sink = await pour.begun;
    sink.write("first");
    await Promise.all([stream.has("first"), until("both", () => asked.length === 2 || undefined)]);
    const closed = server.listener.close();
    expect(server.listener.isDraining).toBe(true);
    const another = RawClient.connect(server.listener.url);
    expect(
      await another.then(
        () => "let in",
        () => "refused",
      ),
    ).toBe("refused");
    gate.resolve();
    await whole.ended();
    expect(repliesOf(whole.received)[0]?.head).toContain("\r\nconnection: close\r\n");
    sink.end("last");
    await Promise.all([closed, stream.ended()]);
    expect(repliesOf(stream.received)[0]?.body).toBe("firstlast");
  });

  test("an answer that its client has not read yet still reaches it", async () => {
    const body = "0123456789".repeat(100_000);
    const given = Promise.withResolvers<void>();
    await using server = serve(() => {
      setImmediate(given.resolve);
      return text(body);
    });
    const client = await server.connect();
    client.stopReading();
    client.send(get("/"));
    await given.promise;
    await server.listener.close();
    client.readOn();
    await client.ended();
    expect(repliesOf(client.received)[0]?.body).toBe(body);
    expect(client.isReset).toBe(false);
  });

  test("answers that take too long may say so, and are cut", async () => {
    const pour = new Pour();
    const silent = new Pour();
    await using server = serve(({ target: path }) => poured(path === "/silent" ? silent : pour), {
      drainMs: 1,
      onDrainOver() {
        pour.sink?.end("told");
        throw new Error("a bug in the last words");
      },
    });
    const [told, cut] = await Promise.all([server.connect(), server.connect()]);
    told.send(get("/"));
    cut.send(get("/silent"));
    (await pour.begun).write("first");
    (await silent.begun).write("first");
    await Promise.all([told.has("first"), cut.has("first")]);
    const both = [server.listener.close(), server.listener.close()];
    await Promise.all([...both, told.ended(), cut.ended()]);
    expect(repliesOf(told.received)[0]?.body).toBe("firsttold");
    expect(() => repliesOf(cut.received)).toThrow("break off");
    expect(server.bugs).toHaveLength(1);
  });

  test("a request that came in the last turn is still asked for before the port counts as closed", async () => {
    const ends: (() => void)[] = [];
    const turn = new Turn({ atEnd: (work) => void ends.push(work) });
    const asked: boolean[] = [];
    const server = serve(
      ({ gone }) => {
        asked.push(gone.isCancelled);
        return text("nobody reads this");
      },
      { turn },
    );
    const client = await server.connect();
    client.send(get("/"));
    await until("a request in the turn", () => ends[0]);
    let isClosed = false;
    const closed = server.listener.close().then(() => (isClosed = true));
    await until("the cut", () => client.isClosed || undefined);
    expect([asked, isClosed]).toEqual([[], false]);
    for (const end of ends) end();
    await closed;
    expect(asked).toEqual([true]);
  });

  test("a client that does not read is not waited for", async () => {
    const flood = new Flood(15_000);
    await using server = serve(() => poured(flood), { drainMs: 1 });
    const client = await server.connect();
    client.stopReading();
    client.send(get("/"));
    await until("no more room", () => flood.isFull || undefined);
    await server.listener.close();
    client.readOn();
    await client.ended();
    expect(() => repliesOf(client.received || "cut")).toThrow();
  });
});
