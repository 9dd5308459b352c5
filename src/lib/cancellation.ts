/**
 * The giving up of something under way, told to all that work on it. What an AbortController does, at a fraction of the
 * cost: a request has one for each attempt, and hardly any is ever used.
 */
export class Cancellation {
  #listener: (() => void) | undefined;
  /** Behind the first: most have one listener at a time. */
  #others: (() => void)[] | undefined;
  #reason: unknown;
  #isCancelled = false;
  #controller: AbortController | undefined;

  get isCancelled(): boolean {
    return this.#isCancelled;
  }

  /** What it was given up for. */
  get reason(): unknown {
    return this.#reason;
  }

  /** For what takes nothing else: made when asked for, because hardly a request needs one. */
  get signal(): AbortSignal {
    if (this.#controller) return this.#controller.signal;
    const controller = (this.#controller = new AbortController());
    this.onCancel(() => controller.abort(this.#reason));
    return controller.signal;
  }

  /** Calls back once it is given up: at once where it is already. */
  onCancel(listener: () => void): void {
    if (this.#isCancelled) listener();
    else if (!this.#listener) this.#listener = listener;
    else (this.#others ??= []).push(listener);
  }

  off(listener: () => void): void {
    if (this.#listener === listener) {
      this.#listener = this.#others?.shift();
      return;
    }
    const index = this.#others?.indexOf(listener) ?? -1;
    if (index >= 0) this.#others?.splice(index, 1);
  }

  throwIfCancelled(): void {
    if (this.#isCancelled) throw this.#reason;
  }

  /** The first reason counts. */
  cancel(reason: unknown): void {
    if (this.#isCancelled) return;
    this.#isCancelled = true;
    this.#reason = reason;
    const first = this.#listener;
    const others = this.#others;
    this.#listener = undefined;
    this.#others = undefined;
    first?.();
    if (others) for (const listener of others) listener();
  }
}
