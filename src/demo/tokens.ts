/**
 * The demo's tokenizer and its arithmetic. A token is a run of up to twelve visible characters with the white space
 * behind it, so a person can count along, and the streamed pieces of an answer are exactly its billed tokens.
 *
 * Every JSON value of a prompt counts: message texts, tool declarations, arguments, results. Media count a flat rate.
 */
import type { Conversation, Item, ReplyPart, TokenCounts } from "./conversation.ts";

const TOKEN = /\S{1,12}\s*|\s+/gu;
/** What any picture, document, sound or film costs. */
const MEDIA_TOKENS = 100;

/** The tokens of a text, in order; joined they are the text. */
export function splitTokens(text: string): readonly string[] {
  return text.match(TOKEN) ?? [];
}

export function countTokens(text: string): number {
  return splitTokens(text).length;
}

export function countInput(conversation: Conversation): number {
  let sum = 0;
  for (const item of conversation.items) sum += countItem(item);
  for (const tool of conversation.tools)
    sum += countTokens(tool.name) + countTokens(JSON.stringify(tool.schema));
  return sum;
}

function countItem(item: Item): number {
  switch (item.kind) {
    case "text":
    case "result":
      return countTokens(item.text);
    case "media":
      return MEDIA_TOKENS;
    case "call":
      return countTokens(item.name) + countTokens(JSON.stringify(item.input));
  }
}

/** Where caching was asked for, half of the prompt was read from the cache and a quarter written to it. */
export function countExchange(conversation: Conversation, parts: readonly ReplyPart[]): TokenCounts {
  const input = countInput(conversation);
  const isCached = conversation.cache !== "none";
  let reasoning = 0;
  let output = 0;
  for (const part of parts) {
    if (part.kind === "reasoning") reasoning += countTokens(part.text);
    else
      output +=
        part.kind === "call" ? countTokens(part.name) + countTokens(part.input) : countTokens(part.text);
  }
  return {
    input,
    cacheRead: isCached ? Math.floor(input / 2) : 0,
    cacheWrite: isCached ? Math.floor(input / 4) : 0,
    isHourCache: conversation.cache === "hour",
    output: output + reasoning,
    reasoning,
  };
}
