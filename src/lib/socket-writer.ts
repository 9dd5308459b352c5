/**
 * What goes out over a socket, in order: with the turn's end, and kept here for as long as the kernel does not take it.
 *
 *   empty ──write──▶ waiting ──turn's end──▶ empty
 *                       └─the kernel is full─▶ stuck ──drain──▶ empty
 */
import type { Socket } from "bun";
import type { SendQueue, Sender } from "./send-queue.ts";

export interface WriterOptions {
  readonly queue: SendQueue;
  /**
   * The connection takes nothing any more. Bun (1.4.5) tells of that by itself too, but not while the socket is
   * paused.
   */
  readonly onLost: () => void;
  /** What was written in a turn went to the kernel, as far as there was room. Must not throw. */
  readonly onSent?: () => void;
}

/** More does not wait for the turn's end. It is made bytes first, because hardly a socket takes it at once. */
const TEXT_BYTES_MAX = 64 * 1024;

export class SocketWriter implements Sender {
  readonly #socket: Pick<Socket, "write">;
  readonly #options: WriterOptions;
  /** Written in this turn. */
  #text = "";
  #textBytes = 0;
  /** What the kernel had no room for. There is no text beside it. */
  #unsent: Buffer | undefined;

  constructor(socket: Pick<Socket, "write">, options: WriterOptions) {
    this.#socket = socket;
    this.#options = options;
  }

  /** Whether the kernel has everything. */
  get isEmpty(): boolean {
    return this.#textBytes === 0 && this.#unsent === undefined;
  }

  /** Whether the kernel has no room: what is written now waits for the peer to read. */
  get isStuck(): boolean {
    return this.#unsent !== undefined;
  }

  /** `bytes`: of the text in UTF-8. */
  write(text: string, bytes: number): void {
    if (bytes === 0) return;
    if (this.#unsent) {
      this.#unsent = Buffer.concat([this.#unsent, Buffer.from(text)]);
      return;
    }
    if (this.#textBytes === 0) this.#options.queue.add(this);
    this.#text += text;
    this.#textBytes += bytes;
    if (this.#textBytes > TEXT_BYTES_MAX) this.#sendText();
  }

  send(): void {
    if (this.#textBytes > 0) this.#sendText();
    this.#options.onSent?.();
  }

  /** There may be room again. */
  flush(): void {
    if (!this.#unsent) return;
    const written = this.#taken(this.#socket.write(this.#unsent));
    this.#unsent = written < this.#unsent.length ? this.#unsent.subarray(written) : undefined;
  }

  /** Nothing more is to go out. */
  discard(): void {
    this.#text = "";
    this.#textBytes = 0;
    this.#unsent = undefined;
  }

  #sendText(): void {
    const text = this.#text;
    const bytes = this.#textBytes;
    this.#text = "";
    this.#textBytes = 0;
    if (bytes > TEXT_BYTES_MAX) {
      this.#unsent = Buffer.from(text);
      this.flush();
      return;
    }
    const written = this.#taken(this.#socket.write(text));
    if (written < bytes) this.#unsent = Buffer.from(text).subarray(written);
  }

  #taken(written: number): number {
    if (written >= 0) return written;
    this.#options.onLost();
    return 0;
  }
}
