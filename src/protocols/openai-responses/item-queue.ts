/**
 * Output items in order, one at a time. Servers may interleave the events of several items; the canonical stream
 * has one open part, so the first item streams live and the others wait for their turn.
 *
 * Keyed by output index, since some servers give one item a new id in every event.
 */
import type { JsonObject } from "#lib/json.ts";
import type { ChatEvent } from "#model/chat-event.ts";
import { ItemReader, type ItemReaderOptions } from "./item-reader.ts";

interface Entry {
  readonly index: number;
  readonly reader: ItemReader;
  waiting: ChatEvent[];
  isDone: boolean;
  /** Finished by the server with something missing that the closing event may still bring. */
  deferred?: JsonObject;
}

export class ItemQueue {
  readonly #options: Omit<ItemReaderOptions, "emit">;
  readonly #out: (event: ChatEvent) => void;
  readonly #entries = new Map<number, Entry>();
  #head: Entry | undefined;

  constructor(options: Omit<ItemReaderOptions, "emit">, out: (event: ChatEvent) => void) {
    this.#options = options;
    this.#out = out;
  }

  /** The item at this index, begun with `added` where it is new. */
  at(index: number, added: JsonObject): ItemReader {
    const known = this.#entries.get(index);
    if (known) return known.reader;
    const entry: Entry = {
      index,
      reader: new ItemReader(added, { ...this.#options, emit: (event) => this.#emit(entry, event) }),
      waiting: [],
      isDone: false,
    };
    this.#entries.set(index, entry);
    this.#head ??= entry;
    return entry.reader;
  }

  finish(index: number, item: JsonObject): void {
    const reader = this.at(index, item);
    const entry = this.#entries.get(index);
    if (!entry || entry.isDone) return;
    if (isCallWithoutArguments(item) && !reader.hasArguments) {
      entry.deferred = item;
      return;
    }
    reader.finish(item);
    entry.isDone = true;
    this.#advance();
  }

  /** Ends what the server left open, with the final item where the closing event has one. */
  finishAll(output: readonly (JsonObject | undefined)[]): void {
    for (const entry of this.#inOrder()) {
      if (entry.isDone) continue;
      entry.reader.finish(output[entry.index] ?? entry.deferred);
      entry.isDone = true;
    }
    for (const [index, item] of output.entries())
      if (item && !this.#entries.has(index)) this.#finishWhole(index, item);
    this.#advance();
  }

  #finishWhole(index: number, item: JsonObject): void {
    this.at(index, item).finish(item);
    const entry = this.#entries.get(index);
    if (entry) entry.isDone = true;
    this.#advance();
  }

  get kinds(): ReadonlySet<ItemReader["kind"]> {
    return new Set([...this.#entries.values()].map((entry) => entry.reader.kind));
  }

  #emit(entry: Entry, event: ChatEvent): void {
    if (entry === this.#head) this.#out(event);
    else entry.waiting.push(event);
  }

  #advance(): void {
    while (this.#head?.isDone) {
      this.#head = this.#inOrder().find((entry) => !entry.isDone || entry.waiting.length > 0);
      const waiting = this.#head?.waiting ?? [];
      if (this.#head) this.#head.waiting = [];
      for (const event of waiting) this.#out(event);
    }
  }

  #inOrder(): readonly Entry[] {
    return [...this.#entries.values()].sort((first, second) => first.index - second.index);
  }
}

/** OpenRouter ends calls with empty arguments and tells them only in the closing event. */
function isCallWithoutArguments(item: JsonObject): boolean {
  return item["type"] === "function_call" && item["arguments"] === "";
}
