/**
 * A client's connection: reads its requests, one after the other, and writes their answers.
 *
 *   between ──head──▶ asked ──reply──▶ answering ──all with the kernel──▶ between ...
 *      │ malformed       │ the client closes     │                        │ not to be kept
 *      └─▶ refused ──────┼───────────────────────┼──────────────▶ leaving ┘
 *                        └──▶ closed ◀───────────┘
 *
 * - The next request is read when the answer before it has left; what came of it earlier waits.
 * - An answer given before its request was read to the end closes the connection: nobody could say where the next
 *   request begins. The client gets the answer first: a socket closed on bytes it has not read takes back what it sent.
 */
import type { Socket } from "bun";
import { HttpError } from "#lib/http-error.ts";
import { RequestParser, type RequestHead, type RequestListener } from "#lib/http-request-parser.ts";
import {
  jsonReply,
  type BodySink,
  type IncomingRequest,
  type OutgoingReply,
  type PouredBody,
  type WholeReply,
} from "#lib/http-server.ts";
import { SocketWriter } from "#lib/socket-writer.ts";
import type { Task, Turn } from "#lib/turn.ts";
import type { Framing, ReplyHeadWriter } from "./reply-head.ts";
import { ServedRequest, type BodySource } from "./served-request.ts";

/** What a connection asks of its server. */
export interface ConnectionOwner {
  readonly heads: ReplyHeadWriter;
  readonly turn: Turn;
  /** No further request is wanted. */
  readonly isDraining: boolean;
  answer(request: IncomingRequest): OutgoingReply | Promise<OutgoingReply>;
  /** What to say where no answer could be made. */
  onBug(error: unknown): OutgoingReply;
  onClosed(connection: ClientConnection): void;
}

/** What a connection needs of its socket. */
export type ClientSocket = Pick<Socket, "write" | "pause" | "resume" | "shutdown" | "end" | "terminate">;

/**
 * Of later requests that may wait here for their turn; what is beyond stays with the kernel. So does the news that the
 * client has left, until it is written to: only who sends so many at once has to wait for that.
 */
const WAITING_BYTES_MAX = 64 * 1024;
/**
 * Without a request: longer than balancers keep theirs, so that it is never us who close a connection about to be used.
 * Also for a client to read more of what waits for it.
 */
const IDLE_MS_MAX = 620_000;
/** For a head that has begun to come. */
const HEAD_MS_MAX = 60_000;
/** For a client to finish sending what nobody reads, to read what it was told, and to close. */
const LEAVE_MS_MAX = 30_000;
const NO_BODY_STATUSES = new Set([204, 304]);
const LAST_CHUNK = "0\r\n\r\n";

export class ClientConnection implements RequestListener, BodySource, BodySink, Task {
  readonly #owner: ConnectionOwner;
  readonly #socket: ClientSocket;
  readonly #writer: SocketWriter;
  readonly #parser = new RequestParser(this);
  #request: ServedRequest | undefined;
  #isAsked = false;
  #poured: PouredBody | undefined;
  /** It was told to wait, and waits to be called. */
  #wantsRoom = false;
  #isChunked = false;
  /** Of an answer that is poured: goes out together with its first text. */
  #head = "";
  /** Something of the answer may be with the client. */
  #hasBegun = false;
  #isAnswered = false;
  #isKept = true;
  /** What still comes is thrown away: no request can be in it. */
  #isDeaf = false;
  #waiting: Buffer | undefined;
  #isPaused = false;
  #isLeaving = false;
  #isClosed = false;
  /** When it last turned to something else, or the client last read of what waits for it, monotonic. */
  #sinceMs = performance.now();

  constructor(owner: ConnectionOwner, socket: ClientSocket) {
    this.#owner = owner;
    this.#socket = socket;
    this.#writer = new SocketWriter(socket, {
      turn: owner.turn,
      onLost: () => socket.terminate(),
      onStuck: () => (this.#sinceMs = performance.now()),
      onSent: () => this.#onSent(),
    });
  }

  /** A request is being read or answered, or has come and waits for its turn; or not all that was said has left. */
  get isBusy(): boolean {
    return this.#request !== undefined || this.#waiting !== undefined || !this.#writer.isEmpty;
  }

  receive(bytes: Buffer): void {
    if (this.#isDeaf) return;
    if (this.#waiting || this.#request?.isComplete === true) this.#keep(bytes);
    else this.#read(bytes);
  }

  onHead(head: RequestHead): void {
    this.#request = new ServedRequest(head, this);
    this.#isAsked = false;
    this.#hasBegun = false;
    this.#isAnswered = false;
  }

  onBody(bytes: Buffer, from: number, to: number): void {
    this.#request?.push(bytes, from, to);
  }

  onEnd(): void {
    this.#request?.end();
  }

  pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.#socket.pause();
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#socket.resume();
  }

  sayContinue(): void {
    const text = "HTTP/1.1 100 Continue\r\n\r\n";
    this.#writer.write(text, text.length);
  }

  write(text: string): boolean {
    if (!this.#poured || this.#isClosed) return false;
    this.#sendChunk(text, false);
    this.#wantsRoom = this.#writer.isStuck;
    return !this.#wantsRoom;
  }

  end(text: string): void {
    // What came behind it would be read as the next answer.
    if (!this.#poured) return;
    this.#poured = undefined;
    this.#sendChunk(text, true);
    this.#finish();
  }

  /** There is room in the socket again. Bun says so also where nobody waits for it: after a pause, for one. */
  onDrain(): void {
    if (!this.#writer.isStuck) return;
    this.#writer.flush();
    this.#sinceMs = performance.now();
    if (!this.#writer.isStuck) this.#goOn();
  }

  onClosed(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#waiting = undefined;
    this.#writer.discard();
    this.#owner.onClosed(this);
    const request = this.#request;
    if (!request || this.#isAnswered) return;
    const error = new HttpError("cancelled", "The client closed the connection.");
    request.gone.cancel(error);
    request.fail(error);
  }

  /** Closes it where nothing has happened for too long. */
  sweep(nowMs: number): void {
    const forMs = nowMs - this.#sinceMs;
    if (forMs > this.#patienceMs()) this.close();
  }

  /**
   * At once. What was answered is with the kernel and still reaches a client that reads it; what is under way is cut, so
   * that it cannot be taken for a whole answer.
   */
  close(): void {
    this.#writer.sendNow();
    const isCut = (this.#request && !this.#isAnswered) || this.#waiting || this.#writer.isStuck;
    if (isCut) this.#socket.terminate();
    else this.#socket.end();
  }

  /** A bug outside any handler: nothing here can be relied on any more. */
  fail(error: unknown): void {
    this.#owner.onBug(error);
    this.#socket.terminate();
  }

  #patienceMs(): number {
    if (this.#isLeaving) return LEAVE_MS_MAX;
    if (this.#writer.isStuck) return IDLE_MS_MAX;
    // Its deadlines are the gateway's.
    if (this.#request) return Number.POSITIVE_INFINITY;
    return this.#parser.isBetween ? IDLE_MS_MAX : HEAD_MS_MAX;
  }

  #read(bytes: Buffer): void {
    const wasBetween = this.#parser.isBetween;
    try {
      const rest = this.#parser.push(bytes);
      if (rest) this.#keep(rest);
    } catch (error) {
      this.#break(error);
    }
    const request = this.#request;
    if (request && !this.#isAsked) this.#askInTurn();
    else if (!request && wasBetween) this.#sinceMs = performance.now();
  }

  #keep(bytes: Buffer): void {
    this.#waiting = this.#waiting ? Buffer.concat([this.#waiting, bytes]) : bytes;
    if (this.#waiting.length > WAITING_BYTES_MAX) this.pause();
  }

  /** What is no request is nobody's: it is answered here, in no API's words. */
  #break(error: unknown): void {
    if (!(error instanceof HttpError)) return this.fail(error);
    this.#isDeaf = true;
    if (this.#request) return this.#request.fail(error);
    const status = error.kind === "too_large" ? 431 : 400;
    this.#isKept = false;
    const told = { error: { message: error.message, type: "invalid_request_error" } };
    this.#replyWhole(jsonReply(status, told), false, "close");
  }

  #askInTurn(): void {
    this.#isAsked = true;
    this.#owner.turn.add(this);
  }

  /** Asks for the answer, also where the client has left meanwhile: what it asked for is to be booked. */
  work(): void {
    if (this.#request) this.#ask(this.#request);
  }

  #ask(request: ServedRequest): void {
    try {
      const reply = this.#owner.answer(request);
      if (reply instanceof Promise) void reply.then(this.#reply, this.#onBug);
      else this.#reply(reply);
    } catch (error) {
      this.#onBug(error);
    }
  }

  readonly #reply = (reply: OutgoingReply): void => {
    if (this.#isClosed || !this.#request) return;
    try {
      this.#answer(reply, this.#request);
    } catch (error) {
      this.#onBug(error);
    }
  };

  /**
   * An answer that has begun cannot become another; cut off, it is at least seen to be none. Nobody will pour what was to
   * be poured: whoever works on it has to know.
   */
  readonly #onBug = (error: unknown): void => {
    const told = this.#owner.onBug(error);
    this.#request?.gone.cancel(error);
    if (this.#hasBegun) this.#socket.terminate();
    else this.#reply(told);
  };

  #answer({ status, headers, body }: OutgoingReply, request: ServedRequest): void {
    const { isReusable, isHttp10, method } = request.head;
    const isPoured = typeof body !== "string";
    this.#isKept = isReusable && request.isComplete && !this.#owner.isDraining && !(isPoured && isHttp10);
    if (!this.#isKept) this.#ignoreInput();
    const connection = this.#isKept ? (isHttp10 ? "keep-alive" : "") : "close";
    if (!isPoured) return this.#replyWhole({ status, headers, body }, method === "HEAD", connection);
    this.#isChunked = !isHttp10;
    const framing = isHttp10 ? "until_close" : "chunked";
    this.#head = this.#owner.heads.write(status, headers, { framing, connection });
    this.#hasBegun = true;
    this.#pour(body);
  }

  #pour(body: PouredBody): void {
    this.#poured = body;
    this.#wantsRoom = false;
    body.begin(this);
    if (this.#head !== "") this.#sendChunk("", false);
  }

  #replyWhole({ status, headers, body }: WholeReply, isBare: boolean, connection: string): void {
    const length = Buffer.byteLength(body);
    const hasNone = NO_BODY_STATUSES.has(status);
    const framing: Framing = hasNone ? "none" : { length };
    const head = this.#owner.heads.write(status, headers, { framing, connection });
    this.#hasBegun = true;
    // A head is ASCII.
    this.#writer.write(head, head.length);
    if (!isBare && !hasNone) this.#writer.write(body, length);
    this.#finish();
  }

  #sendChunk(text: string, isLast: boolean): void {
    if (this.#isClosed) return;
    const head = this.#head;
    this.#head = "";
    const length = Buffer.byteLength(text);
    let chunk = text;
    let bytes = length;
    if (this.#isChunked) {
      const size = length.toString(16);
      chunk = length === 0 ? "" : `${size}\r\n${text}\r\n`;
      bytes = length === 0 ? 0 : size.length + length + 4;
      if (isLast) {
        chunk += LAST_CHUNK;
        bytes += LAST_CHUNK.length;
      }
    }
    this.#writer.write(head, head.length);
    // A token rarely has company, and alone it would only come later.
    this.#writer.writeNow(chunk, bytes);
  }

  /** The turn's writing went out, as far as the kernel had room. */
  #onSent(): void {
    if (this.#isClosed || this.#writer.isStuck) return;
    try {
      this.#goOn();
    } catch (error) {
      this.fail(error);
    }
  }

  /** The kernel has all there was. */
  #goOn(): void {
    if (this.#isAnswered) return this.#turn();
    if (!this.#wantsRoom) return;
    this.#wantsRoom = false;
    this.#poured?.onRoom();
  }

  /** The answer is complete; the kernel may not have all of it. */
  #finish(): void {
    this.#isAnswered = true;
    if (this.#writer.isEmpty && !this.#isClosed) this.#turn();
  }

  /** To the next request, or away. */
  #turn(): void {
    this.#isAnswered = false;
    this.#request = undefined;
    this.#sinceMs = performance.now();
    if (!this.#isKept) return this.#leave();
    this.#parser.next();
    this.resume();
    // Not within this answer, nor before others had theirs: a client may have sent thousands of requests at once.
    if (this.#waiting) setImmediate(this.#readWaiting);
  }

  readonly #readWaiting = (): void => {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting && !this.#isClosed) this.#read(waiting);
  };

  #leave(): void {
    this.#isLeaving = true;
    this.#ignoreInput();
    this.#socket.shutdown();
  }

  /** Reads on nevertheless: a client that sends all before it reads would never come to its answer, nor be seen to leave. */
  #ignoreInput(): void {
    this.#isDeaf = true;
    this.#waiting = undefined;
    this.resume();
  }
}
