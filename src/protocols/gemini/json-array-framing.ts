/**
 * `streamGenerateContent` without `alt=sse` answers one JSON array, sent in pieces. This turns this API's stream text
 * (from the encoder, a failure, or an upstream's own frames) into that array, so that there is one encoder.
 *
 * `push` takes the data of whole events; keep-alives become white space, which JSON allows between elements.
 */
import type { SseFrame } from "#lib/sse.ts";

export class JsonArrayFraming {
  #isStarted = false;

  push(frame: SseFrame): string {
    if (frame.data === "") return "\n";
    const before = this.#isStarted ? ",\r\n" : "[";
    this.#isStarted = true;
    return before + frame.data;
  }

  /** Closes the array. After a failure it is closed too: the error object is its last element, as Google sends it. */
  end(): string {
    return this.#isStarted ? "]" : "[]";
  }
}
