/**
 * What the thoughts of a turn are found by: its first call. An id that nobody could have guessed stands for itself. Ids
 * that servers count up (`call_0`, `functions.clock:3`) come again in other conversations of the same tenant, so such a
 * call counts only together with its arguments and its place: the words of the user it answers, and how often it was
 * made since.
 */
import { isDeeperThan } from "#lib/is-deeper-than.ts";
import { isObject, parseJson, type Json } from "#lib/json.ts";
import type { Chat, ToolCallPart, Turn } from "#model/chat.ts";

type AnchorCall = Pick<ToolCallPart, "id" | "name" | "argumentsText">;

/** `place`: where the turn stands, asked for only where it is needed. */
export function anchorOf(call: AnchorCall, place: () => string): string {
  const { id, name } = call;
  if (isUnguessable(id, name)) return JSON.stringify([id, name]);
  return JSON.stringify([id, name, digest(JSON.stringify([sameArguments(call.argumentsText), place()]))]);
}

/**
 * Gives the place of a call in the turn at `end`, or behind them all: the words of the user that stand last before it, and how often the
 * same call was made since, because a tool that is polled is called alike again and again. Reads the turns once,
 * whatever the number of calls: histories are long, and questions may be whole files.
 */
export function createPlaces(turns: Chat["turns"]): (call: AnchorCall, end: number) => string {
  let history: History | undefined;
  return (call, end) => {
    history ??= readHistory(turns);
    const { question, nth } = history.places.get(end) ?? {
      question: history.last,
      nth: history.last.calls.get(sameCall(call)) ?? 0,
    };
    question.digest ??= digest(question.words);
    return `${question.digest} ${nth}`;
  };
}

interface Question {
  readonly words: string;
  digest?: string;
  /** How often each was made since. */
  readonly calls: Map<string, number>;
}

interface History {
  /** By index of the turn, of those with a call whose id could be guessed. */
  readonly places: ReadonlyMap<number, { readonly question: Question; readonly nth: number }>;
  readonly last: Question;
}

function readHistory(turns: Chat["turns"]): History {
  const places = new Map<number, { readonly question: Question; readonly nth: number }>();
  let question: Question = { words: "", calls: new Map() };
  for (const [index, turn] of turns.entries()) {
    const words = wordsOf(turn);
    if (words !== "") question = { words, calls: new Map() };
    const call = turn.side === "assistant" && turn.parts.find((part) => part.type === "tool_call");
    if (!call || isUnguessable(call.id, call.name)) continue;
    const same = sameCall(call);
    const nth = question.calls.get(same) ?? 0;
    question.calls.set(same, nth + 1);
    places.set(index, { question, nth });
  }
  return { places, last: question };
}

function sameCall({ id, name, argumentsText }: AnchorCall): string {
  return JSON.stringify([id, name, digest(sameArguments(argumentsText))]);
}

function wordsOf(turn: Turn): string {
  if (turn.side !== "user") return "";
  return turn.parts.map((part) => (part.type === "text" ? part.text : "")).join("");
}

function digest(text: string): string {
  return new Bun.CryptoHasher("sha256").update(text).digest("base64url");
}

/** Sixteen letters and digits in a row, that are neither only letters nor the function's name. */
const RANDOM_RUN = /[A-Za-z0-9]{16,}/g;

export function isUnguessable(id: string, name: string): boolean {
  const runs = (name === "" ? id : id.replaceAll(name, " ")).match(RANDOM_RUN) ?? [];
  return runs.some((run) => /[A-Za-z]/.test(run) && /\d/.test(run));
}

/** No real arguments nest deeper, and sorting must not exhaust the stack. */
const DEPTH_MAX = 200;

/** Clients read arguments and write them anew: spacing and order of fields are not theirs to keep. */
function sameArguments(text: string): string {
  const value = parseJson(text.trim() === "" ? "{}" : text);
  return value === undefined || isDeeperThan(value, DEPTH_MAX) ? text : JSON.stringify(sorted(value));
}

function sorted(value: Json): Json {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isObject(value)) return value;
  // A list of pairs: a field called `__proto__` is one like any other.
  return Object.entries(value)
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, field]) => [name, sorted(field ?? null)]);
}
