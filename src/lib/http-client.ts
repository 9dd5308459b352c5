/**
 * What the gateway needs of an HTTP client, whoever provides it: one request, its answer read piece by piece or whole.
 * Two do: `connection-pool.ts`, our own over sockets, and `fetch-client.ts`, where requests have to pass a proxy.
 */
import type { Cancellation } from "./cancellation.ts";
import { HttpError } from "./http-error.ts";
import type { HeaderFields, HeaderReader } from "./http-headers.ts";

export interface HttpRequest {
  readonly url: string;
  readonly method: "GET" | "POST" | "DELETE";
  /**
   * Not those of the connection or of the body's length. Later ones replace earlier ones of the same name. Nobody may
   * change them any more: the same objects with the next request are the same headers.
   */
  readonly headers: readonly HeaderFields[];
  readonly body?: string;
  /** How long a new connection may take, its name's resolution and its certificate's check included. */
  readonly connectMs: number;
  /** Closes the connection at once, whatever has come of the answer. */
  readonly cancellation: Cancellation;
}

export interface HttpClient {
  /**
   * Resolves when the answer's head is there. Rejects with HttpError. A connection that was kept open and turns out to
   * be closed is replaced by a new one, once: what was sent on it reached nobody. One that closes later, while the
   * answer is awaited, is not: a request that was taken may not be made twice.
   */
  request(request: HttpRequest): Promise<HttpReply>;
  /** Closes connections that nobody uses. */
  close(): void;
}

export interface HttpReply {
  readonly status: number;
  readonly headers: HeaderReader;
  /**
   * Asks for the next piece of the body, decompressed: one method of the reader is called, once, at once where there is
   * something to tell. One piece is asked for at a time; who asks for none slows the sender.
   */
  pull(reader: PieceReader): void;
  /** What is left of the body, UTF-8; at once where it is there. `too_large` beyond the bound. */
  text(bytesMax: number): string | Promise<string>;
  /** Gives up the answer and closes its connection; who waits for a piece is told. After the end it does nothing. */
  close(): void;
}

/** Who waits for a piece. Not a promise: for every chunk of a stream it would cost as much as the chunk. Must not throw. */
export interface PieceReader {
  /** The bytes from here to there; they are the reader's to keep. */
  onPiece(bytes: Buffer, from: number, to: number): void;
  onEnd(): void;
  /** The body broke off. Never called within `close`. */
  onBroken(error: HttpError): void;
}

/** The next piece where a promise does not matter; undefined at the end. Rejects where the body broke off. */
export function readPiece(reply: HttpReply): Promise<Buffer | undefined> {
  return new Promise((resolve, reject) => {
    reply.pull({
      onPiece: (bytes, from, to) => resolve(bytes.subarray(from, to)),
      onEnd: () => resolve(undefined),
      onBroken: reject,
    });
  });
}

/** A whole body in UTF-8, read piece by piece. Rejects beyond the bound. */
export async function readText(reply: HttpReply, bytesMax: number): Promise<string> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for (let piece = await readPiece(reply); piece !== undefined; piece = await readPiece(reply)) {
    bytes += piece.length;
    if (bytes > bytesMax) {
      reply.close();
      throw new HttpError("too_large", "The answer is too large to hold.");
    }
    pieces.push(piece);
  }
  return new TextDecoder().decode(Buffer.concat(pieces, bytes));
}
