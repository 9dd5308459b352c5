/**
 * One request and its answer: the connection writes into it, the caller reads from it.
 *
 *   sent ──head──▶ answered ──pieces──▶ ended
 *     │               │
 *     └───────────────┴──▶ failed
 *
 * Invariants: `ended` and `failed` are final; pieces that came before a failure are read before it is told; more than
 * READ_AHEAD_BYTES are not taken from the socket while nobody reads.
 */
import type { Cancellation } from "./cancellation.ts";
import type { HttpReply, PieceReader } from "./http-client.ts";
import { decompress } from "./http-decompress.ts";
import { HttpError } from "./http-error.ts";
import type { HeaderReader } from "./http-headers.ts";
import { JoinedBytes } from "./joined-bytes.ts";
import type { Task, Turn } from "./turn.ts";

/** What brings the answer. */
export interface Carrier {
  pause(): void;
  resume(): void;
  /** Closes the connection; nothing more comes. */
  destroy(): void;
}

/** A request as it goes over the wire. */
export interface OutgoingRequest {
  /** ASCII. */
  readonly head: string;
  readonly body: string;
  /** Of the body in UTF-8. */
  readonly bodyBytes: number;
  /** How long a new connection for it may take. */
  readonly connectMs: number;
}

interface WholeReader {
  readonly bytesMax: number;
  readonly resolve: (text: string) => void;
  readonly reject: (error: HttpError) => void;
}

const READ_AHEAD_BYTES = 128 * 1024;
const BYTE_ORDER_MARK = 0xfeff;
const SENT: OutgoingRequest = { head: "", body: "", bodyBytes: 0, connectMs: 0 };
const NO_HEADERS: HeaderReader = { get: () => null };

export class HttpExchange implements HttpReply, Task {
  /** Let go when the answer begins: then it is not sent again, and a stream may last for minutes. */
  request: OutgoingRequest;
  /** Absent while a connection is awaited. */
  carrier: Carrier | undefined;
  status = 0;
  headers: HeaderReader = NO_HEADERS;
  readonly #cancellation: Cancellation;
  readonly #turn: Pick<Turn, "add">;
  readonly #answered = Promise.withResolvers<HttpReply>();
  /** What came and was not taken. */
  readonly #waiting = new JoinedBytes();
  #isPaused = false;
  #isTold = false;
  #isOver = false;
  #error: HttpError | undefined;
  #reader: PieceReader | undefined;
  #wholeReader: WholeReader | undefined;

  /** `turn`: at whose end an answer that begins is told. */
  constructor(request: OutgoingRequest, cancellation: Cancellation, turn: Pick<Turn, "add">) {
    this.request = request;
    this.#cancellation = cancellation;
    this.#turn = turn;
    cancellation.onCancel(this.#onCancel);
  }

  /** Resolves when the head is there. */
  get answered(): Promise<HttpReply> {
    return this.#answered.promise;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  begin(status: number, headers: HeaderReader): void {
    this.status = status;
    this.headers = headers;
    this.request = SENT;
    this.#turn.add(this);
  }

  /** Tells that the answer begins. */
  work(): void {
    if (this.#isTold) return;
    this.#isTold = true;
    const encoding = this.headers.get("content-encoding");
    this.#answered.resolve(encoding === null ? this : decompress(this, encoding));
  }

  push(bytes: Buffer, from: number, to: number): void {
    this.#waiting.push(bytes, from, to);
  }

  end(): void {
    this.#over();
  }

  fail(error: HttpError): void {
    if (this.#isOver) return;
    this.#error = error;
    this.#over();
    // Whoever awaits the answer learns of what came of it first.
    if (this.status === 0) this.#answered.reject(error);
    else this.work();
    // Whoever gives an answer up is in the middle of something, and must not be called back in it.
    queueMicrotask(() => this.deliver());
  }

  /** Hands over what came. Apart from `push`, so that pieces that came together are read together. */
  deliver(): void {
    if (this.#wholeReader) this.#deliverWhole(this.#wholeReader);
    else if (this.#reader) this.#deliverPiece(this.#reader);
    else if (this.#waiting.length > READ_AHEAD_BYTES && !this.#isOver && !this.#isPaused) {
      this.#isPaused = true;
      this.carrier?.pause();
    }
  }

  pull(reader: PieceReader): void {
    this.#reader = reader;
    if (this.#waiting.bytes || this.#isOver) this.#deliverPiece(reader);
    else this.#resume();
  }

  text(bytesMax: number): string | Promise<string> {
    if (this.#isOver && !this.#error && this.#waiting.length <= bytesMax) return this.#takeText();
    return new Promise((resolve, reject) => {
      this.#wholeReader = { bytesMax, resolve, reject };
      this.deliver();
      this.#resume();
    });
  }

  close(): void {
    if (this.#isOver) return;
    this.carrier?.destroy();
    this.fail(new HttpError("cancelled", "The request was given up."));
  }

  readonly #onCancel = (): void => this.close();

  #deliverWhole({ bytesMax, resolve, reject }: WholeReader): void {
    if (this.#waiting.length > bytesMax) {
      this.#wholeReader = undefined;
      this.close();
      reject(new HttpError("too_large", "The answer is too large to hold."));
    } else if (this.#error) reject(this.#error);
    else if (this.#isOver) resolve(this.#takeText());
  }

  #deliverPiece(reader: PieceReader): void {
    const { bytes, from, to } = this.#waiting;
    if (!bytes && !this.#isOver) return;
    this.#reader = undefined;
    this.#waiting.clear();
    if (bytes) reader.onPiece(bytes, from, to);
    else if (this.#error) reader.onBroken(this.#error);
    else reader.onEnd();
  }

  #takeText(): string {
    const { bytes, from, to } = this.#waiting;
    const text = bytes?.toString("utf8", from, to) ?? "";
    this.#waiting.clear();
    return text.charCodeAt(0) === BYTE_ORDER_MARK ? text.slice(1) : text;
  }

  #resume(): void {
    if (!this.#isPaused || this.#isOver) return;
    this.#isPaused = false;
    this.carrier?.resume();
  }

  #over(): void {
    this.#isOver = true;
    this.#cancellation.off(this.#onCancel);
  }
}
