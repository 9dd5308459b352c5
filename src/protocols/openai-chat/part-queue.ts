/**
 * Serial nesting. Chat Completions may interleave fragments of several tool calls, and text
 * with them; canonical events have one open part at a time. Parts stand in a queue in the order they began:
 *
 *   head: open, its events go out at once      the others: their events wait
 *
 * A head that is no tool call is complete once another part begins. A tool call is complete when its arguments are
 * whole JSON and another part has begun, or when the answer finishes. So nothing is lost or reordered within a part,
 * and calls that come one after the other (nearly always) stream live.
 */
import { isObject, parseJson, type JsonObject } from "#lib/json.ts";
import type { Citation, Opaque } from "#model/chat.ts";
import type { ChatEvent, PartStart } from "#model/chat-event.ts";
import { unwrapCustomInput } from "./custom-input.ts";

export interface Slot {
  /** Absent while a call has no name yet: it cannot begin, so its events wait even at the head. */
  start: PartStart | undefined;
  isOpen: boolean;
  /** Arguments so far; kept for calls only. */
  text: string;
  /** A free-text call that travels as `{"input": text}`: it can only be opened once it is whole. */
  isWrapped: boolean;
  waiting: ChatEvent[];
}

export class PartQueue {
  readonly #choice: number;
  readonly #slots: Slot[] = [];
  #out: ChatEvent[] = [];

  constructor(choice: number) {
    this.#choice = choice;
  }

  /** Where events go from now on. */
  set out(out: ChatEvent[]) {
    this.#out = out;
  }

  /** The part that began last, whether or not its events are out. */
  get last(): Slot | undefined {
    return this.#slots.at(-1);
  }

  begin(start: PartStart | undefined): Slot {
    const slot: Slot = { start, isOpen: false, text: "", isWrapped: false, waiting: [] };
    this.#slots.push(slot);
    this.#advance();
    return slot;
  }

  /** A call's name has come. */
  name(slot: Slot, start: PartStart, isWrapped: boolean): void {
    slot.start = start;
    slot.isWrapped = isWrapped;
    if (isWrapped) slot.waiting = slot.waiting.filter((event) => event.type !== "delta");
    this.#advance();
  }

  delta(slot: Slot, text: string, logprobs?: readonly JsonObject[]): void {
    if (slot.start === undefined || slot.start.type === "tool_call") slot.text += text;
    if (slot.isWrapped) return;
    if (logprobs) this.#emit(slot, { type: "delta", choice: this.#choice, text, logprobs });
    else this.#emit(slot, { type: "delta", choice: this.#choice, text });
  }

  transcript(slot: Slot, text: string): void {
    this.#emit(slot, { type: "transcript", choice: this.#choice, text });
  }

  signature(slot: Slot, opaque: Opaque): void {
    this.#emit(slot, { type: "signature", choice: this.#choice, opaque });
  }

  citation(slot: Slot, citation: Citation): void {
    this.#emit(slot, { type: "citation", choice: this.#choice, citation });
  }

  /** The answer is complete: everything that waits goes out, in order. */
  finish(): void {
    for (const slot of this.#slots) {
      this.#open(slot);
      this.#close(slot);
    }
    this.#slots.length = 0;
  }

  #emit(slot: Slot, event: ChatEvent): void {
    if (slot.isOpen) this.#out.push(event);
    else slot.waiting.push(event);
  }

  #advance(): void {
    let head = this.#slots[0];
    while (head) {
      if (!head.isOpen && head.start) this.#open(head);
      if (this.#slots.length === 1 || !isComplete(head)) return;
      this.#close(head);
      this.#slots.shift();
      head = this.#slots[0];
    }
  }

  #open(slot: Slot): void {
    if (slot.isOpen || !slot.start) return;
    slot.isOpen = true;
    this.#out.push({ type: "part_start", choice: this.#choice, part: slot.start });
    if (slot.waiting.length === 0) return;
    for (const event of slot.waiting) this.#out.push(event);
    slot.waiting = [];
  }

  #close(slot: Slot): void {
    if (!slot.isOpen) return;
    const isWrapped = slot.isWrapped && slot.text !== "";
    if (isWrapped)
      this.#out.push({ type: "delta", choice: this.#choice, text: unwrapCustomInput(slot.text) });
    const isBare = slot.start?.type === "tool_call" && !slot.start.custom && slot.text.trim() === "";
    // No arguments at all still have to be JSON for whoever reads them.
    if (isBare) this.#out.push({ type: "delta", choice: this.#choice, text: "{}" });
    this.#out.push({ type: "part_end", choice: this.#choice });
  }
}

function isComplete(slot: Slot): boolean {
  if (slot.start === undefined) return false;
  if (slot.start.type !== "tool_call") return true;
  return (!slot.start.custom || slot.isWrapped) && isWholeJson(slot.text);
}

/** Whether arguments are one finished JSON object. Free text never counts: it has no visible end. */
export function isWholeJson(text: string): boolean {
  return text.trimEnd().endsWith("}") && isObject(parseJson(text));
}
