/**
 * The native lane: the caller's body goes up as it is, with only what policy owns replaced. Two things besides
 * model and stream: nothing is stored unless the caller asked, and reasoning that another vendor sealed is taken
 * out, because this upstream could not open it.
 */
import {
  asArray,
  asString,
  isObject,
  type Json,
  type JsonObject,
  type MutableJsonObject,
} from "#lib/json.ts";
import type { Chat } from "#model/chat.ts";
import { NO_HEADERS, type Dialect, type EncodedRequest } from "#protocols/protocol.ts";
import { ENCRYPTED_INCLUDE } from "./decode-request.ts";
import { asksEncrypted } from "./encode-request.ts";
import { isOwnId } from "./output-item.ts";
import { refuseServerState } from "./server-state.ts";

export function patchRequest(raw: JsonObject, chat: Chat, dialect: Dialect): EncodedRequest {
  refuseServerState(raw, dialect);
  const dropped: string[] = [];
  const body: MutableJsonObject = { ...raw, model: dialect.model, stream: chat.stream };
  if (!chat.stream && raw["stream"] === undefined) delete body["stream"];
  patchStore(body, dialect, dropped);
  if (body["store"] === false && asksEncrypted(dialect)) {
    const include = asArray(raw["include"]);
    body["include"] = include.includes(ENCRYPTED_INCLUDE) ? include : [...include, ENCRYPTED_INCLUDE];
  }
  if (Array.isArray(raw["input"])) body["input"] = withoutForeign(asArray(raw["input"]), chat, dropped);
  return { body, headers: NO_HEADERS, dropped };
}

/** Background work is polled from the store, so asking for it asks for storing. */
function patchStore(body: MutableJsonObject, dialect: Dialect, dropped: string[]): void {
  if (dialect.host === "openrouter") {
    if (body["store"] === true) dropped.push("store");
    body["store"] = false;
    return;
  }
  const isAsked = body["background"] === true;
  if ((body["store"] ?? undefined) === undefined && !isAsked) body["store"] = false;
}

/**
 * Items of an answer that this gateway wrote for another vendor's model. The upstream knows none of their ids, and
 * would look for what they name: reasoning goes and is listed, calls and messages stay without their id.
 */
function withoutForeign(input: readonly Json[], chat: Chat, dropped: string[]): readonly Json[] {
  // The decoder left the text of bare state as it was; whatever it read differently was sealed.
  const bare = new Set(
    chat.turns.flatMap((turn) =>
      turn.side === "assistant" ? turn.parts.map((part) => part.signature?.data) : [],
    ),
  );
  const isForeign = (item: JsonObject) => {
    const text = asString(item["encrypted_content"]);
    return text === undefined ? isOwnId(item["id"]) : !bare.has(text);
  };
  const kept = input.flatMap((item, index): readonly Json[] => {
    if (!isObject(item)) return [item];
    if (item["type"] === "reasoning" && isForeign(item)) {
      dropped.push(`input[${index}]`);
      return [];
    }
    if (item["type"] === "reasoning" || !isOwnId(item["id"])) return [item];
    const { id: _, ...rest } = item;
    return [rest];
  });
  const isSame = kept.length === input.length && kept.every((item, index) => item === input[index]);
  return isSame ? input : kept;
}
