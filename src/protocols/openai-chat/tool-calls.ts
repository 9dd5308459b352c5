/**
 * Which call a fragment belongs to, where servers are careless (openai-chat.md, section 12, trap 5): fragments are
 * keyed by `index`, but a new id at a used index is a new call, the index may be missing, ids and names may repeat in
 * every fragment or be missing altogether, and arguments may be an object.
 */
import { asNumber, asObject, asString, type Json, type JsonObject } from "#lib/json.ts";
import type { Opaque } from "#model/chat.ts";
import type { PartStart } from "#model/chat-event.ts";
import { isWholeJson, type PartQueue, type Slot } from "./part-queue.ts";
import type { WireNames } from "./wire-names.ts";

interface Call {
  readonly index: number | undefined;
  readonly id: string;
  /** Whether the upstream gave the id; ours are only stand-ins. */
  readonly isNamedByUpstream: boolean;
  readonly slot: Slot;
}

/** Whose calls they are. */
interface AnswerPlace {
  /** The upstream's, or "". */
  readonly answerId: string;
  readonly choice: number;
}

/** A fragment, read from whichever spelling it has. */
interface Fragment {
  readonly index: number | undefined;
  readonly id: string | undefined;
  readonly name: string | undefined;
  readonly text: string;
  readonly custom: boolean;
  readonly signature: Opaque | undefined;
}

export class ToolCalls {
  readonly #queue: PartQueue;
  readonly #calls: Call[] = [];
  readonly #place: AnswerPlace;
  readonly #names: WireNames;

  constructor(queue: PartQueue, place: AnswerPlace, names: WireNames) {
    this.#queue = queue;
    this.#place = place;
    this.#names = names;
  }

  get count(): number {
    return this.#calls.length;
  }

  /** All fragments of one chunk. */
  push(
    fragments: readonly Json[],
    signatureOf: (id: string | undefined, call: JsonObject) => Opaque | undefined,
  ): void {
    for (const [position, value] of fragments.entries()) {
      const object = asObject(value);
      if (!object) continue;
      const fragment = readFragment(object, fragments.length > 1 ? position : undefined, signatureOf);
      this.#add(fragment);
    }
  }

  /** The deprecated single call. */
  pushLegacy(value: JsonObject): void {
    const name = asString(value["name"]);
    const text = argumentsText(value["arguments"]);
    if (!name && text === "") return;
    this.#add({ index: 0, id: undefined, name, text, custom: false, signature: undefined });
  }

  /** The open or waiting part of a call, for a signature that comes apart from it. */
  slotOf(id: string): Slot | undefined {
    return this.#calls.find((call) => call.id === id)?.slot;
  }

  #add(fragment: Fragment): void {
    const call = this.#find(fragment) ?? this.#begin(fragment);
    const { slot } = call;
    if (!slot.start && fragment.name) this.#name(call, fragment.name, fragment.custom);
    if (fragment.text !== "") this.#queue.delta(slot, fragment.text);
    if (fragment.signature) this.#queue.signature(slot, fragment.signature);
  }

  #find(fragment: Fragment): Call | undefined {
    const { id, index } = fragment;
    if (index === undefined) {
      if (id !== undefined) return this.#calls.findLast((call) => call.id === id);
      const last = this.#calls.at(-1);
      return last && startsAnew(last, fragment) ? undefined : last;
    }
    const call = this.#calls.findLast((candidate) => candidate.index === index);
    if (!call) return undefined;
    if (id !== undefined) return !call.isNamedByUpstream || call.id === id ? call : undefined;
    return startsAnew(call, fragment) ? undefined : call;
  }

  #begin(fragment: Fragment): Call {
    const id = fragment.id ?? madeId(this.#place, this.#calls.length);
    const slot = this.#queue.begin(undefined);
    const call = { index: fragment.index, id, isNamedByUpstream: fragment.id !== undefined, slot };
    this.#calls.push(call);
    return call;
  }

  #name(call: Call, wireName: string, custom: boolean): void {
    const name = this.#names.original(wireName);
    const isWrapped = !custom && this.#names.isWrapped(name);
    const start: PartStart = {
      type: "tool_call",
      id: call.id,
      name,
      ...((custom || isWrapped) && { custom: true }),
    };
    this.#queue.name(call.slot, start, isWrapped);
  }

  /** Calls that never got a name begin without one: their arguments are not to be lost. */
  nameAll(): void {
    for (const call of this.#calls) if (!call.slot.start) this.#name(call, "", false);
  }
}

/** Differs between answers and within one. */
function madeId({ answerId, choice }: AnswerPlace, count: number): string {
  const word = answerId.replace(/[^A-Za-z0-9]/g, "").slice(-16);
  return answerId === "" ? `call_${choice}_${count}` : `call_${word}_${choice}_${count}`;
}

/** Without an id only a second whole set of name and arguments tells that a new call begins. */
function startsAnew(call: Call, fragment: Fragment): boolean {
  return fragment.id === undefined && !!fragment.name && fragment.text !== "" && isWholeJson(call.slot.text);
}

function readFragment(
  call: JsonObject,
  position: number | undefined,
  signatureOf: (id: string | undefined, call: JsonObject) => Opaque | undefined,
): Fragment {
  const called = asObject(call["function"]);
  const free = asObject(call["custom"]);
  const isCustom = !!free && (call["type"] === "custom" || !called);
  const body = (isCustom ? free : called) ?? {};
  const id = asString(call["id"]) || undefined;
  return {
    index: asNumber(call["index"]) ?? position,
    id,
    name: asString(body["name"]) || undefined,
    text: argumentsText(isCustom ? body["input"] : body["arguments"]),
    custom: isCustom,
    signature: signatureOf(id, call),
  };
}

function argumentsText(value: Json | undefined): string {
  if (typeof value === "string") return value;
  return value === null || value === undefined ? "" : JSON.stringify(value);
}
