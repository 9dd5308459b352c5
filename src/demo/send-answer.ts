/**
 * Turns the pieces of an answer into an HTTP response, with the delays, cuts and silences a fault asks for. The
 * client's leaving ends the work at once and is noted.
 */
import type { LoggedRequest } from "./request-log.ts";

export type SendStep =
  | { readonly do: "send"; readonly bytes: Uint8Array }
  | { readonly do: "wait"; readonly ms: number }
  /** Silence until the client leaves. */
  | { readonly do: "stall" }
  /** The socket dies. */
  | { readonly do: "reset" };

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
}

/** Gives what was sent before a reset time to leave; a reset discards what still waits in the socket. */
const RESET_DELAY_MS = 20;

export function sendSteps(answer: Answer, steps: Iterable<SendStep>, entry: LoggedRequest): Response {
  const iterator = steps[Symbol.iterator]();
  const pause = new Pause();
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      for (;;) {
        const next = iterator.next();
        if (next.done === true) {
          entry.finish();
          controller.close();
          return;
        }
        const step = next.value;
        if (step.do === "send") {
          controller.enqueue(step.bytes);
          return;
        }
        await pause.take(pauseOf(step));
        if (pause.isOver) return;
        if (step.do !== "reset") continue;
        entry.finish();
        // Without a value, or the runtime prints it as an unhandled error.
        controller.error();
        return;
      }
    },
    cancel() {
      entry.abort();
      pause.end();
    },
  });
  return new Response(body, answer);
}

/**
 * One piece every so many milliseconds, at the least cost: what thousands of open streams are made of. A slow reader
 * makes the next piece wait.
 */
export function sendPaced(answer: PacedAnswer, entry: LoggedRequest): Response {
  const { pieces, delayMs } = answer;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let sent = 0;
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      const sendNext = (): void => {
        const piece = (controller.desiredSize ?? 0) > 0 ? pieces[sent] : undefined;
        if (piece !== undefined) {
          controller.enqueue(piece);
          sent += 1;
        }
        if (sent < pieces.length) {
          timer = setTimeout(sendNext, delayMs);
          return;
        }
        entry.finish();
        controller.close();
      };
      sendNext();
    },
    cancel() {
      clearTimeout(timer);
      entry.abort();
    },
  });
  return new Response(body, answer);
}

interface PacedAnswer extends Answer {
  readonly pieces: readonly Uint8Array[];
  readonly delayMs: number;
}

/** Dies before the status line: a body that is broken from the start makes the server drop the connection. */
export function sendReset(entry: LoggedRequest): Response {
  entry.finish();
  return new Response(
    new ReadableStream({
      start(controller) {
        controller.error();
      },
    }),
  );
}

/** Never answers. The server forgets the request when the client leaves. */
export function sendNothing(): Promise<Response> {
  return Promise.withResolvers<Response>().promise;
}

function pauseOf(step: Exclude<SendStep, { do: "send" }>): number {
  switch (step.do) {
    case "wait":
      return step.ms;
    case "stall":
      return Infinity;
    case "reset":
      return RESET_DELAY_MS;
  }
}

/** One wait at a time, cut short for ever when the client has left. */
class Pause {
  #timer: ReturnType<typeof setTimeout> | undefined;
  #wake: (() => void) | undefined;
  isOver = false;

  take(ms: number): Promise<void> {
    if (this.isOver) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    // A timer of 0 ms takes 1 ms, too long where there is one for each byte.
    if (ms === 0) setImmediate(resolve);
    else this.#timer = ms === Infinity ? undefined : setTimeout(resolve, ms);
    return promise;
  }

  end(): void {
    this.isOver = true;
    clearTimeout(this.#timer);
    this.#wake?.();
  }
}
