/**
 * A compressed answer, read as if it were not. We ask for none (`accept-encoding: identity`), because a compressed
 * stream arrives in blocks; some servers compress all the same.
 */
import { Readable, pipeline, type Transform } from "node:stream";
import { createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from "node:zlib";
import { readPiece, readText, type HttpReply } from "./http-client.ts";
import { HttpError } from "./http-error.ts";
import { pullFrom } from "./pull-from.ts";

/** The reply itself where it is not compressed. An encoding we do not know is told at the first read. */
export function decompress(reply: HttpReply, encoding: string): HttpReply {
  if (encoding === "" || encoding.toLowerCase() === "identity") return reply;
  const plain = inflate(reply, encoding.toLowerCase());
  const inflated: HttpReply = {
    status: reply.status,
    headers: reply.headers,
    pull: pullFrom(() => plain.next().then(({ value }) => value)),
    text: (bytesMax) => readText(inflated, bytesMax),
    close: () => reply.close(),
  };
  return inflated;
}

async function* inflate(reply: HttpReply, encoding: string): AsyncGenerator<Uint8Array, undefined> {
  const first = await readPiece(reply);
  // Refusals without a body may name an encoding all the same, and nothing at all is no valid archive.
  if (first === undefined) return undefined;
  const stream = createDecompressor(encoding);
  if (!stream) {
    reply.close();
    throw new HttpError("malformed", "The answer is compressed in a way we do not know.");
  }
  // Either end's failure surfaces in the loop below.
  pipeline(Readable.from(piecesOf(first, reply)), stream, () => undefined);
  try {
    for await (const piece of stream) if (piece instanceof Uint8Array) yield piece;
  } catch (error) {
    reply.close();
    if (error instanceof HttpError) throw error;
    throw new HttpError("malformed", "The answer's compression is damaged.", { cause: error });
  }
  return undefined;
}

function createDecompressor(encoding: string): Transform | undefined {
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

async function* piecesOf(first: Buffer, reply: HttpReply): AsyncGenerator<Buffer> {
  for (let piece: Buffer | undefined = first; piece; piece = await readPiece(reply)) yield piece;
}
