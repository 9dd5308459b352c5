/**
 * The reasoning of one answer with tool calls, apart from what the answer said: reasoning parts, opaque state that
 * hangs on calls and text, and the places of both. Cut out of an answer, and put back into the same turn of a history
 * that came without it.
 *
 * Invariants: neither text of the answer nor arguments of calls are in it; putting back changes no part of the turn but
 * for the state that hangs on it, and gives the calls their order of the answer.
 */
import type { AssistantPart, Opaque, PartBase, ReasoningPart, ToolCallPart, Turn } from "./chat.ts";

type AssistantTurn = Extract<Turn, { side: "assistant" }>;
type Reasoning = ReasoningPart & PartBase;
type Call = ToolCallPart & PartBase;

/** What stood at each place of the answer. */
type Place =
  | Reasoning
  | { readonly type: "text"; readonly signature?: Opaque }
  | { readonly type: "call"; readonly id: string; readonly signature?: Opaque };

export type TurnThoughts = readonly Place[];

/** Undefined where there is nothing to keep. `takesUnsigned`: the maker wants its plain thoughts back, too. */
export function cutThoughts(
  parts: readonly AssistantPart[],
  takesUnsigned: boolean,
): TurnThoughts | undefined {
  if (!parts.some((part) => part.type === "tool_call")) return undefined;
  const signed = parts.flatMap((part) => stateOf(part) ?? []);
  // Google signs what follows a thought and never takes the thought itself back.
  const isGoogles = signed.some((opaque) => opaque.kind === "google_thought_signature");
  const keepsPlain = signed.length > 0 ? !isGoogles : takesUnsigned;
  const places = parts.flatMap((part): readonly Place[] => {
    const state = stateOf(part);
    const signature = state && { signature: state };
    if (part.type === "reasoning") {
      const isPlain = state === undefined;
      return isPlain && (!keepsPlain || !part.text) ? [] : [{ ...part, ...signature }];
    }
    if (part.type === "tool_call") return [{ type: "call", id: part.id, ...signature }];
    return part.type === "text" ? [{ type: "text", ...signature }] : [];
  });
  return places.some((place) => place.type === "reasoning" || place.signature) ? places : undefined;
}

/** Whether a turn of a history has calls and none of the opaque state they were made with. */
export function lacksThoughts(turn: Turn): turn is AssistantTurn {
  if (turn.side !== "assistant") return false;
  let hasCall = false;
  for (const part of turn.parts) {
    if (stateOf(part)) return false;
    hasCall ||= part.type === "tool_call";
  }
  return hasCall;
}

/** The same turn where nothing is to be put back: a client that returned the plain thoughts has said it all. */
export function putThoughtsBack(turn: AssistantTurn, thoughts: TurnThoughts): AssistantTurn {
  const isEchoed = turn.parts.some((part) => part.type === "reasoning");
  if (isEchoed && !thoughts.some((place) => stateOf(place))) return turn;
  const calls: Call[] = [];
  const said: AssistantPart[] = [];
  for (const part of turn.parts) {
    if (part.type === "tool_call") calls.push(part);
    else if (part.type !== "reasoning") said.push(part);
  }
  const parts: AssistantPart[] = [];
  for (const place of thoughts) {
    if (place.type === "reasoning") {
      parts.push(place);
      continue;
    }
    // All text stands where its first piece was, and before the calls, as the client's API has it.
    parts.push(...sign(said.splice(0), place.type === "text" ? place.signature : undefined));
    if (place.type === "call") parts.push(...takeCall(calls, place.id, place.signature));
  }
  if (calls.length === 0 && thoughts.at(-1)?.type === "call") dropOrphans(parts);
  return { ...turn, parts: [...parts, ...said, ...calls] };
}

/** Thoughts at the end whose call the client left out: no maker takes a turn that ends in them. */
function dropOrphans(parts: AssistantPart[]): void {
  while (parts.at(-1)?.type === "reasoning") parts.pop();
}

function sign(said: readonly AssistantPart[], signature: Opaque | undefined): readonly AssistantPart[] {
  const first = signature ? said.findIndex((part) => part.type === "text") : -1;
  return said.map((part, index) => (index === first && signature ? { ...part, signature } : part));
}

function takeCall(calls: Call[], id: string, signature: Opaque | undefined): readonly Call[] {
  const index = calls.findIndex((call) => call.id === id);
  return calls.splice(index, index < 0 ? 0 : 1).map((call) => (signature ? { ...call, signature } : call));
}

function stateOf(part: PartBase): Opaque | undefined {
  return part.signature?.kind === "unsigned" ? undefined : part.signature;
}
