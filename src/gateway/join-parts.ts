/**
 * Joins the events of several upstream calls into those of one answer: one start, one end, text that was broken off in
 * one part and goes on in the next, one sum of tokens. Pure; continue-reply.ts asks for the parts.
 *
 * Invariants: the first part's events pass unchanged but for its end; a signed part is never joined with another; ids of
 * calls stay apart; `usage` is the sum of all parts so far, as it is billed: every part's prompt is read anew.
 */
import type { Citation } from "#model/chat.ts";
import type { ChatEvent, PartStart } from "#model/chat-event.ts";
import { inputTotal, mergeUsage, type Usage } from "#model/usage.ts";
import { addUsage } from "./add-usage.ts";

type PartEvent = Extract<ChatEvent, { type: "part_start" }>;
type Finish = Extract<ChatEvent, { type: "finish" }>;

interface OpenPart {
  readonly start: PartStart;
  chars: number;
  isSigned: boolean;
}

/** Bytes per token where nobody counted. */
const BYTES_PER_TOKEN = 4;

export class PartJoiner {
  /** What the finished parts reported, each for itself. */
  readonly finished: Usage[] = [];
  /** The first part's. */
  id: string | undefined;
  /** What they reported together. */
  before: Usage | undefined;
  #own: Usage | undefined;
  #ownBytes = 0;
  #open: OpenPart | undefined;
  /** The text a part broke off in: its end is told when the next part does not go on with it. */
  #brokenOff: OpenPart | undefined;
  /** The next part's beginning, until its first event shows whether it may be joined. */
  #pending: PartEvent | undefined;
  /** Characters of a joined text that came from earlier parts: what its citations are off by. */
  #shift = 0;
  readonly #callIds = new Set<string>();

  get isFirst(): boolean {
    return this.finished.length === 0;
  }

  /** All parts so far, the current one as far as it has reported. */
  get total(): Usage | undefined {
    return this.#own ? addUsage(this.before, this.#own) : this.before;
  }

  /** Whether the current part said what it costs. */
  get isCounted(): boolean {
    return this.#own?.output !== undefined && inputTotal(this.#own) !== undefined;
  }

  /** What the parts cost where the current one was cut off: delivered text counts, reported or not. */
  cutTotal(inputGuess: number): Usage {
    const output = Math.max(this.#own?.output ?? 0, Math.ceil(this.#ownBytes / BYTES_PER_TOKEN));
    const own = { input: inputGuess, ...this.#own, output, estimated: true };
    return addUsage(this.before, own);
  }

  /** The first part as it flows: nothing to change yet, something to remember. */
  watch(events: readonly ChatEvent[]): void {
    for (const event of events) this.#watch(event);
  }

  /** What a part reports at its end, before it is decided what becomes of that end. */
  learnUsage(events: readonly ChatEvent[]): void {
    for (const event of events) {
      if (event.type === "usage") this.#own = mergeUsage(this.#own, event.usage);
    }
  }

  /** The last events of a part that another one follows. */
  breakOff(events: readonly ChatEvent[], inputGuess: number): readonly ChatEvent[] {
    const joined = this.join(events.filter((event) => !ENDS.has(event.type)));
    this.learnUsage(events);
    const bytesOutput = Math.ceil(this.#ownBytes / BYTES_PER_TOKEN);
    const guess = { input: inputGuess, output: bytesOutput, ...this.#own, estimated: true };
    const told = this.#own && this.isCounted ? this.#own : guess;
    this.before = addUsage(this.before, told);
    this.finished.push(told);
    this.#own = undefined;
    this.#ownBytes = 0;
    const last = joined.at(-1);
    if (last?.type !== "part_end" || !this.#open || !isJoinable(this.#open)) return joined;
    this.#brokenOff = this.#open;
    return joined.slice(0, -1);
  }

  join(events: readonly ChatEvent[]): readonly ChatEvent[] {
    const joined: ChatEvent[] = [];
    for (const event of events) this.#join(event, joined);
    return joined;
  }

  #join(event: ChatEvent, joined: ChatEvent[]): void {
    if (this.#pending) this.#settlePending(event, joined);
    switch (event.type) {
      case "start":
        if (this.isFirst) joined.push(event);
        this.#watch(event);
        return;
      case "part_start":
        if (this.#brokenOff) {
          this.#pending = event;
          return;
        }
        this.#beginPart(event, joined);
        return;
      case "citation":
        joined.push({ ...event, citation: shifted(event.citation, this.#shift) });
        return;
      case "finish":
        this.#endBrokenOff(joined);
        joined.push(this.#toldFinish(event));
        return;
      case "usage":
        this.#own = mergeUsage(this.#own, event.usage);
        joined.push({ type: "usage", usage: addUsage(this.before, this.#own) });
        return;
      case "delta":
      case "transcript":
      case "signature":
      case "part_end":
      case "error":
      case "end":
        this.#watch(event);
        joined.push(event);
    }
  }

  #settlePending(next: ChatEvent, joined: ChatEvent[]): void {
    const [start, text] = [this.#pending, this.#brokenOff];
    this.#pending = undefined;
    if (!start) return;
    // A signature right at a part's beginning is that part's alone.
    if (text && next.type !== "signature" && isSameText(text.start, start.part)) {
      this.#brokenOff = undefined;
      this.#open = text;
      this.#shift = text.chars;
      return;
    }
    this.#endBrokenOff(joined);
    this.#beginPart(start, joined);
  }

  #endBrokenOff(joined: ChatEvent[]): void {
    if (this.#brokenOff) joined.push({ type: "part_end", choice: 0 });
    this.#brokenOff = undefined;
  }

  #beginPart(event: PartEvent, joined: ChatEvent[]): void {
    this.#shift = 0;
    const { part } = event;
    const told =
      part.type === "tool_call" ? { ...event, part: { ...part, id: this.#freeId(part.id) } } : event;
    this.#watch(told);
    joined.push(told);
  }

  #freeId(id: string): string {
    return this.#callIds.has(id) ? `${id}_${this.finished.length + 1}` : id;
  }

  /** The last part knows nothing of the calls before it. */
  #toldFinish(event: Finish): Finish {
    return event.reason === "stop" && this.#callIds.size > 0 ? { ...event, reason: "tool_calls" } : event;
  }

  #watch(event: ChatEvent): void {
    switch (event.type) {
      case "start":
        this.id ??= event.id;
        if (event.usage) this.#own = mergeUsage(this.#own, event.usage);
        return;
      case "part_start":
        this.#open = { start: event.part, chars: 0, isSigned: false };
        if (event.part.type === "tool_call") this.#callIds.add(event.part.id);
        return;
      case "delta":
        if (this.#open) this.#open.chars += event.text.length;
        this.#ownBytes += Buffer.byteLength(event.text);
        return;
      case "transcript":
        this.#ownBytes += Buffer.byteLength(event.text);
        return;
      case "signature":
        if (this.#open) this.#open.isSigned = true;
        return;
      case "usage":
        this.#own = mergeUsage(this.#own, event.usage);
        return;
      case "citation":
      case "part_end":
      case "finish":
      case "error":
      case "end":
        return;
    }
  }
}

const ENDS: ReadonlySet<ChatEvent["type"]> = new Set(["finish", "usage", "end"]);

function isJoinable({ start, isSigned }: OpenPart): boolean {
  return !isSigned && (start.type === "text" || start.type === "reasoning");
}

function isSameText(first: PartStart, second: PartStart): boolean {
  if (first.type === "reasoning" && second.type === "reasoning") return first.kind === second.kind;
  return first.type === "text" && second.type === "text";
}

/** The provider's own record counts from its part's beginning, so it does not travel with a place that moved. */
function shifted(citation: Citation, by: number): Citation {
  if (by === 0) return citation;
  const { raw: _, start, end, ...rest } = citation;
  return {
    ...rest,
    ...(start !== undefined && { start: start + by }),
    ...(end !== undefined && { end: end + by }),
  };
}
