/**
 * A connection to a server: carries one exchange at a time, and is kept for the next where the answer ended as HTTP
 * wants it. Whatever else happens closes it.
 *
 *   open ──send──▶ busy ──answer complete──▶ idle ──send──▶ busy ...
 *                   │ broken, malformed, given up  │ bytes nobody asked for, closed by the server
 *                   └──────────▶ closed ◀──────────┘
 */
import type { Socket } from "bun";
import { HttpError } from "./http-error.ts";
import type { HttpExchange } from "./http-exchange.ts";
import type { HeaderReader } from "./http-headers.ts";
import { ReplyParser, type ReplyHandler } from "./http-reply-parser.ts";
import { SocketWriter } from "./socket-writer.ts";
import type { Turn } from "./turn.ts";

export interface Origin {
  /** Connections of one origin have it in common. */
  readonly key: string;
  readonly hostname: string;
  readonly port: number;
  readonly isSecure: boolean;
}

/** What its owner is told. */
export interface ConnectionEvents {
  /** An answer is complete, and the next request may be sent. */
  onIdle(connection: HttpConnection): void;
  onClosed(connection: HttpConnection): void;
  /** It had been kept open and was closed before anything of the answer came: the server may never have had the request. */
  onStale(connection: HttpConnection, exchange: HttpExchange): void;
}

/** The answer may have come before the server closed its ear, and is read to its end. */
const NOT_YET = (): void => undefined;

export class HttpConnection implements ReplyHandler {
  readonly origin: Origin;
  readonly #events: ConnectionEvents;
  #socket: Socket | undefined;
  /** Only while it is not open. */
  #giveUp: (() => void) | undefined;
  #exchange: HttpExchange | undefined;
  #parser: ReplyParser | undefined;
  /** Requests may be sent. */
  #isOpen = false;
  #hasReceived = false;
  #hasServed = false;
  #writer: SocketWriter | undefined;
  isClosed = false;
  /** In its owner's count. */
  idleSince = 0;
  /** When a request was sent on it that was not its first, monotonic. */
  sentAtMs = 0;

  private constructor(origin: Origin, events: ConnectionEvents) {
    this.origin = origin;
    this.#events = events;
  }

  /** `opened` rejects with `unreachable`, or `cancelled` after `close`, which gives up before as after. */
  static open(
    origin: Origin,
    events: ConnectionEvents,
    turn: Turn,
  ): { readonly connection: HttpConnection; readonly opened: Promise<void> } {
    const { hostname, port, isSecure } = origin;
    const connection = new HttpConnection(origin, events);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    connection.#giveUp = () => reject(new HttpError("cancelled", "The connection was given up."));
    const fail = (cause: unknown): void => {
      reject(new HttpError("unreachable", "No connection could be made.", { cause }));
      connection.close();
    };
    const stand = (): void => {
      connection.#isOpen = true;
      connection.#giveUp = undefined;
      resolve();
    };
    Bun.connect({
      hostname,
      port,
      ...(isSecure && { tls: { serverName: hostname } }),
      socket: {
        open: (socket) => {
          connection.#socket = socket;
          connection.#writer = new SocketWriter(socket, { turn, onLost: NOT_YET });
          if (connection.isClosed) socket.terminate();
          else if (!isSecure) stand();
        },
        // The certificate's chain and name have been checked by now.
        handshake: (_, isTrusted, refusal) => {
          if (isTrusted) stand();
          else fail(refusal);
        },
        data: (_, bytes) => connection.#receive(bytes),
        drain: () => connection.#writer?.flush(),
        close: (_, error) => {
          if (connection.#isOpen) connection.#end(error);
          else fail(error);
        },
        error: (_, error) => {
          if (connection.#isOpen) connection.#break(error);
          else fail(error);
        },
        connectError: (_, error) => fail(error),
      },
    }).catch(fail);
    return { connection, opened: promise };
  }

  send(exchange: HttpExchange): void {
    const { head, body, bodyBytes } = exchange.request;
    this.#exchange = exchange;
    this.#parser = new ReplyParser(this);
    this.#hasReceived = false;
    exchange.carrier = this;
    this.#writer?.write(head, head.length);
    this.#writer?.write(body, bodyBytes);
  }

  pause(): void {
    this.#socket?.pause();
  }

  resume(): void {
    this.#socket?.resume();
  }

  destroy(): void {
    this.#exchange = undefined;
    this.close();
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.#writer?.discard();
    this.#giveUp?.();
    this.#socket?.terminate();
    this.#events.onClosed(this);
  }

  onHead(status: number, headers: HeaderReader): void {
    this.#exchange?.begin(status, headers);
  }

  onBody(bytes: Buffer, from: number, to: number): void {
    this.#exchange?.push(bytes, from, to);
  }

  onEnd(isReusable: boolean): void {
    const exchange = this.#exchange;
    this.#exchange = undefined;
    this.#parser = undefined;
    this.#hasServed = true;
    exchange?.end();
    // A server that answers before it has read the request may still be about to close.
    if (isReusable && this.#writer?.isEmpty === true && !this.isClosed) this.#events.onIdle(this);
    else this.close();
    exchange?.deliver();
  }

  #receive(bytes: Buffer): void {
    const exchange = this.#exchange;
    // Nobody asked: a server's farewell, or an answer that is longer than it said.
    if (!exchange) return this.close();
    this.#hasReceived = true;
    try {
      this.#parser?.push(bytes);
    } catch (error) {
      return this.#break(error);
    }
    if (!exchange.isOver) exchange.deliver();
  }

  /** The connection is gone. */
  #end(error: unknown): void {
    if (this.isClosed) return;
    const exchange = this.#exchange;
    if (exchange && this.#hasServed && !this.#hasReceived) {
      this.destroy();
      this.#events.onStale(this, exchange);
      return;
    }
    if (error) return this.#break(error);
    try {
      this.#parser?.finish();
    } catch (broken) {
      return this.#break(broken);
    }
    this.close();
  }

  #break(cause: unknown): void {
    const exchange = this.#exchange;
    this.destroy();
    exchange?.fail(
      cause instanceof HttpError ? cause : new HttpError("broken", "The connection broke.", { cause }),
    );
  }
}
