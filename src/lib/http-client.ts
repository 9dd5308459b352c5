/**
 * What the gateway needs of an HTTP client, whoever provides it: one request, its answer read piece by piece or whole.
 * Two do: `connection-pool.ts`, our own over sockets, and `fetch-client.ts`, where requests have to pass a proxy.
 */
import type { Cancellation } from "./cancellation.ts";
import type { HeaderReader } from "./http-headers.ts";

export interface HttpRequest {
  readonly url: string;
  readonly method: "GET" | "POST" | "DELETE";
  /** Not those of the connection or of the body's length. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** How long a new connection may take, its name's resolution and its certificate's check included. */
  readonly connectMs: number;
  /** Closes the connection at once, whatever has come of the answer. */
  readonly cancellation: Cancellation;
}

export interface HttpClient {
  /**
   * Resolves when the answer's head is there. Rejects with HttpError. A connection that was kept open and turns out to
   * be closed is replaced by a new one, once: what was sent on it reached nobody.
   */
  request(request: HttpRequest): Promise<HttpReply>;
  /** Closes connections that nobody uses. */
  close(): void;
}

export interface HttpReply {
  readonly status: number;
  readonly headers: HeaderReader;
  /**
   * The next piece of the body, decompressed; undefined at its end. One read at a time; who does not read slows the
   * sender. Rejects with HttpError where the body broke off.
   */
  read(): Promise<Uint8Array | undefined>;
  /** What is left of the body, UTF-8; at once where it is there. `too_large` beyond the bound. */
  text(bytesMax: number): string | Promise<string>;
  /** Gives up the answer and closes its connection; a read under way rejects. After the end it does nothing. */
  close(): void;
}
