/**
 * What the gateway needs of an HTTP server: a request that may still be coming, and an answer that is written at once
 * or poured out over time. `server/client-connection.ts` brings the one and takes the other.
 */
import type { Cancellation } from "./cancellation.ts";
import type { HeaderReader } from "./http-headers.ts";

export interface IncomingRequest {
  readonly method: string;
  /** Path and query as they were sent: `/v1/models?limit=2`. */
  readonly target: string;
  readonly headers: HeaderReader;
  /** Cancelled when the client closes its connection before it has its whole answer. */
  readonly gone: Cancellation;
  /**
   * The whole body, at once where it is there. Asked for once. Rejects with HttpError: `too_large` beyond the bound,
   * `malformed`, `broken` where the client left in the middle.
   */
  body(bytesMax: number): Uint8Array | Promise<Uint8Array>;
}

export interface OutgoingReply {
  readonly status: number;
  /** Not those of the connection or of the body's length, which are the server's. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | PouredBody;
}

/** An answer that is there whole. */
export interface WholeReply extends OutgoingReply {
  readonly body: string;
}

/** A body that comes over time. Who pours it learns from `IncomingRequest.gone` that nobody reads any more. */
export interface PouredBody {
  /** Called once, when the head goes out: with the first text, where that is written at once. */
  begin(sink: BodySink): void;
  /** Called after a `write` that gave false, once there is room again. */
  onRoom(): void;
}

export interface BodySink {
  /** One chunk. False: the client reads too slowly, and the next one should wait for `onRoom`. */
  write(text: string): boolean;
  /** The last chunk, which may be empty, and the body's end. */
  end(text: string): void;
}

export function jsonReply(
  status: number,
  value: unknown,
  headers: Readonly<Record<string, string>> = {},
): WholeReply {
  return { status, headers: { ...headers, "content-type": "application/json" }, body: JSON.stringify(value) };
}

/** What the target says behind its question mark. */
export function queryOf({ target }: Pick<IncomingRequest, "target">): URLSearchParams {
  const start = target.indexOf("?");
  return new URLSearchParams(start < 0 ? "" : target.slice(start));
}
