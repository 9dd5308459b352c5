/**
 * What the native lane has sent to the client, as far as the stream's error needs it: an API that numbers its events
 * and names its answer has to go on from there. Two references, whatever the length of the stream.
 */
import type { Forwarded } from "#protocols/protocol.ts";

export class ForwardedBytes {
  #first: Uint8Array | undefined;
  #last: Uint8Array | undefined;

  /** Whole events, as they go out; comments alone are none. */
  note(bytes: Uint8Array): void {
    this.#first ??= bytes;
    this.#last = bytes;
  }

  /** `last`: what goes out together with the error. */
  endingWith(last: Uint8Array | undefined): Forwarded | undefined {
    const first = this.#first ?? last;
    if (!first) return undefined;
    return { first, last: Buffer.concat([...(this.#last ? [this.#last] : []), ...(last ? [last] : [])]) };
  }
}
