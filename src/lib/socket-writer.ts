/** What goes out over a socket, in order, kept here for as long as the kernel does not take it. */
import type { Socket } from "bun";

/** Longer ones are made bytes first, because hardly a socket takes them at once. */
const TEXT_BYTES_MAX = 64 * 1024;

export class SocketWriter {
  readonly #socket: Pick<Socket, "write">;
  readonly #onLost: () => void;
  #unsent: Buffer | undefined;

  /**
   * `onLost`: the connection takes nothing any more. Bun (1.4.5) tells of that by itself too, but not while the socket is
   * paused.
   */
  constructor(socket: Pick<Socket, "write">, onLost: () => void) {
    this.#socket = socket;
    this.#onLost = onLost;
  }

  /** Whether the kernel has everything. */
  get isEmpty(): boolean {
    return this.#unsent === undefined;
  }

  /** `bytes`: of the text in UTF-8. */
  write(text: string, bytes: number): void {
    if (this.#unsent) {
      this.#unsent = Buffer.concat([this.#unsent, Buffer.from(text)]);
      return;
    }
    if (bytes > TEXT_BYTES_MAX) {
      this.#unsent = Buffer.from(text);
      this.flush();
      return;
    }
    const written = this.#taken(this.#socket.write(text));
    if (written < bytes) this.#unsent = Buffer.from(text).subarray(written);
  }

  /** There may be room again. */
  flush(): void {
    if (!this.#unsent) return;
    const written = this.#taken(this.#socket.write(this.#unsent));
    this.#unsent = written < this.#unsent.length ? this.#unsent.subarray(written) : undefined;
  }

  #taken(written: number): number {
    if (written >= 0) return written;
    this.#onLost();
    return 0;
  }
}
