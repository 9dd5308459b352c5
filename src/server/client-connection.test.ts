/** What a connection does as time passes and as a socket is full, told by numbers: nothing here waits. */
import { describe, expect, spyOn, test } from "bun:test";
import { jsonReply, type BodySink, type IncomingRequest, type OutgoingReply } from "#lib/http-server.ts";
import { Turn } from "#lib/turn.ts";
import { ClientConnection, type ClientSocket } from "./client-connection.ts";
import { ReplyHeadWriter } from "./reply-head.ts";

const MINUTE_MS = 60_000;
const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/** A socket whose kernel has as much room as a test gives it. */
class FakeSocket implements ClientSocket {
  readonly calls: string[] = [];
  written = "";
  room = Number.POSITIVE_INFINITY;
  isOpen = true;
  /** As Bun tells of the close: within the call. */
  onTerminate = (): void => undefined;

  write(data: string | Bun.BufferSource, offset = 0, length?: number): number {
    if (!this.isOpen) return -1;
    const given = Buffer.from(typeof data === "string" ? data : Buffer.from(data as Uint8Array));
    const bytes = given.subarray(offset, length === undefined ? undefined : offset + length);
    const count = Math.min(this.room, bytes.length);
    this.room -= count;
    this.written += bytes.toString("latin1", 0, count);
    return count;
  }

  pause = () => this.#note("pause");
  resume = () => this.#note("resume");
  shutdown = () => this.#note("shutdown");
  end = () => this.#note("end");
  terminate = () => {
    const noted = this.#note("terminate");
    this.onTerminate();
    return noted;
  };

  #note(call: string): number {
    this.calls.push(call);
    return 0;
  }
}

interface Served {
  readonly socket: FakeSocket;
  readonly connection: ClientConnection;
  readonly requests: readonly IncomingRequest[];
  readonly bugs: readonly unknown[];
  /** What was written goes to the socket. */
  endTurn(): void;
  /** What it does with so much time gone by since now. */
  after(ms: number): string | undefined;
}

function open(answer: (request: IncomingRequest) => OutgoingReply | Promise<OutgoingReply>): Served {
  const socket = new FakeSocket();
  const requests: IncomingRequest[] = [];
  const bugs: unknown[] = [];
  let turnEnds: (() => void)[] = [];
  const connection = new ClientConnection(
    {
      heads: new ReplyHeadWriter(() => 0),
      turn: new Turn({ atEnd: (work) => void turnEnds.push(work) }),
      isDraining: false,
      answer(request) {
        requests.push(request);
        return answer(request);
      },
      onBug(error) {
        bugs.push(error);
        return jsonReply(500, "bug");
      },
      onClosed: () => undefined,
    },
    socket,
  );
  return {
    socket,
    connection,
    requests,
    bugs,
    endTurn() {
      const ends = turnEnds;
      turnEnds = [];
      for (const end of ends) end();
    },
    after(ms) {
      socket.calls.length = 0;
      connection.sweep(performance.now() + ms);
      return socket.calls[0];
    },
  };
}

const ok = (): OutgoingReply => ({ status: 200, headers: {}, body: "ok" });
const never = () => new Promise<OutgoingReply>(() => undefined);
/** In a turn of its own. */
function receive(served: Served, text: string): void {
  served.connection.receive(Buffer.from(text));
  served.endTurn();
}

/** In the middle of an answer that is poured by nobody but the test. */
function openStream(): { readonly served: Served; readonly sink: BodySink } {
  const sinks: BodySink[] = [];
  const body = { begin: (sink: BodySink) => void sinks.push(sink), onRoom: () => undefined };
  const served = open(() => ({ status: 200, headers: {}, body }));
  receive(served, GET);
  const [sink] = sinks;
  if (!sink) throw new Error("the answer has not begun");
  return { served, sink };
}

describe("is closed", () => {
  test("without a request after ten minutes, also where it had some", () => {
    const served = open(ok);
    expect(served.after(10 * MINUTE_MS)).toBeUndefined();
    expect(served.after(11 * MINUTE_MS)).toBe("end");
    receive(served, GET);
    expect(served.after(10 * MINUTE_MS)).toBeUndefined();
    expect(served.after(11 * MINUTE_MS)).toBe("end");
  });

  test("with half a head after a minute", () => {
    const served = open(ok);
    receive(served, GET.slice(0, 10));
    expect(served.after(MINUTE_MS - 1_000)).toBeUndefined();
    expect(served.after(MINUTE_MS + 1_000)).toBe("end");
  });

  test("never while an answer is awaited: its deadlines are the gateway's", () => {
    const served = open(never);
    receive(served, GET);
    expect(served.after(1_000 * MINUTE_MS)).toBeUndefined();
  });

  test("never while a body is awaited", () => {
    const served = open((request) => Promise.resolve(request.body(10)).then(ok));
    receive(served, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf");
    expect(served.after(1_000 * MINUTE_MS)).toBeUndefined();
  });

  test("half a minute after its last answer, with what the kernel has of it", () => {
    const served = open(ok);
    receive(served, GET.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"));
    expect(served.socket.calls).toEqual(["shutdown"]);
    expect(served.after(29_000)).toBeUndefined();
    expect(served.after(31_000)).toBe("end");
  });

  test("where the client reads nothing of an answer for ten minutes, and cut", () => {
    const served = open(ok);
    served.socket.room = 20;
    receive(served, GET);
    expect(served.after(10 * MINUTE_MS)).toBeUndefined();
    expect(served.after(11 * MINUTE_MS)).toBe("terminate");
  });

  test("where it reads nothing of a stream that nobody ends", () => {
    const { served, sink } = openStream();
    expect(served.after(1_000 * MINUTE_MS)).toBeUndefined();
    served.socket.room = 5;
    expect(sink.write("more than five")).toBe(false);
    expect(served.after(11 * MINUTE_MS)).toBe("terminate");
    served.socket.room = 1_000;
    served.connection.onDrain();
    expect(served.after(1_000 * MINUTE_MS)).toBeUndefined();
  });

  test("not sooner where the stream has gone on for long", () => {
    const { served, sink } = openStream();
    using now = spyOn(performance, "now");
    now.mockReturnValue(performance.now() + 60 * MINUTE_MS);
    served.socket.room = 5;
    expect(sink.write("more than five")).toBe(false);
    expect(served.after(10 * MINUTE_MS)).toBeUndefined();
    expect(served.after(11 * MINUTE_MS)).toBe("terminate");
  });
});

test("a client that leaves in the turn of its request is answered for all the same, as one that has left", () => {
  const served = open(never);
  served.connection.receive(Buffer.from(GET));
  expect(served.requests).toHaveLength(0);
  served.connection.onClosed();
  served.endTurn();
  expect(served.requests.map(({ gone }) => gone.isCancelled)).toEqual([true]);
});

describe("a socket that takes", () => {
  test.each([0, 1, 2, 7, 100])("%d bytes at a time gets all of them in order", (room) => {
    const texts = ["d\u00e9j\u00e0 ", "vu ", "\u{1f44b}"];
    let sink: BodySink | undefined;
    const pour = (): void => {
      for (let text = texts.shift(); text !== undefined; text = texts.shift())
        if (sink?.write(text) === false) return;
      sink?.end("end");
    };
    const served = open(() => ({
      status: 200,
      headers: {},
      body: {
        begin(given) {
          sink = given;
          pour();
        },
        onRoom: pour,
      },
    }));
    served.socket.room = room;
    receive(served, GET);
    for (let round = 0; round < 1_000 && !served.socket.written.endsWith("0\r\n\r\n"); round += 1) {
      served.socket.room = Math.max(1, room);
      served.connection.onDrain();
    }
    const body = served.socket.written.slice(served.socket.written.indexOf("\r\n\r\n") + 4);
    expect(Buffer.from(body, "latin1").toString()).toBe(
      "7\r\nd\u00e9j\u00e0 \r\n3\r\nvu \r\n4\r\n\u{1f44b}\r\n3\r\nend\r\n0\r\n\r\n",
    );
    expect(served.connection.isBusy).toBe(false);
    receive(served, GET);
    expect(served.requests).toHaveLength(2);
  });

  test("nothing any more, because it is closed, is no place to write", () => {
    const { served, sink } = openStream();
    served.socket.isOpen = false;
    expect(sink.write("text")).toBe(false);
    // Or nobody would be told: the socket may be paused.
    expect(served.socket.calls).toEqual(["terminate"]);
    served.connection.onClosed();
    expect(served.requests[0]?.gone.isCancelled).toBe(true);
    expect(sink.write("text")).toBe(false);
    sink.end("text");
    served.connection.onDrain();
    expect(served.bugs).toEqual([]);
  });
});

test("calls for more where that was asked for, not whenever the socket says it has room", () => {
  let rooms = 0;
  let sink: BodySink | undefined;
  const served = open(() => ({
    status: 200,
    headers: {},
    body: { begin: (given) => (sink = given), onRoom: () => (rooms += 1) },
  }));
  served.socket.room = 10;
  receive(served, GET);
  served.socket.room = 1_000;
  // The head was all that waited.
  served.connection.onDrain();
  served.connection.onDrain();
  expect(rooms).toBe(0);
  served.socket.room = 2;
  expect(sink?.write("text")).toBe(false);
  served.socket.room = 1_000;
  served.connection.onDrain();
  served.connection.onDrain();
  expect(rooms).toBe(1);
});

describe("within a turn", () => {
  /** Its answers come when the test says so, and no turn ends before that is said. */
  function openWaiting(body: string): { readonly served: Served; readonly answer: () => Promise<void> } {
    const { promise, resolve } = Promise.withResolvers<OutgoingReply>();
    const served = open(() => promise);
    receive(served, GET);
    const answer = async () => {
      resolve({ status: 200, headers: {}, body });
      await promise;
    };
    return { served, answer };
  }

  test("a whole answer waits for its end, and the connection with it", async () => {
    const { served, answer } = openWaiting("text");
    await answer();
    expect(served.socket.written).toBe("");
    expect(served.connection.isBusy).toBe(true);
    served.endTurn();
    expect(served.socket.written).toEndWith("\r\n\r\ntext");
    expect(served.connection.isBusy).toBe(false);
  });

  test("a whole answer is not taken for one that its client does not read", async () => {
    const { served, answer } = openWaiting("text");
    await answer();
    expect(served.after(1_000 * MINUTE_MS)).toBeUndefined();
    served.endTurn();
    expect(served.socket.written).toEndWith("text");
  });

  test("a whole answer still leaves where the connection is closed", async () => {
    const { served, answer } = openWaiting("text");
    await answer();
    served.connection.close();
    expect(served.socket.written).toEndWith("text");
    expect(served.socket.calls).toEqual(["end"]);
  });

  test("so does the refusal of what is no request", () => {
    const served = open(ok);
    served.connection.receive(Buffer.from("GARBAGE\r\n\r\n"));
    expect(served.connection.isBusy).toBe(true);
    served.connection.close();
    expect(served.socket.written).toStartWith("HTTP/1.1 400");
    expect(served.socket.calls).toEqual(["end"]);
  });

  test("a loss that is told within the write is no bug", async () => {
    const { served, answer } = openWaiting("x".repeat(300_000));
    served.socket.isOpen = false;
    served.socket.onTerminate = () => served.connection.onClosed();
    await answer();
    served.endTurn();
    expect(served.bugs).toEqual([]);
  });

  test("a large one does not", async () => {
    const { served, answer } = openWaiting("x".repeat(70_000));
    await answer();
    expect(served.socket.written.length).toBeGreaterThan(70_000);
  });

  test("an answer to a client that leaves goes nowhere", async () => {
    const { served, answer } = openWaiting("text");
    await answer();
    served.connection.onClosed();
    served.endTurn();
    expect(served.socket.written).toBe("");
    expect(served.bugs).toEqual([]);
  });

  test("a stream's text waits for nothing", () => {
    const { served, sink } = openStream();
    const before = served.socket.written.length;
    sink.write("a");
    expect(served.socket.written.slice(before)).toBe("1\r\na\r\n");
    sink.end("b");
    expect(served.socket.written.slice(before)).toBe("1\r\na\r\n1\r\nb\r\n0\r\n\r\n");
    expect(served.connection.isBusy).toBe(false);
  });
});

test("a bug in reading closes it and is told", () => {
  const served = open(ok);
  served.connection.fail(new Error("bug"));
  expect(served.socket.calls).toEqual(["terminate"]);
  expect(served.bugs).toHaveLength(1);
});
