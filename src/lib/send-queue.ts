/**
 * What is written to sockets within one turn of the event loop goes to the kernel at the turn's end, together. Sent one
 * by one in between, every message would wake a peer that has just gone to sleep, and waking it costs more than sending.
 *
 *   bytes come ─▶ answers and requests are written ─▶ more bytes come ─▶ ... ─turn's end─▶ all is sent
 */

/** Something with text to be sent. */
export interface Sender {
  /** The turn ends: what was written in it is to go out. Must not throw, because others wait behind it. */
  send(): void;
}

const SCRATCH_BYTES = 128 * 1024;

export class SendQueue {
  /** Where a sender makes its bytes; until its `send` is over, nobody else's. */
  readonly scratch = Buffer.allocUnsafe(SCRATCH_BYTES);
  readonly #atTurnEnd: (work: () => void) => void;
  #senders: Sender[] = [];

  /** `atTurnEnd`: calls back when what came together has been worked on, and before the loop waits for more. */
  constructor(atTurnEnd: (work: () => void) => void = setImmediate) {
    this.#atTurnEnd = atTurnEnd;
  }

  /** Each is sent once for each time it is added. */
  add(sender: Sender): void {
    if (this.#senders.push(sender) === 1) this.#atTurnEnd(this.#sendAll);
  }

  readonly #sendAll = (): void => {
    const senders = this.#senders;
    this.#senders = [];
    for (const sender of senders) sender.send();
  };
}
