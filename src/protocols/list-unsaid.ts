/**
 * Hints that hang on parts of a conversation, and which an API may have no place for: cache marks, citations, wishes to
 * be cited. They are named once for the whole request, because a long history would repeat each a hundred times.
 */
import type { JsonObject } from "#lib/json.ts";
import type { Chat, Citation, ToolResultPart, Turn, UserPart } from "#model/chat.ts";

/** What the target API can say. */
export interface Sayable {
  readonly cacheMarks: boolean;
  /** That an answer should cite a document or a search result. */
  readonly citationWishes: boolean;
  /** A citation of an earlier answer. */
  readonly citation: (citation: Citation) => boolean;
}

/** Entries for `EncodedRequest.dropped`. */
export function listUnsaid(chat: Chat, target: Sayable): readonly string[] {
  const unsaid: string[] = [];
  if (!target.cacheMarks && hasCacheMark(chat)) unsaid.push("cache_control");
  if (!target.citationWishes && chat.turns.some(wishesCitations))
    unsaid.push("messages[].content[].citations");
  if (chat.turns.some((turn) => hasOtherCitation(turn, target))) unsaid.push("messages[].citations");
  return unsaid;
}

/** Fields of another API that say something: null is how some clients write nothing. */
export function saidFields(extensions: JsonObject): readonly string[] {
  return Object.keys(extensions).filter((name) => extensions[name] !== null);
}

function hasCacheMark({ cache, system, turns, tools }: Chat): boolean {
  if (cache?.automatic !== undefined || system.some(isMarked) || tools.some(isMarked)) return true;
  return turns.some(({ parts }) => parts.some(isMarked));
}

function isMarked(part: object): boolean {
  return "cache" in part && part.cache !== undefined;
}

function wishesCitations(turn: Turn): boolean {
  return turn.side === "user" && turn.parts.some(isToBeCited);
}

function isToBeCited(part: UserPart | ToolResultPart): boolean {
  if (part.type === "tool_result") return part.content.some(isToBeCited);
  return (part.type === "document" || part.type === "search_result") && part.citations === true;
}

function hasOtherCitation(turn: Turn, { citation: isSayable }: Sayable): boolean {
  if (turn.side !== "assistant") return false;
  for (const part of turn.parts) {
    if (part.type !== "text" || part.citations === undefined) continue;
    if (part.citations.some((citation) => !isSayable(citation))) return true;
  }
  return false;
}
