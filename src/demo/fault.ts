/**
 * Failures the demo produces on demand, chosen by model name (`demo-fault-KIND...`) or by the header `x-demo-fault: KIND...`,
 * which works with every model. KIND may be followed by `-N` (its parameter), `-xTIMES` (fail so often, then be well)
 * and `-kNAME` (count apart from other users of the same fault).
 *
 *   before the answer   400 401 402 403 404 413 500 502 503 529   that status in the vendor's envelope
 *                       429            with retry-after: N seconds (1)
 *                       429-date       retry-after as a date, N seconds ahead; 429-ms: retry-after-ms: N (50)
 *                       429-reset      x-ratelimit-reset-requests: Ns and anthropic-ratelimit-requests-reset
 *                       quota          429 that no waiting mends
 *                       context        prompt too long; html: a 502 page
 *                       reset          the socket dies before the status line; hang: nothing, ever
 *                       slow           the answer begins after N ms (1000)
 *                       flap           N (2) requests fine, N fail with 503, and so on
 *   in the answer       slow-token     what opens a stream at once, the first token after N ms (1000)
 *                       cut            N tokens (3), then the socket dies; eof: a clean end there
 *                       stall          N tokens (3), then silence
 *                       malformed      N tokens (3), then an event that is no JSON, then the rest
 *                       no-terminator  everything but the last event; no-finish: neither finish nor last event
 *                       error-first    an error event before any content; error-mid: after N tokens (3)
 *                       error-200      a JSON error body with status 200
 *                       no-prefill     400 where the last message is the assistant's; well otherwise
 *                       empty          complete, but without any content
 *                       filter         stopped by a content filter; refusal: the model declines
 *                       not-sse        a JSON answer to a stream request
 *                       huge           one token of N KiB (1024); bytes: the answer in chunks of one byte
 */
export interface Fault {
  readonly kind: FaultKind;
  readonly parameter?: number;
  readonly timesMax: number;
  /** What the counter is kept under. */
  readonly counter: string;
}

export type FaultKind = (typeof FAULT_KINDS)[number];

export const FAULT_KINDS = [
  "400",
  "401",
  "402",
  "403",
  "404",
  "413",
  "429",
  "429-date",
  "429-ms",
  "429-reset",
  "quota",
  "500",
  "502",
  "503",
  "529",
  "context",
  "html",
  "reset",
  "hang",
  "slow",
  "slow-token",
  "flap",
  "cut",
  "eof",
  "stall",
  "malformed",
  "no-terminator",
  "no-finish",
  "error-first",
  "error-mid",
  "error-200",
  "no-prefill",
  "empty",
  "filter",
  "refusal",
  "not-sse",
  "huge",
  "bytes",
] as const;

/** The longest kinds first, so that `429-date` is not read as `429`. */
const KINDS_BY_LENGTH = FAULT_KINDS.toSorted((a, b) => b.length - a.length);
const OPTIONS = /^(?:-(?<parameter>\d+))?(?:-x(?<times>\d+))?(?:-k(?<name>[\w.]+))?$/;

/** Reads `KIND[-N][-xTIMES][-kNAME]`, or undefined where it is none. */
export function parseFault(text: string): Fault | undefined {
  for (const kind of KINDS_BY_LENGTH) {
    if (!text.startsWith(kind)) continue;
    const options = OPTIONS.exec(text.slice(kind.length))?.groups;
    if (options === undefined) continue;
    return {
      kind,
      ...(options.parameter !== undefined && { parameter: Number(options.parameter) }),
      timesMax: options.times === undefined ? Infinity : Number(options.times),
      counter: text,
    };
  }
  return undefined;
}

/** How often each fault was asked for. One per server; `clear` starts all of them afresh. */
export class FaultCounter {
  readonly #uses = new Map<string, number>();

  /** Whether this request fails. Counts the request. */
  shouldFail(fault: Fault): boolean {
    const uses = this.#uses.get(fault.counter) ?? 0;
    this.#uses.set(fault.counter, uses + 1);
    if (fault.kind !== "flap") return uses < fault.timesMax;
    const period = Math.max(1, fault.parameter ?? 2);
    return Math.floor(uses / period) % 2 === 1;
  }

  clear(): void {
    this.#uses.clear();
  }

  toJSON(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#uses);
  }
}
