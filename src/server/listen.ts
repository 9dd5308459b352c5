/**
 * The data port: opens it, hands its requests to the gateway, and closes it so that no answer is cut that could have
 * ended.
 *
 *   listening --SIGTERM--> draining (readyz 503, no new connections) --last answer or drainMs--> closed
 */
import type { Socket } from "bun";
import { jsonReply, type IncomingRequest, type OutgoingReply } from "#lib/http-server.ts";
import { Turn } from "#lib/turn.ts";
import { toFailure } from "#model/failure.ts";
import { ClientConnection, type ConnectionOwner } from "./client-connection.ts";
import { toListenFailure } from "./listen-failure.ts";
import { ReplyHeadWriter } from "./reply-head.ts";

export interface ListenOptions {
  readonly host: string;
  readonly port: number;
  /** How long open answers may go on after `close` is called. */
  readonly drainMs: number;
  /** Shared with whoever else works in the same turns; its own where absent. */
  readonly turn?: Turn;
  readonly answer: (request: IncomingRequest) => OutgoingReply | Promise<OutgoingReply>;
  /** Answers are still open at the end of the drain: they should say so to their clients. */
  readonly onDrainOver: () => void;
  /** What no handler caught: a bug, to be logged. */
  readonly onBug: (error: unknown) => void;
}

export interface Listener {
  readonly url: string;
  readonly port: number;
  readonly isDraining: boolean;
  close(): Promise<void>;
}

const PLACE_NAMES = {
  portNames: "`--port`, `PORT` or `server.port`",
  hostNames: "`--host`, `HOST` or `server.host`",
} as const;
const DRAIN_POLL_MS = 20;
/** For the last error events to leave before connections are cut: at least this long, for what is in a socket's buffer. */
const LAST_WORDS_MS = 100;
/** And at most this long, for a loaded machine; a client that does not read is not waited for beyond it. */
const LAST_WORDS_MS_MAX = 1_000;
const SWEEP_MS = 5_000;

export function listen(options: ListenOptions): Listener {
  return new PortListener(options);
}

class PortListener implements Listener, ConnectionOwner {
  readonly heads = new ReplyHeadWriter(() => Date.now());
  readonly turn: Turn;
  readonly url: string;
  readonly port: number;
  readonly answer: ListenOptions["answer"];
  readonly #options: ListenOptions;
  readonly #socket: { stop(): void };
  readonly #connections = new Set<ClientConnection>();
  readonly #sweeping: ReturnType<typeof setInterval>;
  #closing: Promise<void> | undefined;

  constructor(options: ListenOptions) {
    this.#options = options;
    this.answer = options.answer;
    this.turn = options.turn ?? new Turn();
    const socket = this.#open();
    this.#socket = socket;
    this.port = socket.port;
    this.url = `http://${printableHost(options.host)}:${socket.port}`;
    this.#sweeping = setInterval(() => this.#sweep(), SWEEP_MS);
    this.#sweeping.unref();
  }

  get isDraining(): boolean {
    return this.#closing !== undefined;
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#drain());
  }

  onBug(error: unknown): OutgoingReply {
    this.#options.onBug(error);
    const { status, message } = toFailure(error);
    return jsonReply(status, { error: { message, type: "server_error" } });
  }

  onClosed(connection: ClientConnection): void {
    this.#connections.delete(connection);
  }

  #open() {
    const { host, port } = this.#options;
    try {
      return Bun.listen<ClientConnection>({
        hostname: host,
        port,
        socket: {
          open: (socket) => this.#onOpen(socket),
          data: (socket, bytes) => socket.data.receive(bytes),
          drain: (socket) => socket.data.onDrain(),
          // A client that closes its half has left, as with other servers: who waits for an answer keeps it open.
          end: (socket) => void socket.end(),
          close: (socket) => socket.data.onClosed(),
          // Thrown by one of these; it leaves the socket open.
          error: (socket, error) => socket.data.fail(error),
        },
      });
    } catch (cause) {
      throw toListenFailure(cause, { host, port, ...PLACE_NAMES });
    }
  }

  #onOpen(socket: Socket<ClientConnection>): void {
    const connection = new ClientConnection(this, socket);
    socket.data = connection;
    this.#connections.add(connection);
  }

  async #drain(): Promise<void> {
    this.#socket.stop();
    await this.#untilAnswered(this.#options.drainMs);
    if (this.#isBusy()) {
      // A bug in one answer's last words must not keep the process from its orderly end.
      try {
        this.#options.onDrainOver();
      } catch (error) {
        this.#options.onBug(error);
      }
      await Bun.sleep(LAST_WORDS_MS);
      await this.#untilAnswered(LAST_WORDS_MS_MAX - LAST_WORDS_MS);
    }
    clearInterval(this.#sweeping);
    for (const connection of this.#connections) connection.close();
    // A request that came in this very turn is asked for at its end, and booked before anybody closes the books.
    await this.turn.ended();
  }

  #isBusy(): boolean {
    return this.#connections.values().some(({ isBusy }) => isBusy);
  }

  #sweep(): void {
    const nowMs = performance.now();
    for (const connection of this.#connections) connection.sweep(nowMs);
  }

  async #untilAnswered(limitMs: number): Promise<void> {
    const deadlineMs = performance.now() + limitMs;
    while (this.#isBusy() && performance.now() < deadlineMs) await Bun.sleep(DRAIN_POLL_MS);
  }
}

/** An address people can paste: the wildcard is reachable as localhost. */
function printableHost(host: string): string {
  if (host === "0.0.0.0" || host === "::") return "127.0.0.1";
  return host.includes(":") ? `[${host}]` : host;
}
