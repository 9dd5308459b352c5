/** What each model says to a conversation: the parts, cut to the client's limits, and their token counts. */
import { answerAgent } from "./agent-answer.ts";
import type { Conversation, Finish, Reply, ReplyPart } from "./conversation.ts";
import { lastUserText, prefillOf } from "./conversation.ts";
import type { DemoModel } from "./demo-models.ts";
import { writeLong } from "./long-answer.ts";
import { answerVision } from "./media-answer.ts";
import { sampleJson } from "./sample-json.ts";
import { countExchange, countTokens, splitTokens } from "./tokens.ts";
import { answerReasoning, answerTools } from "./tool-answer.ts";

const QUOTE_CHARS_MAX = 2000;

export function answer(conversation: Conversation, model: DemoModel, serial: string): Reply {
  return finishReply(conversation, chooseParts(conversation, model, serial), serial);
}

/** Applies stop sequences and the output limit, and counts. */
export function finishReply(conversation: Conversation, parts: readonly ReplyPart[], serial: string): Reply {
  const stopped = applyStop(parts, conversation.stopSequences);
  const limited = applyLimit(stopped.parts, conversation.outputTokensMax ?? Infinity);
  const stopSequence = limited.isCut ? undefined : stopped.stopSequence;
  return {
    serial,
    parts: limited.parts,
    finish: limited.isCut ? "length" : chooseFinish(limited.parts, stopSequence),
    ...(stopSequence !== undefined && { stopSequence }),
    tokens: countExchange(conversation, limited.parts),
  };
}

function chooseParts(conversation: Conversation, model: DemoModel, serial: string): readonly ReplyPart[] {
  if (typeof model.behaviour === "object") {
    const { behaviour } = model;
    const text =
      "longParts" in behaviour ? writeLong(behaviour.longParts) : writeLorem(behaviour.loremTokens);
    return sayRest(conversation, text);
  }
  switch (model.behaviour) {
    case "echo":
      return sayRest(conversation, writeEcho(conversation));
    case "json":
      return [{ kind: "text", text: JSON.stringify(sampleJson(conversation.schema ?? {})) }];
    case "tools":
      return answerTools(conversation, serial);
    case "reasoning":
      return answerReasoning(conversation, serial);
    case "vision":
      return [{ kind: "text", text: answerVision(conversation) }];
    case "agent":
      return answerAgent(conversation, serial);
  }
}

/** An answer that was begun is continued, not begun again. */
function sayRest(conversation: Conversation, text: string): readonly ReplyPart[] {
  const begun = prefillOf(conversation);
  const rest = text.startsWith(begun) ? text.slice(begun.length) : text;
  return rest === "" ? [] : [{ kind: "text", text: rest }];
}

/** Obeys a schema where one is given, as real models do. */
function writeEcho(conversation: Conversation): string {
  if (conversation.schema !== undefined) return JSON.stringify(sampleJson(conversation.schema));
  const said = lastUserText(conversation).slice(0, QUOTE_CHARS_MAX);
  return said === "" ? "Hello from the demo model." : `Hello from the demo model. You said: "${said}"`;
}

const LOREM_WORDS =
  "lorem ipsum dolor sit amet consectetur elit sed do eiusmod tempor incididunt ut labore".split(" ");

/** Exactly so many tokens. */
function writeLorem(tokens: number): string {
  return Array.from({ length: tokens }, (_, index) => LOREM_WORDS[index % LOREM_WORDS.length]).join(" ");
}

function chooseFinish(parts: readonly ReplyPart[], stopSequence: string | undefined): Finish {
  if (parts.some((part) => part.kind === "call")) return "calls";
  if (parts.some((part) => part.kind === "refusal")) return "refusal";
  return stopSequence === undefined ? "stop" : "stop-sequence";
}

interface Stopped {
  readonly parts: readonly ReplyPart[];
  readonly stopSequence?: string;
}

function applyStop(parts: readonly ReplyPart[], sequences: readonly string[]): Stopped {
  for (const [index, part] of parts.entries()) {
    if (part.kind !== "text") continue;
    const hits = sequences
      .map((sequence) => ({ sequence, at: part.text.indexOf(sequence) }))
      .filter((hit) => hit.sequence !== "" && hit.at >= 0)
      .sort((a, b) => a.at - b.at);
    const hit = hits[0];
    if (hit === undefined) continue;
    const kept = hit.at === 0 ? [] : [{ ...part, text: part.text.slice(0, hit.at) }];
    return { parts: [...parts.slice(0, index), ...kept], stopSequence: hit.sequence };
  }
  return { parts };
}

/** Thoughts count too; a call that does not fit is left out whole. */
function applyLimit(
  parts: readonly ReplyPart[],
  tokensMax: number,
): { parts: readonly ReplyPart[]; isCut: boolean } {
  const kept: ReplyPart[] = [];
  let left = tokensMax;
  for (const part of parts) {
    const size =
      part.kind === "call" ? countTokens(part.name) + countTokens(part.input) : countTokens(part.text);
    if (size <= left) {
      kept.push(part);
      left -= size;
      continue;
    }
    const text = part.kind === "call" ? "" : splitTokens(part.text).slice(0, left).join("");
    // A cut thought has no signature yet, so it is not shown at all.
    if (text !== "" && part.kind !== "reasoning" && part.kind !== "call") kept.push({ ...part, text });
    return { parts: kept, isCut: true };
  }
  return { parts: kept, isCut: false };
}
