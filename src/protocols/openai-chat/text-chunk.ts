/**
 * Chunks of a stream that differ from one another in their text alone, which nearly all do, read without parsing each:
 *
 *   {"id":"c1",...,"choices":[{"index":0,"delta":{"content":"     Hello     "},"finish_reason":null}]}
 *   └──────────────────── before ──────────────────────────┘└─ text ─┘└──────── behind ───────────┘
 *
 * - Between the same two ends stands the same place of the same JSON, so what stands there as the inside of a string is that
 *   string.
 * - Learned only from a chunk that says its text and nothing else, and forgotten with the first that says anything else:
 *   what a chunk means depends on those before it.
 * - A provider that writes something new into every chunk is soon left alone.
 */
import { asArray, asObject, asString, isObject, parseJson, type Json, type JsonObject } from "#lib/json.ts";
import type { ChatEvent } from "#model/chat-event.ts";

/** Stands in the text's place to see that it is the place. */
const PROBE = "?probe?";
/** How often the ends may turn out to be others. */
const LEARNED_MAX = 16;
const MEMBER = '"content":"';
/** What may not stand in a JSON string as it is. */
// oxlint-disable-next-line no-control-regex
const SPECIAL = /["\\\u0000-\u001F]/g;

export class TextChunk {
  /** Empty where none is known. */
  #before = "";
  #behind = "";
  #choice = 0;
  #learned = 0;

  /** What a chunk like the one learned says; undefined where it is another and has to be parsed. */
  read(data: string): ChatEvent | undefined {
    const { length } = this.#before;
    if (length === 0 || !data.startsWith(this.#before) || !data.endsWith(this.#behind)) return undefined;
    const text = readInside(data.slice(length, data.length - this.#behind.length));
    return text ? { type: "delta", choice: this.#choice, text } : undefined;
  }

  /** `data` was parsed as `chunk`, and this is what it said. */
  note(data: string, chunk: JsonObject, events: readonly ChatEvent[]): void {
    this.#before = "";
    if (this.#learned >= LEARNED_MAX) return;
    const [event] = events;
    if (events.length !== 1 || event?.type !== "delta" || event.logprobs || !isTextAlone(chunk)) return;
    const place = data.indexOf(`${MEMBER}${event.text}"`);
    if (place < 0) return;
    this.#learned += 1;
    const start = place + MEMBER.length;
    const before = data.slice(0, start);
    const behind = data.slice(start + event.text.length);
    const probed = asObject(parseJson(before + PROBE + behind));
    if (!probed || deltaOf(probed)?.["content"] !== PROBE) return;
    this.#before = before;
    this.#behind = behind;
    this.#choice = event.choice;
  }
}

/** What the inside of a JSON string says; undefined where it is none. */
function readInside(inside: string): string | undefined {
  let from = 0;
  for (;;) {
    SPECIAL.lastIndex = from;
    const special = SPECIAL.exec(inside);
    if (!special) return from === 0 ? inside : asString(parseJson(`"${inside}"`));
    // The character behind a backslash belongs to it; where there is none, it would take the closing quote.
    from = special.index + 2;
    if (special[0] !== "\\" || from > inside.length) return undefined;
  }
}

/** One choice, and in its delta nothing but text: other members could mean something without saying it at once. */
function isTextAlone(chunk: JsonObject): boolean {
  const delta = deltaOf(chunk);
  if (!delta || asArray(chunk["choices"]).length !== 1) return false;
  for (const name in delta)
    if (name !== "content" && name !== "role" && !isNothing(delta[name])) return false;
  return true;
}

function isNothing(value: Json | undefined): boolean {
  return value === null || value === "" || (Array.isArray(value) && value.length === 0);
}

function deltaOf(chunk: JsonObject): JsonObject | undefined {
  const [choice] = asArray(chunk["choices"]);
  return isObject(choice) ? asObject(choice["delta"]) : undefined;
}
