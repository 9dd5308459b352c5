/**
 * A request on its way in: its head is there, its body comes.
 *
 *   coming ──▶ complete
 *     └──────▶ failed     malformed, too large, or the client is gone
 *
 * Memory is bounded: before somebody asks for the body hardly any is taken from the socket, and never more than was
 * asked for.
 */
import { Cancellation } from "#lib/cancellation.ts";
import { HttpError } from "#lib/http-error.ts";
import type { HeaderReader } from "#lib/http-headers.ts";
import type { RequestHead } from "#lib/http-request-parser.ts";
import type { IncomingRequest } from "#lib/http-server.ts";
import { JoinedBytes } from "#lib/joined-bytes.ts";

/** What brings the body. */
export interface BodySource {
  pause(): void;
  resume(): void;
  /** Tells a client that waits for it to send its body. */
  sayContinue(): void;
}

interface BodyReader {
  readonly bytesMax: number;
  readonly resolve: (bytes: Uint8Array) => void;
  readonly reject: (error: HttpError) => void;
}

const READ_AHEAD_BYTES = 64 * 1024;
const NOTHING = new Uint8Array();

export class ServedRequest implements IncomingRequest {
  readonly head: RequestHead;
  readonly gone = new Cancellation();
  readonly #source: BodySource;
  readonly #bytes = new JoinedBytes();
  #isComplete = false;
  #error: HttpError | undefined;
  #reader: BodyReader | undefined;

  constructor(head: RequestHead, source: BodySource) {
    this.head = head;
    this.#source = source;
  }

  get method(): string {
    return this.head.method;
  }

  get target(): string {
    return this.head.target;
  }

  get headers(): HeaderReader {
    return this.head.headers;
  }

  /** All of the body has come. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  push(bytes: Buffer, from: number, to: number): void {
    if (this.#error) return;
    const length = this.#bytes.length + to - from;
    if (this.#reader && length > this.#reader.bytesMax) return this.fail(tooLarge());
    this.#bytes.push(bytes, from, to, this.head.length);
    if (!this.#reader && length > READ_AHEAD_BYTES) this.#source.pause();
  }

  end(): void {
    this.#isComplete = true;
    if (!this.#error) this.#reader?.resolve(this.#take());
  }

  /** Nothing more of the body is wanted, or none will come. */
  fail(error: HttpError): void {
    if (this.#isComplete || this.#error) return;
    this.#error = error;
    this.#bytes.clear();
    this.#source.pause();
    this.#reader?.reject(error);
  }

  body(bytesMax: number): Uint8Array | Promise<Uint8Array> {
    if ((this.head.length ?? this.#bytes.length) > bytesMax) this.fail(tooLarge());
    if (this.#isComplete && this.#bytes.length <= bytesMax) return this.#take();
    return new Promise((resolve, reject) => {
      if (this.#error ?? this.#isComplete) return reject(this.#error ?? tooLarge());
      this.#reader = { bytesMax, resolve, reject };
      if (this.head.expectsContinue && this.#bytes.length === 0) this.#source.sayContinue();
      this.#source.resume();
    });
  }

  #take(): Uint8Array {
    const { bytes, from, to } = this.#bytes;
    this.#bytes.clear();
    return bytes?.subarray(from, to) ?? NOTHING;
  }
}

function tooLarge(): HttpError {
  return new HttpError("too_large", "The body is too large to hold.");
}
