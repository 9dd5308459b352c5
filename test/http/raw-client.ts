/** A TCP client whose every byte a test decides: when it sends, whether it reads, and how it leaves. */
import type { Socket } from "bun";
import { until } from "../gateway/until.ts";

export class RawClient {
  #socket: Socket | undefined;
  #unsent = Buffer.alloc(0);
  readonly #pieces: Buffer[] = [];
  #text: string | undefined;
  /** The server has said that nothing more comes. */
  hasEnd = false;
  isClosed = false;
  /** Closed without an end: what came is not to be trusted. */
  isReset = false;

  static async connect(url: string): Promise<RawClient> {
    const { hostname, port } = new URL(url);
    const client = new RawClient();
    client.#socket = await Bun.connect({
      hostname,
      port: Number(port),
      allowHalfOpen: true,
      socket: {
        data: (_, bytes) => client.#take(bytes),
        drain: () => client.#flush(),
        end: () => void (client.hasEnd = true),
        close: (_, error) => client.#close(error),
        error: (_, error) => client.#close(error),
      },
    });
    return client;
  }

  /** Everything received, a character for a byte. */
  get received(): string {
    return (this.#text ??= Buffer.concat(this.#pieces).toString("latin1"));
  }

  get receivedBytes(): number {
    return this.#pieces.reduce((sum, piece) => sum + piece.length, 0);
  }

  send(text: string): void {
    this.#unsent = Buffer.concat([this.#unsent, Buffer.from(text, "latin1")]);
    this.#flush();
  }

  get hasSentAll(): boolean {
    return this.#unsent.length === 0;
  }

  /** What comes stays with the kernel. */
  stopReading(): void {
    this.#socket?.pause();
  }

  readOn(): void {
    this.#socket?.resume();
  }

  /** Closes as a program does that ends. */
  leave(): void {
    this.#socket?.end();
  }

  /** Closes so that the server hears of it at once. */
  reset(): void {
    this.#socket?.terminate();
  }

  has(text: string): Promise<true> {
    return until(`to receive ${text.slice(0, 40)}`, () => this.received.includes(text) || undefined);
  }

  ended(): Promise<true> {
    return until("the end", () => this.hasEnd || this.isClosed || undefined);
  }

  #take(bytes: Buffer): void {
    this.#pieces.push(bytes);
    this.#text = undefined;
  }

  #flush(): void {
    if (this.#unsent.length === 0) return;
    const written = Math.max(0, this.#socket?.write(this.#unsent) ?? 0);
    this.#unsent = this.#unsent.subarray(written);
  }

  #close(error: unknown): void {
    this.isClosed = true;
    this.isReset ||= error !== undefined && error !== null;
  }
}

/** What one answer is made of. */
export interface RawReply {
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

/** Takes the answers apart; throws where what came is not answers from its first byte to its last. */
export function repliesOf(received: string, bareCount = 0): readonly RawReply[] {
  const replies: RawReply[] = [];
  let at = 0;
  while (at < received.length) {
    const headEnd = received.indexOf("\r\n\r\n", at) + 4;
    const head = received.slice(at, headEnd);
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(head)?.[1]);
    if (headEnd < 4 || Number.isNaN(status)) throw new Error(`no answer: ${received.slice(at, at + 80)}`);
    const isBare = status < 200 || status === 204 || replies.length < bareCount;
    const [body, end] = isBare ? ["", headEnd] : readBody(received, headEnd, head);
    replies.push({ status, head, body });
    at = end;
  }
  return replies;
}

function readBody(received: string, from: number, head: string): readonly [body: string, end: number] {
  const length = /\r\ncontent-length: (\d+)\r\n/.exec(head)?.[1];
  if (length !== undefined) {
    const end = from + Number(length);
    if (end > received.length) throw new Error("a body that breaks off");
    return [received.slice(from, end), end];
  }
  if (!head.includes("\r\ntransfer-encoding: chunked\r\n")) return [received.slice(from), received.length];
  const parts: string[] = [];
  for (let at = from; ;) {
    const lineEnd = received.indexOf("\r\n", at);
    const size = Number.parseInt(received.slice(at, lineEnd), 16);
    const end = lineEnd + 2 + size;
    if (lineEnd < 0 || Number.isNaN(size) || received.slice(end, end + 2) !== "\r\n")
      throw new Error("chunks that break off");
    if (size === 0) return [parts.join(""), end + 2];
    parts.push(received.slice(lineEnd + 2, end));
    at = end + 2;
  }
}
