/**
 * Long answers as Gemini gives them: each request has its share and ends in CONTINUATION with a token; the same request
 * with that token gives the next share. The token knows the request, so another one with it is refused, and so is a
 * token that was never given.
 */
import { asString, type JsonObject } from "#lib/json.ts";
import type { Conversation, Reply } from "./conversation.ts";
import { countInput, splitTokens } from "./tokens.ts";
import { VendorError } from "./vendor-error.ts";

const PART_TOKENS = 10;
const WORDS = "once upon a time there was an answer that would not end".split(" ");

/** All of it, as every other API gives it in one go. */
export function writeLong(parts: number): string {
  return Array.from({ length: parts * PART_TOKENS }, (_, index) => WORDS[index % WORDS.length]).join(" ");
}

/** Which share is asked for, from 1. Throws where the token does not belong to the request. */
export function partAsked(body: JsonObject): number {
  const { continuationToken } = body;
  if (continuationToken === undefined) return 1;
  const inside = Buffer.from(asString(continuationToken) ?? "", "base64").toString();
  const part = Number(inside.split("-").at(-1));
  if (continuationToken === tokenFor(body, part)) return part;
  throw new VendorError("invalid", "continuation_token: not a token of this request.");
}

/** `bytes` on this wire, so base64. Google's SDK adds empty objects to its second request: they say nothing. */
function tokenFor(body: JsonObject, part: number): string {
  const said = Object.entries(body).filter(
    ([name, value]) => name !== "continuationToken" && JSON.stringify(value) !== "{}",
  );
  const hash = Bun.hash(JSON.stringify(said)).toString(36);
  return Buffer.from(`long-${hash}-${part}`).toString("base64");
}

/** A share reads the prompt and all earlier shares. */
export function answerPart(
  conversation: Conversation,
  asked: { readonly parts: number; readonly body: JsonObject; readonly serial: string },
): Reply {
  const part = partAsked(asked.body);
  const before = (part - 1) * PART_TOKENS;
  const tokens = splitTokens(writeLong(asked.parts)).slice(before, before + PART_TOKENS);
  return {
    serial: asked.serial,
    parts: [{ kind: "text", text: tokens.join("") }],
    finish: "stop",
    ...(part < asked.parts && { continuation: tokenFor(asked.body, part + 1) }),
    tokens: {
      input: countInput(conversation) + before,
      cacheRead: 0,
      cacheWrite: 0,
      isHourCache: false,
      output: tokens.length,
      reasoning: 0,
    },
  };
}
