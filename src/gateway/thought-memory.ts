/**
 * Thoughts of turns, for clients that do not send them back: in memory, and behind it sealed in the database for other
 * processes and the time after a restart (docs/decisions/0013-unechoed-reasoning.md).
 *
 *   keep: memory at once, then the row, waited for until it is committed, and never longer than KEEP_WAIT_MS
 *   find: memory; for what it does not know one statement, waited for no longer than FIND_WAIT_MS
 *
 * Invariants: nothing here rejects, because no answer depends on it; a database that failed is left alone for
 * REST_MS, so that requests do not wait for it one after the other; what was looked for in vain is not looked for again
 * for MISS_MS; what waits for the database is bounded, however long that hangs.
 */
import type { Clock } from "#lib/clock.ts";
import { WeightedMap } from "#lib/weighted-map.ts";
import type { TurnThoughts } from "#model/turn-thoughts.ts";
import type { ThoughtStore } from "#store/thought-store.ts";
import type { ThoughtSealer } from "./seal-thoughts.ts";

export interface ThoughtMemory {
  keep(turn: KeptTurn): Promise<void>;
  /** Those of the anchors that are known. A promise only where the database has to be asked. */
  find(tenantId: string, anchors: readonly string[]): FoundThoughts | Promise<FoundThoughts>;
}

export interface KeptTurn {
  readonly tenantId: string;
  readonly anchor: string;
  readonly thoughts: TurnThoughts;
  readonly ttlMs: number;
  /** Longest, as JSON, that is kept. */
  readonly bytesMax: number;
}

/** By anchor. */
export type FoundThoughts = ReadonlyMap<string, TurnThoughts>;

export interface ThoughtMemoryOptions {
  readonly store: ThoughtStore;
  readonly sealer: ThoughtSealer;
  readonly clock: Clock;
  readonly onFailure: (error: unknown) => void;
}

const KEEP_WAIT_MS = 1_000;
const FIND_WAIT_MS = 500;
const REST_MS = 5_000;
const MISS_MS = 60_000;
/** Of JSON, each a byte or two of memory. */
const CACHE_CHARS_MAX = 32 * 1024 * 1024;
/** Rows on their way to a database that does not answer: past it they stay in this process's memory alone. */
const WAITING_CHARS_MAX = 32 * 1024 * 1024;
/** What an entry takes beside its text. */
const ENTRY_CHARS = 300;

/** `thoughts` absent: known not to be there. */
interface Known {
  readonly thoughts?: TurnThoughts;
  readonly untilMs: number;
}

export function createThoughtMemory(options: ThoughtMemoryOptions): ThoughtMemory {
  return new Memory(options);
}

class Memory implements ThoughtMemory {
  readonly #options: ThoughtMemoryOptions;
  readonly #known = new WeightedMap<string, Known>(CACHE_CHARS_MAX);
  #restUntilMs = Number.NEGATIVE_INFINITY;
  #waitingChars = 0;

  constructor(options: ThoughtMemoryOptions) {
    this.#options = options;
  }

  async keep({ tenantId, anchor, thoughts, ttlMs, bytesMax }: KeptTurn): Promise<void> {
    const text = JSON.stringify(thoughts);
    if (Buffer.byteLength(text) > bytesMax) return;
    const { store, sealer, clock } = this.#options;
    const expiresAtMs = clock.nowMs() + ttlMs;
    this.#remember(keyOf(tenantId, anchor), { thoughts, untilMs: expiresAtMs }, text.length);
    if (this.#isResting()) return;
    const sealed = sealer.seal(text, tenantId, anchor);
    const name = sealer.name(tenantId, anchor);
    if (this.#waitingChars + sealed.length > WAITING_CHARS_MAX) return;
    this.#waitingChars += sealed.length;
    const kept = store.keep({ tenantId, name, sealed, expiresAtMs }).finally(() => {
      this.#waitingChars -= sealed.length;
    });
    await this.#inTime(KEEP_WAIT_MS, kept);
  }

  find(tenantId: string, anchors: readonly string[]): FoundThoughts | Promise<FoundThoughts> {
    const found = new Map<string, TurnThoughts>();
    const unknown: string[] = [];
    const nowMs = this.#options.clock.nowMs();
    for (const anchor of anchors) {
      const known = this.#known.get(keyOf(tenantId, anchor));
      if (!known || known.untilMs <= nowMs) unknown.push(anchor);
      else if (known.thoughts) found.set(anchor, known.thoughts);
    }
    if (unknown.length === 0 || this.#isResting()) return found;
    return this.#read(tenantId, unknown, found);
  }

  async #read(
    tenantId: string,
    anchors: readonly string[],
    found: Map<string, TurnThoughts>,
  ): Promise<FoundThoughts> {
    const { store, sealer } = this.#options;
    const missing = new Map(anchors.map((anchor) => [sealer.name(tenantId, anchor), anchor]));
    const rows = await this.#inTime(FIND_WAIT_MS, store.find(tenantId, [...missing.keys()]));
    if (!rows) return found;
    for (const { name, sealed, expiresAtMs } of rows) {
      const anchor = missing.get(name);
      const text = anchor === undefined ? undefined : sealer.open(sealed, tenantId, anchor);
      if (anchor === undefined || text === undefined) continue;
      const thoughts = readThoughts(text);
      this.#remember(keyOf(tenantId, anchor), { thoughts, untilMs: expiresAtMs }, text.length);
      missing.delete(name);
      found.set(anchor, thoughts);
    }
    for (const anchor of missing.values()) this.#rememberMiss(keyOf(tenantId, anchor));
    return found;
  }

  /** Not where it was kept while the database was asked. */
  #rememberMiss(key: string): void {
    const nowMs = this.#options.clock.nowMs();
    const known = this.#known.get(key);
    if (!known?.thoughts || known.untilMs <= nowMs) this.#remember(key, { untilMs: nowMs + MISS_MS }, 0);
  }

  #remember(key: string, known: Known, chars: number): void {
    this.#known.set(key, known, chars + key.length + ENTRY_CHARS);
  }

  #isResting(): boolean {
    return this.#options.clock.monotonicMs() < this.#restUntilMs;
  }

  /** Undefined where it failed or took too long; what is under way goes on, and may yet succeed. */
  async #inTime<Value>(waitMs: number, work: Promise<Value>): Promise<Value | undefined> {
    const { clock } = this.#options;
    const late = Promise.withResolvers<undefined>();
    const timer = clock.schedule(waitMs, () => {
      this.#rest(new Error(`the database took more than ${waitMs} ms for the thoughts of a turn`));
      late.resolve(undefined);
    });
    const done = work.catch((error: unknown) => {
      this.#rest(error);
      return undefined;
    });
    try {
      return await Promise.race([done, late.promise]);
    } finally {
      timer.cancel();
    }
  }

  #rest(error: unknown): void {
    // Many may fail at once for one reason: it is told once.
    if (!this.#isResting()) this.#options.onFailure(error);
    this.#restUntilMs = this.#options.clock.monotonicMs() + REST_MS;
  }
}

function keyOf(tenantId: string, anchor: string): string {
  return `${tenantId}\n${anchor}`;
}

/** What opens under its own key was written by this gateway, in this shape: hence the assertion. */
function readThoughts(text: string): TurnThoughts {
  return JSON.parse(text) as TurnThoughts;
}
