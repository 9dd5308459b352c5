/**
 * Our own HTTP/1.1 client: `fetch` without what a gateway would pay for it (docs/decisions/0017-own-http-client.md).
 * Connections are kept open after an answer and used again, the last one first, so that what a burst left over grows
 * old and is closed.
 */
import type { Clock, Timer } from "./clock.ts";
import type { HttpClient, HttpReply, HttpRequest } from "./http-client.ts";
import { HttpConnection, type ConnectionEvents, type Origin } from "./http-connection.ts";
import { HttpError } from "./http-error.ts";
import { HttpExchange, type OutgoingRequest } from "./http-exchange.ts";
import { writeHeaders, type HeaderFields } from "./http-headers.ts";
import { Turn } from "./turn.ts";

interface Address {
  readonly origin: Origin;
  /** As the `host` header has it. */
  readonly host: string;
  /** Path and query. */
  readonly path: string;
  /** What requests to it begin with, as they were written last. */
  readonly heads: Head[];
}

/** What a request begins with, up to its length, and what that was written from. */
interface Head {
  readonly method: string;
  readonly headers: readonly HeaderFields[];
  readonly text: string;
}

/** Servers close idle connections after a minute or more; those that do sooner cost a new connection, no request. */
const IDLE_SWEEPS = 12;
const IDLE_PER_ORIGIN_MAX = 512;
const SWEEP_MS = 5_000;
/** A close that crossed the request on its way comes within this time; a later one is of a server that had it. */
const STALE_MS = 1_000;
/** Addresses kept parsed. Models in paths make many of them, and clients may choose models. */
const ADDRESSES_MAX = 4_096;
/** Heads kept of one address. A target's differ by how the answer is to come and by little else. */
const HEADS_MAX = 8;

export class ConnectionPool implements HttpClient, ConnectionEvents {
  readonly #clock: Clock;
  readonly #turn: Turn;
  /** By origin; the longest idle first. */
  readonly #idle = new Map<string, HttpConnection[]>();
  readonly #addresses = new Map<string, Address>();
  #sweep: Timer | undefined;
  /** So many there were. An age counted in sweeps costs no look at the clock. */
  #sweeps = 0;
  #isClosed = false;

  /** `turn`: shared with whoever else works in the same turns. */
  constructor(clock: Clock, turn = new Turn()) {
    this.#clock = clock;
    this.#turn = turn;
  }

  request(request: HttpRequest): Promise<HttpReply> {
    const address = this.#addresses.get(request.url) ?? this.#parse(request.url);
    const exchange = new HttpExchange(toOutgoing(request, address), request.cancellation, this.#turn);
    const idle = exchange.isOver ? undefined : this.#idle.get(address.origin.key)?.pop();
    if (idle) this.#reuse(idle, exchange);
    else this.#connect(address.origin, exchange);
    return exchange.answered;
  }

  close(): void {
    this.#isClosed = true;
    this.#sweep?.cancel();
    this.#sweep = undefined;
    for (const connections of this.#idle.values())
      for (const connection of connections.toReversed()) connection.close();
  }

  onIdle(connection: HttpConnection): void {
    const { key } = connection.origin;
    const idle = this.#idle.get(key);
    if (this.#isClosed || (idle && idle.length >= IDLE_PER_ORIGIN_MAX)) return connection.close();
    connection.idleSince = this.#sweeps;
    if (idle) idle.push(connection);
    else this.#idle.set(key, [connection]);
    this.#sweep ??= this.#clock.schedule(SWEEP_MS, this.#onSweep);
  }

  onClosed(connection: HttpConnection): void {
    const idle = this.#idle.get(connection.origin.key);
    const index = idle?.indexOf(connection) ?? -1;
    if (index >= 0) idle?.splice(index, 1);
  }

  /** Not another that was kept: after a silence they are all closed. */
  onStale(connection: HttpConnection, exchange: HttpExchange): void {
    if (this.#clock.monotonicMs() - connection.sentAtMs > STALE_MS) {
      exchange.fail(new HttpError("broken", "The connection was closed before an answer came."));
    } else this.#connect(connection.origin, exchange);
  }

  #reuse(connection: HttpConnection, exchange: HttpExchange): void {
    connection.sentAtMs = this.#clock.monotonicMs();
    connection.send(exchange);
  }

  #connect(origin: Origin, exchange: HttpExchange): void {
    if (exchange.isOver) return;
    const { connection, opened } = HttpConnection.open(origin, this, this.#turn);
    exchange.carrier = connection;
    const { connectMs } = exchange.request;
    const timer = this.#clock.schedule(connectMs, () => {
      connection.close();
      exchange.fail(new HttpError("connect_timeout", `No connection stood within ${connectMs} ms.`));
    });
    opened.then(
      () => {
        timer.cancel();
        if (!exchange.isOver) connection.send(exchange);
      },
      (error: HttpError) => {
        timer.cancel();
        exchange.fail(error);
      },
    );
  }

  /** Throws `malformed`. */
  #parse(url: string): Address {
    const { protocol, hostname, port, host, pathname, search, origin } = new URL(url);
    const isSecure = protocol === "https:";
    const address: Address = {
      origin: {
        key: origin,
        hostname: hostname.replace(/^\[|\]$/g, ""),
        port: port === "" ? (isSecure ? 443 : 80) : Number(port),
        isSecure,
      },
      host,
      path: pathname + search,
      heads: [],
    };
    if (this.#addresses.size >= ADDRESSES_MAX) this.#addresses.clear();
    this.#addresses.set(url, address);
    return address;
  }

  readonly #onSweep = (): void => {
    this.#sweep = undefined;
    this.#sweeps += 1;
    const before = this.#sweeps - IDLE_SWEEPS;
    let hasIdle = false;
    for (const connections of this.#idle.values()) {
      const old = connections.filter(({ idleSince }) => idleSince <= before);
      for (const connection of old) connection.close();
      hasIdle ||= connections.length > 0;
    }
    if (hasIdle) this.#sweep = this.#clock.schedule(SWEEP_MS, this.#onSweep);
  };
}

function toOutgoing(request: HttpRequest, address: Address): OutgoingRequest {
  const { body, connectMs } = request;
  // All ASCII: `writeHeaders` sees to it, and a parsed URL is.
  const head = headOf(request, address);
  if (body === undefined) return { head: `${head}\r\n`, body: "", bodyBytes: 0, connectMs };
  const bodyBytes = Buffer.byteLength(body);
  return { head: `${head}content-length: ${bodyBytes}\r\n\r\n`, body, bodyBytes, connectMs };
}

/** To check and join headers costs more than all else a request needs here, and a target's are the same every time. */
function headOf({ method, headers }: HttpRequest, { host, path, heads }: Address): string {
  for (const head of heads) if (head.method === method && isSame(head.headers, headers)) return head.text;
  const fields = writeHeaders(Object.assign({}, ...headers));
  const text = `${method} ${path} HTTP/1.1\r\nhost: ${host}\r\n${fields}`;
  if (heads.length >= HEADS_MAX) heads.shift();
  heads.push({ method, headers, text });
  return text;
}

function isSame(known: readonly HeaderFields[], headers: readonly HeaderFields[]): boolean {
  if (known.length !== headers.length) return false;
  for (let index = 0; index < known.length; index++) if (known[index] !== headers[index]) return false;
  return true;
}
