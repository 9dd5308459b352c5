/**
 * Arguments of one call in pieces (`partialArgs`, Vertex `streamFunctionCallArguments`): each piece is a value at a JSON
 * path, strings may continue. The whole is known only at the call's end, because pieces may come in any order.
 */
import { asArray, asObject, asString, type Json, type JsonObject } from "#lib/json.ts";

type Node = Json | { [name: string]: Node } | Node[];

export class PartialArguments {
  #root: { [name: string]: Node } = {};
  /** Paths whose string goes on in the next piece. */
  readonly #open = new Set<string>();

  add(pieces: Json | undefined): void {
    for (const value of asArray(pieces)) {
      const piece = asObject(value);
      if (piece) this.#addPiece(piece);
    }
  }

  /** Whole arguments that came in one go. */
  assign(whole: Json | undefined): void {
    // A spread, because an argument may be named `__proto__`, and an assignment would make it the prototype.
    const given: { readonly [name: string]: Json | undefined } = asObject(whole) ?? {};
    const entries = Object.entries(given).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, value] as const],
    );
    this.#root = { ...this.#root, ...Object.fromEntries(entries) };
  }

  toText(): string {
    return JSON.stringify(this.#root);
  }

  #addPiece(piece: JsonObject): void {
    const path = asString(piece["jsonPath"]);
    const steps = path === undefined ? [] : parsePath(path);
    if (path === undefined || steps.length === 0) return;
    const text = asString(piece["stringValue"]);
    const continues = piece["willContinue"] === true;
    if (text === undefined) {
      const value = piece["numberValue"] ?? piece["boolValue"];
      // A piece without a value only opens the path, unless it says null.
      if (value !== undefined || "nullValue" in piece) place(this.#root, steps, () => value ?? null);
      return;
    }
    const isMore = this.#open.has(path);
    place(this.#root, steps, (before) => (isMore && typeof before === "string" ? before + text : text));
    if (continues) this.#open.add(path);
    else this.#open.delete(path);
  }
}

type Step = string | number;
const STEP = /\.([^.[\]]+)|\[(\d+)\]|\['([^']*)'\]|\["([^"]*)"\]/g;
/** Longer lists are not arguments but an attack on memory. */
const INDEX_MAX = 10_000;

function parsePath(path: string): readonly Step[] {
  return [...path.matchAll(STEP)].map(([, name, index, single, double]) =>
    index === undefined ? (name ?? single ?? double ?? "") : Math.min(Number(index), INDEX_MAX),
  );
}

function place(
  root: { [name: string]: Node },
  steps: readonly Step[],
  update: (before: Node | undefined) => Node,
): void {
  let container: { [name: string]: Node } | Node[] = root;
  for (const [depth, step] of steps.entries()) {
    const next = steps[depth + 1];
    const before = member(container, step);
    if (next === undefined) return setMember(container, step, update(before));
    const child = isContainer(before) ? before : typeof next === "number" ? [] : {};
    if (child !== before) setMember(container, step, child);
    container = child;
  }
}

function isContainer(node: Node | undefined): node is { [name: string]: Node } | Node[] {
  return typeof node === "object" && node !== null;
}

function member(container: { [name: string]: Node } | Node[], step: Step): Node | undefined {
  if (Array.isArray(container)) return container[Number(step)];
  return Object.hasOwn(container, step) ? container[step] : undefined;
}

function setMember(container: { [name: string]: Node } | Node[], step: Step, value: Node): void {
  if (Array.isArray(container)) {
    const index = Number(step);
    if (!Number.isInteger(index)) return;
    while (container.length < index) container.push(null);
    container[index] = value;
    return;
  }
  // `__proto__` as a name must become a property, not a prototype.
  Object.defineProperty(container, step, { value, enumerable: true, writable: true, configurable: true });
}
