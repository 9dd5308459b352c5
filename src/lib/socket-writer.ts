/**
 * What goes out over a socket, in order: at once or with the turn's end, and kept here for as long as the kernel does not
 * take it.
 *
 *   empty ──write──▶ waiting ──turn's end──▶ empty
 *                       └─the kernel is full─▶ stuck ──drain──▶ empty
 */
import type { Socket } from "bun";
import type { Turn, Sender } from "./turn.ts";

export interface WriterOptions {
  readonly turn: Turn;
  /**
   * The connection takes nothing any more. Bun (1.4.5) tells of that by itself too, but not while the socket is
   * paused.
   */
  readonly onLost: () => void;
  /** From now on what is written waits for the peer to read. */
  readonly onStuck?: () => void;
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
    if (bytes > 0 && this.isEmpty) this.#options.turn.addSender(this);
    this.#keep(text, bytes);
    if (this.#textBytes > TURN_BYTES_MAX) this.sendNow();
  }

  /** To go out at once, behind what was written before. */
  writeNow(text: string, bytes: number): void {
    this.#keep(text, bytes);
    this.sendNow();
  }

  send(): void {
    this.sendNow();
    this.#options.onSent?.();
  }

  /** What waits for the turn's end goes to the kernel before it. */
  sendNow(): void {
    if (this.#textBytes > 0) this.#sendTexts();
  }

  /** There may be room again. */
  flush(): void {
    if (this.#unsent) this.#hand(this.#unsent, this.#unsent.length);
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
    const { scratch } = this.#options.turn;
    const bytes = this.#textBytes > scratch.length ? Buffer.allocUnsafe(this.#textBytes) : scratch;
    const encoding = this.#isAscii ? "latin1" : "utf8";
    let end = 0;
    for (const text of this.#texts) end += bytes.write(text, end, encoding);
    this.#clear();
    this.#hand(bytes, end);
  }

  /** To the kernel, up to there. The rest is kept: in a buffer of its own, where these bytes are lent. */
  #hand(bytes: Buffer, end: number): void {
    const wasStuck = this.isStuck;
    const written = this.#socket.write(bytes, 0, end);
    const rest = written < end ? bytes.subarray(Math.max(0, written), end) : undefined;
    this.#unsent = rest && bytes === this.#options.turn.scratch ? Buffer.from(rest) : rest;
    if (rest && !wasStuck) this.#options.onStuck?.();
    // Last: within it Bun may tell of the close, and all be discarded.
    if (written < 0) this.#options.onLost();
  }

  #clear(): void {
    this.#texts = [];
    this.#textBytes = 0;
    this.#isAscii = true;
  }
}
