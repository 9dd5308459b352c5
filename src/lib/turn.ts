/**
 * One turn of the event loop: what came in it is worked on in step, and what was written in it is sent at its end.
 *
 *   bytes come ─▶ more bytes come ─▶ ... ─turn's end─▶ all take a step ─▶ all take the next ─▶ ... ─▶ all is sent
 *
 * - In step: a request's way goes through more code than a processor's nearest caches hold. Walked by one request after
 *   the other, each of them has to fetch all of it anew; a step that all take together is fetched once.
 * - Sent at the end: one by one in between, every message would wake a peer that has just gone to sleep, and waking it
 *   costs more than sending.
 *
 * Steps are promises: every `await` of a task ends one, and those of all tasks follow one another.
 */
import { drainMicrotasks } from "bun:jsc";

/** Something that came and can go on. */
export interface Task {
  /** Takes the first step. */
  work(): void;
}

/** Something with text to be sent. */
export interface Sender {
  /** The turn ends: what was written in it is to go out. */
  send(): void;
}

export interface TurnOptions {
  /** Calls back when all that came together is there, and before the loop waits for more. */
  readonly atEnd?: (work: () => void) => void;
  /** Takes the steps that promises stand for. */
  readonly takeSteps?: () => void;
  /** Where an error comes up that is nobody's: others wait behind who threw it. */
  readonly apart?: (work: () => void) => void;
}

const SCRATCH_BYTES = 128 * 1024;

export class Turn {
  /** Where a sender makes its bytes; until its `send` is over, nobody else's. */
  readonly scratch = Buffer.allocUnsafe(SCRATCH_BYTES);
  readonly #atEnd: (work: () => void) => void;
  readonly #takeSteps: () => void;
  readonly #apart: (work: () => void) => void;
  #tasks: Task[] = [];
  #senders: Sender[] = [];
  #isEndAwaited = false;

  constructor({
    atEnd = setImmediate,
    takeSteps = drainMicrotasks,
    apart = queueMicrotask,
  }: TurnOptions = {}) {
    this.#atEnd = atEnd;
    this.#takeSteps = takeSteps;
    this.#apart = apart;
  }

  /** Each works once for each time it is added. */
  add(task: Task): void {
    this.#tasks.push(task);
    this.#awaitEnd();
  }

  /** Each sends once for each time it is added. */
  addSender(sender: Sender): void {
    this.#senders.push(sender);
    this.#awaitEnd();
  }

  /** Resolves when all that came so far has taken its steps and is sent. */
  ended(): Promise<void> {
    return new Promise((resolve) => this.addSender({ send: resolve }));
  }

  #awaitEnd(): void {
    if (this.#isEndAwaited) return;
    this.#isEndAwaited = true;
    this.#atEnd(this.#end);
  }

  readonly #end = (): void => {
    const tasks = this.#tasks;
    this.#tasks = [];
    for (const task of tasks) {
      try {
        task.work();
      } catch (error) {
        this.#throwApart(error);
      }
    }
    if (tasks.length > 0) this.#takeSteps();
    const senders = this.#senders;
    this.#senders = [];
    this.#isEndAwaited = false;
    for (const sender of senders) {
      try {
        sender.send();
      } catch (error) {
        this.#throwApart(error);
      }
    }
    // What a step or a sender has brought up comes with the next turn.
    if (this.#tasks.length > 0) this.#awaitEnd();
  };

  #throwApart(error: unknown): void {
    this.#apart(() => {
      throw error;
    });
  }
}
