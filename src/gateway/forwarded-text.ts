/**
 * What the native lane has sent to the client, as far as the stream's error needs it: an API that numbers its events
 * and names its answer has to go on from there. Two references, whatever the length of the stream.
 */
import type { Forwarded } from "#protocols/protocol.ts";

export class ForwardedText {
  #first: string | undefined;
  #last = "";

  /** Whole events, as they go out; comments alone are none. */
  note(text: string): void {
    this.#first ??= text;
    this.#last = text;
  }

  /** `last`: what goes out together with the error. */
  endingWith(last: string): Forwarded | undefined {
    const first = this.#first ?? last;
    return first === "" ? undefined : { first, last: this.#last + last };
  }
}
