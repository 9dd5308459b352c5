/**
 * Hints that hang on parts of a conversation, and which an API may have no place for: cache marks, citations, wishes to
 * be cited. They are named once for the whole request, because a long history would repeat each a hundred times.
 */
import type { JsonObject } from "#lib/json.ts";
import type { AssistantPart, Chat, Citation, UserPart } from "#model/chat.ts";

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
  const userParts = chat.turns.flatMap((turn) => (turn.side === "user" ? turn.parts : []));
  const answerParts = chat.turns.flatMap((turn) => (turn.side === "assistant" ? turn.parts : []));
  const wishes = userParts.some((part) =>
    part.type === "tool_result" ? part.content.some(wishesCitations) : wishesCitations(part),
  );
  const isMarked = !target.cacheMarks && hasCacheMark(chat);
  const isCited = answerParts.flatMap(citationsOf).some((citation) => !target.citation(citation));
  return [
    ...(isMarked ? ["cache_control"] : []),
    ...(wishes && !target.citationWishes ? ["messages[].content[].citations"] : []),
    ...(isCited ? ["messages[].citations"] : []),
  ];
}

/** Fields of another API that say something: null is how some clients write nothing. */
export function saidFields(extensions: JsonObject): readonly string[] {
  return Object.keys(extensions).filter((name) => extensions[name] !== null);
}

function hasCacheMark(chat: Chat): boolean {
  if (chat.cache?.automatic !== undefined) return true;
  const parts = [
    ...chat.system,
    ...chat.turns.flatMap((turn): readonly object[] => turn.parts),
    ...chat.tools,
  ];
  return parts.some((part) => "cache" in part && part.cache !== undefined);
}

function wishesCitations(part: UserPart): boolean {
  return (part.type === "document" || part.type === "search_result") && part.citations === true;
}

function citationsOf(part: AssistantPart): readonly Citation[] {
  return part.type === "text" ? (part.citations ?? []) : [];
}
