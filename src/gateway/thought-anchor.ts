/**
 * What the thoughts of a turn are found by: its first call. An id that nobody could have guessed stands for itself. Ids
 * that servers count up (`call_0`, `functions.clock:3`) come again in other conversations of the same tenant, so such a
 * call counts only together with its arguments and the words of the user it answers.
 */
import { isObject, parseJson, type Json } from "#lib/json.ts";
import type { Chat, ToolCallPart, Turn } from "#model/chat.ts";

type AnchorCall = Pick<ToolCallPart, "id" | "name" | "argumentsText">;

/** `question`: the words of the user before the turn, asked for only where they are needed. */
export function anchorOf(call: AnchorCall, question: () => string): string {
  const { id, name } = call;
  if (isUnguessable(id, name)) return JSON.stringify([id, name]);
  const hash = new Bun.CryptoHasher("sha256");
  hash.update(JSON.stringify([sameArguments(call.argumentsText), question()]));
  return JSON.stringify([id, name, hash.digest("base64url")]);
}

/** The words of the user that stand last before turn `end`. */
export function questionBefore(turns: Chat["turns"], end: number): string {
  for (let index = end - 1; index >= 0; index -= 1) {
    const words = wordsOf(turns[index]);
    if (words !== "") return words;
  }
  return "";
}

function wordsOf(turn: Turn | undefined): string {
  if (turn?.side !== "user") return "";
  return turn.parts.map((part) => (part.type === "text" ? part.text : "")).join("");
}

/** Sixteen letters and digits in a row, that are neither only letters nor the function's name. */
const RANDOM_RUN = /[A-Za-z0-9]{16,}/g;

export function isUnguessable(id: string, name: string): boolean {
  const runs = (name === "" ? id : id.replaceAll(name, " ")).match(RANDOM_RUN) ?? [];
  return runs.some((run) => /[A-Za-z]/.test(run) && /\d/.test(run));
}

/** Clients read arguments and write them anew: spacing and order of fields are not theirs to keep. */
function sameArguments(text: string): string {
  const value = parseJson(text.trim() === "" ? "{}" : text);
  return value === undefined ? text : JSON.stringify(sorted(value));
}

function sorted(value: Json): Json {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isObject(value)) return value;
  // A list of pairs: a field called `__proto__` is one like any other.
  return Object.entries(value)
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, field]) => [name, sorted(field ?? null)]);
}
