/** Writes generateContent answers, whole and streamed. Google separates events with CRLF and never says `[DONE]`. */
import { parseJson, type JsonObject } from "#lib/json.ts";
import type { Conversation, Finish, Frame, Reply, ReplyPart, TokenCounts } from "./conversation.ts";
import { splitTokens } from "./tokens.ts";

const FINISH_REASONS: Readonly<Record<Finish, string>> = {
  stop: "STOP",
  "stop-sequence": "STOP",
  length: "MAX_TOKENS",
  calls: "STOP",
  filter: "SAFETY",
  refusal: "PROHIBITED_CONTENT",
};

export function writeGeminiReply(conversation: Conversation, reply: Reply): JsonObject {
  const parts = writeParts(conversation, reply, wholeTexts);
  return {
    candidates: [
      {
        index: 0,
        ...(parts.length > 0 && { content: { role: "model", parts } }),
        ...writeFinish(reply),
      },
    ],
    usageMetadata: writeGeminiUsage(conversation, reply.tokens),
    modelVersion: conversation.model,
    responseId: `demo-${reply.serial}`,
  };
}

/** One part a chunk; the last chunk carries the reason and the token counts. */
export function writeGeminiFrames(conversation: Conversation, reply: Reply): readonly Frame[] {
  const head = { modelVersion: conversation.model, responseId: `demo-${reply.serial}` };
  const usage = writeGeminiUsage(conversation, reply.tokens);
  const early = writeGeminiUsage(conversation, { ...reply.tokens, output: 0, reasoning: 0 });
  const frames: Frame[] = writeParts(conversation, reply, splitTokens).map((part) => {
    const candidate = { index: 0, content: { role: "model", parts: [part] } };
    return { step: "content", text: writeEvent({ candidates: [candidate], usageMetadata: early, ...head }) };
  });
  const content = reply.parts.length > 0 ? { content: { role: "model", parts: [{ text: "" }] } } : {};
  const last = { index: 0, ...content, ...writeFinish(reply) };
  frames.push({
    step: "terminator",
    text: writeEvent({ candidates: [last], usageMetadata: usage, ...head }),
  });
  return frames;
}

function writeFinish({ finish, continuation }: Reply): JsonObject {
  if (continuation === undefined) return { finishReason: FINISH_REASONS[finish] };
  return { finishReason: "CONTINUATION", continuationToken: continuation };
}

function writeEvent(event: JsonObject): string {
  return `data: ${JSON.stringify(event)}\r\n\r\n`;
}

/** The same events as one JSON array, which is what Google streams without `alt=sse`. */
export function toArrayFrames(frames: readonly Frame[]): readonly Frame[] {
  return frames.map((frame, index) => {
    const json = frame.text.replace(/^data: /, "").trim();
    const close = index === frames.length - 1 ? "]" : "";
    return { step: frame.step, text: `${index === 0 ? "[" : ",\r\n"}${json}${close}` };
  });
}

function wholeTexts(text: string): readonly string[] {
  return [text];
}

/** A signature rides on the part that followed the thought: the first call, or an empty text behind the answer. */
function writeParts(
  conversation: Conversation,
  reply: Reply,
  split: (text: string) => readonly string[],
): readonly JsonObject[] {
  const written: JsonObject[] = [];
  let signature: string | undefined;
  for (const part of reply.parts) {
    if (part.kind === "reasoning") {
      signature = part.blob;
      const texts = conversation.wantsThoughts ? split(part.text) : [];
      written.push(...texts.map((text) => ({ text, thought: true })));
    } else if (part.kind === "call") {
      written.push({
        functionCall: writeCall(conversation, part),
        ...(signature && { thoughtSignature: signature }),
      });
      signature = undefined;
    } else {
      written.push(...split(part.text).map((text) => ({ text })));
    }
  }
  if (signature !== undefined) written.push({ text: "", thoughtSignature: signature });
  return written;
}

/** Vertex knows no call ids. */
function writeCall(conversation: Conversation, part: Extract<ReplyPart, { kind: "call" }>): JsonObject {
  const args = parseJson(part.input) ?? {};
  return conversation.house === "vertex" ? { name: part.name, args } : { id: part.id, name: part.name, args };
}

/** Candidates without thoughts; the total has both. */
function writeGeminiUsage(conversation: Conversation, tokens: TokenCounts): JsonObject {
  return {
    promptTokenCount: tokens.input,
    ...(tokens.cacheRead > 0 && { cachedContentTokenCount: tokens.cacheRead }),
    candidatesTokenCount: tokens.output - tokens.reasoning,
    ...(tokens.reasoning > 0 && { thoughtsTokenCount: tokens.reasoning }),
    totalTokenCount: tokens.input + tokens.output,
    promptTokensDetails: [{ modality: "TEXT", tokenCount: tokens.input }],
    ...(conversation.house === "vertex" && { trafficType: "ON_DEMAND" }),
  };
}
