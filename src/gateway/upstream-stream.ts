/**
 * An upstream's event stream as steps: one network chunk, its frames and what they mean. It pulls only when asked, so
 * a slow client slows its own upstream and holds one chunk in memory (properties P7).
 *
 * Invariants: after a step with `failure` or `isEnd` nothing more is read; the body is cancelled on every way out but
 * the proper end, where it is read to its close so that the connection can be used again.
 */
import type { Clock } from "#lib/clock.ts";
import { readPiece, type HttpReply, type PieceReader } from "#lib/http-client.ts";
import { SseReader, type SseFrame } from "#lib/sse.ts";
import type { ChatEvent } from "#model/chat-event.ts";
import { Failure, toFailure } from "#model/failure.ts";
import type { StreamDecoder } from "#protocols/protocol.ts";
import type { Deadlines } from "./deadlines.ts";

export interface Step {
  readonly events: readonly ChatEvent[];
  /** Native lane: what is forwarded, the upstream's own text without frames it must not pass on; else "". */
  readonly text: string;
  /** Only comments and pings came: a sign of life. */
  readonly isKeepAlive: boolean;
  /** No event came, of whatever meaning: comments at most. No client misses such a step. */
  readonly isVoid: boolean;
  readonly failure: Failure | undefined;
  readonly isEnd: boolean;
}

/** After the proper end, how long the upstream may take to close before the connection is given up. */
const CLOSE_GRACE_MS = 500;

const NO_EVENTS: readonly ChatEvent[] = [];

/** Where steps come from: one upstream stream, or several as one. */
export interface StepSource {
  /** Asks for the next step. The listener is called once, at once where there is one; never within `cancel`. */
  pull(listener: StepListener): void;
  /** Closes the upstream at once. Safe to call at any time, and more than once. */
  cancel(reason: Failure): void;
  readonly waitedMs: number;
}

export type StepListener = (step: Step) => void;

/** The next step where a promise does not matter. */
export function nextStep(source: Pick<StepSource, "pull">): Promise<Step> {
  return new Promise((resolve) => source.pull(resolve));
}

export class UpstreamStream implements StepSource, PieceReader {
  readonly #reply: HttpReply;
  readonly #sse = new SseReader();
  readonly #decoder: StreamDecoder;
  readonly #deadlines: Deadlines;
  readonly #clock: Clock;
  readonly #isNative: boolean;
  /** Time spent waiting for bytes. */
  waitedMs = 0;
  #waitingSinceMs = 0;
  #listener: StepListener | undefined;
  /** Gets every step before its listener does, who gets what it gives. */
  onStep: ((step: Step) => Step) | undefined;

  constructor(
    reply: HttpReply,
    decoder: StreamDecoder,
    context: { readonly deadlines: Deadlines; readonly clock: Clock; readonly isNative: boolean },
  ) {
    this.#reply = reply;
    this.#decoder = decoder;
    this.#deadlines = context.deadlines;
    this.#clock = context.clock;
    this.#isNative = context.isNative;
  }

  pull(listener: StepListener): void {
    this.#listener = listener;
    this.#waitingSinceMs = this.#clock.monotonicMs();
    // A client that reads slowly is not the upstream's silence: only this wait counts as that.
    this.#deadlines.startWaiting(this.#waitingSinceMs);
    this.#reply.pull(this);
  }

  onPiece(bytes: Buffer, from: number, to: number): void {
    this.#stopWaiting();
    this.#give(this.#read(bytes, from, to));
  }

  onEnd(): void {
    this.#stopWaiting();
    this.#give(this.#read(undefined, 0, 0));
  }

  onBroken(cause: unknown): void {
    this.#stopWaiting();
    const { reason } = this.#deadlines.cancellation;
    const message = "The upstream's connection broke in mid-answer.";
    const failure = reason instanceof Failure ? reason : new Failure("upstream_broken", message, { cause });
    this.#give(this.#broken(failure));
  }

  /** Without bytes the body has ended. A bug of ours must not leave whoever asked without a step. */
  #read(bytes: Buffer | undefined, from: number, to: number): Step {
    try {
      return bytes ? this.#decode(this.#split(bytes, from, to)) : this.#finish();
    } catch (error) {
      return this.#broken(toFailure(error));
    }
  }

  #split(bytes: Buffer, from: number, to: number): readonly SseFrame[] {
    try {
      return this.#sse.pushPart(bytes, from, to);
    } catch (error) {
      const message = "The upstream sent an event too large to hold.";
      throw new Failure("upstream_broken", message, { cause: error });
    }
  }

  #give(step: Step): void {
    const listener = this.#listener;
    this.#listener = undefined;
    listener?.(this.#pass(step));
  }

  #pass(step: Step): Step {
    try {
      return this.onStep ? this.onStep(step) : step;
    } catch (error) {
      return this.#broken(toFailure(error));
    }
  }

  #stopWaiting(): void {
    this.waitedMs += this.#clock.monotonicMs() - this.#waitingSinceMs;
    this.#deadlines.stopWaiting();
  }

  cancel(reason: Failure): void {
    this.#deadlines.abort(reason);
    this.#deadlines.stop();
    this.#reply.close();
  }

  #decode(frames: readonly SseFrame[]): Step {
    // Nearly always one frame has come, and its events are the step's.
    let events = NO_EVENTS;
    let joined: ChatEvent[] | undefined;
    let text = "";
    let failure: Failure | undefined;
    let isEnd = false;
    for (const frame of frames) {
      const decoded = this.#decodeFrame(frame);
      if (events.length === 0) events = decoded;
      else if (decoded.length > 0) {
        joined ??= [...events];
        for (const event of decoded) joined.push(event);
        events = joined;
      }
      const terminal = decoded.length > 0 ? decoded[decoded.length - 1] : undefined;
      if (terminal?.type === "error") {
        failure = terminal.failure;
        break;
      }
      if (this.#isNative && this.#decoder.isHidden?.(frame) !== true) text += frame.raw;
      if (terminal?.type === "end") {
        isEnd = true;
        break;
      }
    }
    if (failure) this.cancel(failure);
    if (isEnd) this.#release();
    const isSilent = events.length === 0;
    return {
      events,
      text,
      isKeepAlive: isSilent && frames.length > 0,
      isVoid: isSilent && frames.every((frame) => frame.data === ""),
      failure,
      isEnd,
    };
  }

  /** A decoder that throws is a bug of ours; it ends the stream like every other failure. */
  #decodeFrame(frame: SseFrame): readonly ChatEvent[] {
    try {
      return this.#decoder.push(frame);
    } catch (error) {
      return [{ type: "error", failure: toFailure(error) }];
    }
  }

  /** The body ended: whatever was left of it, then the decoder's verdict. */
  #finish(): Step {
    const rest = this.#sse.end();
    const last = this.#decode(rest);
    if (last.failure || last.isEnd) return last;
    const verdict = this.#decoder.end();
    const terminal = verdict.at(-1);
    const failure =
      terminal?.type === "error"
        ? terminal.failure
        : terminal?.type === "end"
          ? undefined
          : new Failure("upstream_broken", "The upstream ended its stream without a proper end.");
    this.#deadlines.stop();
    const missingEnd = failure || !this.#isNative ? "" : (this.#decoder.missingEnd ?? "");
    return {
      events: [...last.events, ...verdict],
      text: last.text + missingEnd,
      isKeepAlive: false,
      isVoid: false,
      failure,
      isEnd: failure === undefined,
    };
  }

  #broken(failure: Failure): Step {
    this.cancel(failure);
    return {
      events: NO_EVENTS,
      text: "",
      isKeepAlive: false,
      isVoid: false,
      failure,
      isEnd: false,
    };
  }

  /** Reads on to the close that follows a proper end, or gives the connection up. */
  #release(): void {
    this.#deadlines.stop();
    const timer = this.#clock.schedule(CLOSE_GRACE_MS, () => this.#reply.close());
    const drain = async (): Promise<void> => {
      // A break after the end concerns nobody.
      const rest = await readPiece(this.#reply).catch(() => undefined);
      if (rest) return drain();
      timer.cancel();
      return undefined;
    };
    void drain();
  }
}
