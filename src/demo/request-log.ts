/**
 * What reached the demo lately, for tests that ask what an upstream really saw: `GET /_demo/requests`. Times are
 * wall-clock milliseconds with fractions, so that a client on the same machine can tell how long its leaving took
 * to arrive.
 */
import { parseJson, type JsonObject } from "#lib/json.ts";

const ENTRIES_MAX = 200;
/** Longer bodies are kept as their length only, or a load test with pictures would fill the memory. */
const BODY_CHARS_MAX = 256 * 1024;

export class LoggedRequest {
  readonly #request: Request;
  readonly #headers: Headers;
  readonly #number: number;
  readonly #receivedAtMs = nowMs();
  #body = "";
  #bodyChars = 0;
  #status: number | undefined;
  #fault: string | undefined;
  #model: string | undefined;
  #finishedAtMs: number | undefined;
  #abortedAtMs: number | undefined;

  constructor(request: Request, number: number) {
    this.#request = request;
    this.#headers = request.headers;
    this.#number = number;
  }

  get isOver(): boolean {
    return this.#finishedAtMs !== undefined || this.#abortedAtMs !== undefined;
  }

  noteBody(text: string): void {
    this.#bodyChars = text.length;
    if (text.length <= BODY_CHARS_MAX) this.#body = text;
  }

  noteModel(model: string): void {
    this.#model = model;
  }

  noteFault(fault: string): void {
    this.#fault = fault;
  }

  noteStatus(status: number): void {
    this.#status = status;
  }

  /** The last byte was handed over, or the demo itself broke off on purpose. */
  finish(): void {
    if (!this.isOver) this.#finishedAtMs = nowMs();
  }

  /** The client left before the end. */
  abort(): void {
    if (!this.isOver) this.#abortedAtMs = nowMs();
  }

  get isAborted(): boolean {
    return this.#abortedAtMs !== undefined;
  }

  toJSON(): JsonObject {
    const url = new URL(this.#request.url);
    return {
      number: this.#number,
      method: this.#request.method,
      path: url.pathname,
      query: url.search,
      headers: Object.fromEntries(this.#headers),
      body: this.#bodyChars > BODY_CHARS_MAX ? null : (parseJson(this.#body) ?? this.#body),
      bodyChars: this.#bodyChars,
      receivedAtMs: this.#receivedAtMs,
      finished: this.#finishedAtMs !== undefined,
      aborted: this.isAborted,
      ...(this.#model !== undefined && { model: this.#model }),
      ...(this.#fault !== undefined && { fault: this.#fault }),
      ...(this.#status !== undefined && { status: this.#status }),
      ...(this.#finishedAtMs !== undefined && { finishedAtMs: this.#finishedAtMs }),
      ...(this.#abortedAtMs !== undefined && { abortedAtMs: this.#abortedAtMs }),
    };
  }
}

export class RequestLog {
  #entries: LoggedRequest[] = [];
  #total = 0;

  add(request: Request): LoggedRequest {
    this.#total += 1;
    const entry = new LoggedRequest(request, this.#total);
    this.#entries.push(entry);
    // Dropping half at once keeps adding cheap.
    if (this.#entries.length > 2 * ENTRIES_MAX) this.#entries = this.#entries.slice(-ENTRIES_MAX);
    return entry;
  }

  clear(): void {
    this.#entries = [];
    this.#total = 0;
  }

  /** The oldest first. */
  list(): readonly JsonObject[] {
    return this.#entries.slice(-ENTRIES_MAX).map((entry) => entry.toJSON());
  }

  stats(): JsonObject {
    return {
      requests: this.#total,
      open: this.#entries.filter((entry) => !entry.isOver).length,
      aborted: this.#entries.filter((entry) => entry.isAborted).length,
    };
  }
}

function nowMs(): number {
  return performance.timeOrigin + performance.now();
}
