/** Tells everything under way that the process will wait no longer. Cheaper to join and leave than an AbortSignal. */
export class Shutdown {
  readonly #listeners = new Set<() => void>();
  #hasBegun = false;

  /** Who joins late is told at once. */
  add(listener: () => void): void {
    if (this.#hasBegun) listener();
    else this.#listeners.add(listener);
  }

  delete(listener: () => void): void {
    this.#listeners.delete(listener);
  }

  /** Tells those that have joined so far, all of them; what one of them throws comes after that. */
  begin(): void {
    this.#hasBegun = true;
    const errors: unknown[] = [];
    for (const listener of this.#listeners) {
      try {
        listener();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw new AggregateError(errors, "some could not be told of the shutdown");
  }
}
