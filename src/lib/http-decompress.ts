/**
 * A compressed answer, read as if it were not. We ask for none (`accept-encoding: identity`), because a compressed
 * stream arrives in blocks; some servers compress all the same.
 */
import { Readable, pipeline } from "node:stream";
import { createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from "node:zlib";
import { HttpError } from "./http-error.ts";
import type { HttpReply } from "./http-client.ts";

/** The reply itself where it is not compressed. An encoding we do not know is told at the first read. */
export function decompress(reply: HttpReply, encoding: string): HttpReply {
  if (encoding === "" || encoding.toLowerCase() === "identity") return reply;
  const plain = inflate(reply, encoding.toLowerCase());
  return {
    status: reply.status,
    headers: reply.headers,
    read: async () => {
      const next = await plain.next();
      return next.done === true ? undefined : next.value;
    },
    async text(bytesMax) {
      const pieces: Uint8Array[] = [];
      let bytes = 0;
      for await (const piece of plain) {
        bytes += piece.length;
        if (bytes > bytesMax) {
          reply.close();
          throw new HttpError("too_large", "The answer is too large to hold.");
        }
        pieces.push(piece);
      }
      return new TextDecoder().decode(Buffer.concat(pieces, bytes));
    },
    close: () => reply.close(),
  };
}

async function* inflate(reply: HttpReply, encoding: string): AsyncGenerator<Uint8Array, undefined> {
  const stream = createDecompressor(encoding);
  if (!stream) {
    reply.close();
    throw new HttpError("malformed", "The answer is compressed in a way we do not know.");
  }
  // Either end's failure surfaces in the loop below.
  pipeline(Readable.from(pieces(reply)), stream, () => undefined);
  try {
    for await (const piece of stream) yield piece as Uint8Array;
  } catch (error) {
    reply.close();
    if (error instanceof HttpError) throw error;
    throw new HttpError("malformed", "The answer's compression is damaged.", { cause: error });
  }
  return undefined;
}

function createDecompressor(encoding: string) {
  switch (encoding) {
    case "gzip":
    case "x-gzip":
      return createGunzip();
    case "deflate":
      return createInflate();
    case "br":
      return createBrotliDecompress();
    case "zstd":
      return createZstdDecompress();
    default:
      return undefined;
  }
}

async function* pieces(reply: HttpReply): AsyncGenerator<Uint8Array> {
  for (let piece = await reply.read(); piece !== undefined; piece = await reply.read()) yield piece;
}
