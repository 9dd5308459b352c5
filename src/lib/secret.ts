/**
 * A value that must not be printed. Whatever turns it into text (JSON, `inspect`, a template string, a log line)
 * gets `[secret]`; only `reveal()` gives the value, so every place that does is found by its name.
 */
import { inspect } from "node:util";

const MASK = "[secret]";

export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** The value itself: for a header about to be sent, and nothing else. */
  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return MASK;
  }

  toJSON(): string {
    return MASK;
  }

  [Symbol.toPrimitive](): string {
    return MASK;
  }

  [inspect.custom](): string {
    return MASK;
  }
}
