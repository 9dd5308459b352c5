/** A source that gives promises of its pieces, as one that is pulled. */
import type { PieceReader } from "./http-client.ts";
import { HttpError } from "./http-error.ts";

/** `next`: undefined at the end. */
export function pullFrom(next: () => Promise<Uint8Array | undefined>): (reader: PieceReader) => void {
  return (reader) => {
    next().then(
      (piece) => {
        if (piece === undefined) return reader.onEnd();
        const bytes = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
        return reader.onPiece(bytes, 0, bytes.length);
      },
      (cause: unknown) =>
        reader.onBroken(
          cause instanceof HttpError ? cause : new HttpError("broken", "The connection broke.", { cause }),
        ),
    );
  };
}
