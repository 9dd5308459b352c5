/**
 * Call ids of one conversation, made legal and unique. Some servers count calls from zero in every turn; this API
 * refuses an id that comes twice. Results answer the open call of their id that is waiting longest.
 */
import { legalToolId } from "./tool-id.ts";

export class ToolIds {
  /** How often each id has been a call so far. */
  readonly #counts = new Map<string, number>();
  readonly #waiting = new Map<string, string[]>();
  readonly #latest = new Map<string, string>();
  #anonymous = 0;

  call(id: string): string {
    const known = id === "" ? `call_${this.#anonymous++}` : id;
    const count = (this.#counts.get(known) ?? 0) + 1;
    this.#counts.set(known, count);
    const wire = legalToolId(count === 1 ? known : `${known}_${count}`);
    this.#waiting.set(id, [...(this.#waiting.get(id) ?? []), wire]);
    this.#latest.set(id, wire);
    return wire;
  }

  result(id: string): string {
    const waiting = this.#waiting.get(id)?.shift();
    return waiting ?? this.#latest.get(id) ?? legalToolId(id === "" ? "call" : id);
  }
}
