/**
 * Turns as the flat list of messages. Rules of this API that other APIs do not share: every tool result is a message
 * of its own, all of them directly behind the calls; a tool message holds text only (but at OpenRouter), so media in a
 * result follow in a user message after the last result; an assistant message has one text and one list of calls.
 * Text alone is written as a plain string: many compatible servers refuse lists of parts.
 */
import { asString, isObject, type Json, type JsonObject } from "#lib/json.ts";
import type { Chat, PartBase, SystemPart, ToolResultPart, Turn } from "#model/chat.ts";
import type { Dialect } from "#protocols/protocol.ts";
import { quirksOf, type Quirks } from "./dialects.ts";
import { encodeAssistant, type AssistantTurn } from "./encode-assistant.ts";
import { encodeCacheMark, encodePart } from "./encode-parts.ts";
import { toWireCallId } from "./wire-names.ts";

export interface MessageNotes {
  readonly dropped: Set<string>;
  readonly instruction: string | undefined;
}

export function encodeMessages(chat: Chat, dialect: Dialect, notes: MessageNotes): readonly JsonObject[] {
  const writer = new MessageWriter(chat, dialect, notes.dropped);
  const added: SystemPart[] =
    notes.instruction === undefined ? [] : [{ text: notes.instruction, role: "system" }];
  writer.addSystem([...chat.system, ...added]);
  writer.addTurns(chat.turns);
  return writer.messages;
}

type UserTurn = Extract<Turn, { side: "user" }>;

class MessageWriter {
  readonly messages: JsonObject[] = [];
  readonly #chat: Chat;
  readonly #dialect: Dialect;
  readonly #quirks: Quirks;
  readonly #dropped: Set<string>;

  constructor(chat: Chat, dialect: Dialect, dropped: Set<string>) {
    this.#chat = chat;
    this.#dialect = dialect;
    this.#quirks = quirksOf(dialect);
    this.#dropped = dropped;
  }

  addSystem(parts: readonly SystemPart[]): void {
    if (parts.length === 0) return;
    const role = this.#quirks.takes.has("developer") ? "developer" : "system";
    const isMarked = this.#quirks.takes.has("cache_control") && parts.some((part) => part.cache);
    const content = isMarked
      ? parts.map((part) => ({
          type: "text",
          text: part.text,
          ...(part.cache && encodeCacheMark(part.cache)),
        }))
      : parts.map((part) => part.text).join("\n\n");
    this.messages.push({ role, content });
  }

  /** Runs of one side belong together: calls must be answered before anything else is said. */
  addTurns(turns: readonly Turn[]): void {
    let index = 0;
    while (index < turns.length) {
      const side = turns[index]?.side;
      let end = index + 1;
      while (end < turns.length && turns[end]?.side === side) end++;
      this.#addRun(turns.slice(index, end), index);
      index = end;
    }
  }

  #addRun(run: readonly Turn[], firstIndex: number): void {
    const users = run.filter((turn) => turn.side === "user");
    const assistants = run.filter((turn) => turn.side === "assistant");
    if (users.length > 0) this.#addUsers(users, firstIndex);
    if (assistants.length > 0) this.#addAssistants(assistants);
    for (const turn of run) if (turn.side === "system") this.addSystem(turn.parts);
  }

  #addUsers(turns: readonly UserTurn[], firstIndex: number): void {
    const followUp: JsonObject[] = [];
    for (const [offset, turn] of turns.entries()) {
      for (const [part, result] of turn.parts.entries()) {
        if (result.type !== "tool_result") continue;
        followUp.push(...this.#addResult(result, this.#path(firstIndex + offset, part)));
      }
    }
    if (followUp.length > 0) this.messages.push({ role: "user", content: followUp });
    for (const [offset, turn] of turns.entries()) this.#addUser(turn, firstIndex + offset);
  }

  #addUser(turn: UserTurn, turnIndex: number): void {
    const parts = turn.parts.flatMap((part, index): JsonObject[] =>
      part.type === "tool_result" ? [] : [...encodePart(part, this.#path(turnIndex, index), this.#dialect)],
    );
    if (parts.length === 0) return;
    const named = turn.parts.find((part) => part.type === "text" && part.name !== undefined);
    const name = named?.type === "text" && named.name !== undefined && { name: named.name };
    this.messages.push({ role: "user", content: this.#compact(parts, "\n\n"), ...name });
  }

  /** Gives the media that have to follow in a user message. */
  #addResult(result: ToolResultPart & PartBase, path: string): readonly JsonObject[] {
    const isInPlace = this.#quirks.takes.has("tool_media");
    const texts: JsonObject[] = [];
    const media: JsonObject[] = [];
    for (const [index, part] of result.content.entries()) {
      for (const encoded of encodePart(part, `${path}.content[${index}]`, this.#dialect)) {
        (isInPlace || isText(encoded) ? texts : media).push(encoded);
      }
    }
    if (media.length > 0) texts.push({ type: "text", text: MEDIA_FOLLOW });
    const content = this.#compact(markError(texts, result.isError === true), "\n");
    const id = toWireCallId(result.callId, this.#dialect);
    const cached = markCache(content, result, this.#quirks);
    this.messages.push({ role: "tool", tool_call_id: id, content: cached });
    const label = { type: "text", text: `Files of the result of ${result.name ?? "tool"} (${id}):` };
    return media.length > 0 ? [label, ...media] : [];
  }

  #addAssistants(turns: readonly AssistantTurn[]): void {
    // Calls must be answered at once, so what the assistant says after them joins them in one message.
    const hasCalls = turns.slice(0, -1).some((turn) => turn.parts.some((part) => part.type === "tool_call"));
    const merged: readonly AssistantTurn[] = hasCalls
      ? [{ side: "assistant", parts: turns.flatMap((turn) => turn.parts) }]
      : turns;
    for (const turn of merged) {
      const message = encodeAssistant(turn, {
        chat: this.#chat,
        dialect: this.#dialect,
        dropped: this.#dropped,
      });
      if (message) this.messages.push(message);
    }
  }

  /** One string where only text is left; a list where there is more, or where the host reads lists as well. */
  #compact(parts: readonly JsonObject[], separator: string): Json {
    const texts = parts.filter((part) => isText(part) && part["cache_control"] === undefined);
    if (texts.length < parts.length) return parts;
    if (parts.length > 1 && this.#quirks.takes.has("part_arrays")) return parts;
    return texts.map((part) => asString(part["text"]) ?? "").join(separator);
  }

  /** Where a part stands, in the words of the caller's own API as far as they are known here. */
  #path(turn: number, part: number): string {
    switch (this.#chat.protocol) {
      case "gemini":
        return `contents[${turn}].parts[${part}]`;
      case "openai-responses":
        return `input[${turn}].content[${part}]`;
      case "openai-chat":
      case "anthropic-messages":
        return `messages[${turn}].content[${part}]`;
    }
  }
}

const MEDIA_FOLLOW = "The files of this result follow in the next user message.";

function markError(texts: readonly JsonObject[], isError: boolean): readonly JsonObject[] {
  if (!isError) return texts;
  const [first, ...rest] = texts;
  const said = first && isText(first) ? first["text"] : "";
  if (typeof said === "string" && /^error\b/i.test(said)) return texts;
  return [{ ...first, type: "text", text: `Error: ${typeof said === "string" ? said : ""}` }, ...rest];
}

function markCache(content: Json, result: PartBase, quirks: Quirks): Json {
  if (!result.cache || !quirks.takes.has("cache_control")) return content;
  const parts =
    typeof content === "string" ? [{ type: "text", text: content }] : Array.isArray(content) ? content : [];
  const last: Json | undefined = parts.at(-1);
  return isObject(last) ? [...parts.slice(0, -1), { ...last, ...encodeCacheMark(result.cache) }] : content;
}

function isText(part: JsonObject): boolean {
  return part["type"] === "text";
}
