/** Tells everything under way that the process will wait no longer. Cheaper to join and leave than an AbortSignal. */
export class Shutdown {
  readonly #listeners = new Set<() => void>();

  add(listener: () => void): void {
    this.#listeners.add(listener);
  }

  delete(listener: () => void): void {
    this.#listeners.delete(listener);
  }

  /** Tells those that have joined so far. */
  begin(): void {
    for (const listener of this.#listeners) listener();
  }
}
