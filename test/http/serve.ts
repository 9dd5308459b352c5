/** The data port with a small handler, and what the tests of it answer and ask. */
import type { BodySink, IncomingRequest, OutgoingReply, PouredBody } from "#lib/http-server.ts";
import { listen, type Listener, type ListenOptions } from "#server/listen.ts";
import { RawClient } from "./raw-client.ts";

export const BODY_MAX = 1_000_000;

export interface Server extends AsyncDisposable {
  readonly listener: Listener;
  readonly bugs: readonly unknown[];
  connect(): Promise<RawClient>;
}

export function serve(answer: ListenOptions["answer"], options: Partial<ListenOptions> = {}): Server {
  const bugs: unknown[] = [];
  const listener = listen({
    host: "127.0.0.1",
    port: 0,
    drainMs: 0,
    answer,
    onDrainOver: () => undefined,
    onBug: (error) => bugs.push(error),
    ...options,
  });
  return {
    listener,
    bugs,
    connect: () => RawClient.connect(listener.url),
    [Symbol.asyncDispose]: () => listener.close(),
  };
}

export function text(body: string, headers: Readonly<Record<string, string>> = {}): OutgoingReply {
  return { status: 200, headers, body };
}

export const echo = async (request: IncomingRequest): Promise<OutgoingReply> =>
  text(Buffer.from(await request.body(BODY_MAX)).toString("latin1"));
export const target = (request: IncomingRequest): OutgoingReply => text(request.target);

export function get(path: string, ...headers: readonly string[]): string {
  return `${[`GET ${path} HTTP/1.1`, "Host: a", ...headers].join("\r\n")}\r\n\r\n`;
}

export function post(body: string, ...headers: readonly string[]): string {
  const lines = ["POST / HTTP/1.1", "Host: a", `Content-Length: ${body.length}`, ...headers];
  return `${lines.join("\r\n")}\r\n\r\n${body}`;
}

/** A body a test pours by hand. */
export class Pour implements PouredBody {
  readonly #begun = Promise.withResolvers<BodySink>();
  sink: BodySink | undefined;
  rooms = 0;

  begin(sink: BodySink): void {
    this.sink = sink;
    this.#begun.resolve(sink);
  }

  onRoom(): void {
    this.rooms += 1;
  }

  get begun(): Promise<BodySink> {
    return this.#begun.promise;
  }
}

export const poured = (body: PouredBody): OutgoingReply => ({ status: 200, headers: {}, body });

/** Pours numbered lines as fast as it may. */
export class Flood implements PouredBody {
  readonly #lines: number;
  #sink: BodySink | undefined;
  poured = 0;
  isFull = false;
  isOver = false;

  constructor(lines: number) {
    this.#lines = lines;
  }

  static line(index: number): string {
    return `${String(index).padStart(7, "0")}${"\u00e9".repeat(2_000)}\n`;
  }

  begin(sink: BodySink): void {
    this.#sink = sink;
    this.#pour(sink);
  }

  onRoom(): void {
    if (!this.isFull || this.isOver || !this.#sink) throw new Error("called without need");
    this.isFull = false;
    this.#pour(this.#sink);
  }

  #pour(sink: BodySink): void {
    while (this.poured < this.#lines) {
      this.poured += 1;
      if (!sink.write(Flood.line(this.poured - 1))) {
        this.isFull = true;
        return;
      }
    }
    this.isOver = true;
    sink.end("the end");
  }
}
