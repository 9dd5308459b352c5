/**
 * What goes out over a socket, in order: at once or with the turn's end, and kept here for as long as the kernel does not
 * take it.
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

/** More does not wait for the turn's end. */
const TURN_BYTES_MAX = 64 * 1024;

export class SocketWriter implements Sender {
  readonly #socket: Pick<Socket, "write">;
  readonly #options: WriterOptions;
  /** Written in this turn. Not joined: to make bytes of them one by one is cheaper. */
  #texts: string[] = [];
  #textBytes = 0;
  #isAscii = true;
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

  /** To go out with the turn's end. `bytes`: of the text in UTF-8. */
  write(text: string, bytes: number): void {
    if (bytes > 0 && this.isEmpty) this.#options.queue.add(this);
    this.#keep(text, bytes);
    if (this.#textBytes > TURN_BYTES_MAX) this.#sendTexts();
  }

  /** To go out at once, behind what was written before. */
  writeNow(text: string, bytes: number): void {
    this.#keep(text, bytes);
    if (this.#textBytes > 0) this.#sendTexts();
  }

  send(): void {
    if (this.#textBytes > 0) this.#sendTexts();
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
    this.#clear();
    this.#unsent = undefined;
  }

  #keep(text: string, bytes: number): void {
    if (bytes === 0) return;
    if (this.#unsent) {
      this.#unsent = Buffer.concat([this.#unsent, Buffer.from(text)]);
      return;
    }
    this.#texts.push(text);
    this.#textBytes += bytes;
    this.#isAscii &&= bytes === text.length;
  }

  #sendTexts(): void {
    const { scratch } = this.#options.queue;
    if (this.#textBytes > scratch.length) {
      this.#unsent = Buffer.from(this.#texts.join(""));
      this.#clear();
      return this.flush();
    }
    const encoding = this.#isAscii ? "latin1" : "utf8";
    let end = 0;
    for (const text of this.#texts) end += scratch.write(text, end, encoding);
    this.#clear();
    const written = this.#taken(this.#socket.write(scratch, 0, end));
    if (written < end) this.#unsent = Buffer.from(scratch.subarray(written, end));
  }

  #clear(): void {
    this.#texts = [];
    this.#textBytes = 0;
    this.#isAscii = true;
  }

  #taken(written: number): number {
    if (written >= 0) return written;
    this.#options.onLost();
    return 0;
  }
}
