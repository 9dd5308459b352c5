/** What stands beside a candidate's content at its end: why it ended, citations, log probabilities. */
import { asArray, asNumber, asObject, asString, type JsonObject } from "#lib/json.ts";
import type { Citation } from "#model/chat.ts";
import type { StopReason } from "#model/chat-event.ts";
import { FINISH_WORDS } from "./finish-reason.ts";

export interface CandidateEnd {
  readonly reason: StopReason;
  readonly native?: string | undefined;
  readonly continuation?: string | undefined;
  readonly citations: readonly PlacedCitation[];
  readonly logprobs: readonly JsonObject[];
}

export interface PlacedCitation {
  readonly citation: Citation;
  /** The answer's text before the part that carries it, and the part's own. */
  readonly textBefore: string;
  readonly text: string;
}

export function encodeCandidateEnd(end: CandidateEnd): JsonObject {
  return {
    finishReason: finishWordOf(end.reason, end.native),
    ...(end.continuation !== undefined && { continuationToken: end.continuation }),
    ...encodeCitations(end.citations),
    ...encodeLogprobs(end.logprobs),
  };
}

function finishWordOf(reason: StopReason, native: string | undefined): string {
  if (native !== undefined && FINISH_WORDS.has(native)) return native;
  switch (reason) {
    case "stop":
    case "stop_sequence":
    case "tool_calls":
    case "pause":
      return "STOP";
    case "length":
    case "context_full":
      return "MAX_TOKENS";
    case "content_filter":
    case "refusal":
      return "SAFETY";
  }
}

const BLOCK_WORDS = new Set([
  "SAFETY",
  "OTHER",
  "BLOCKLIST",
  "PROHIBITED_CONTENT",
  "IMAGE_SAFETY",
  "MODEL_ARMOR",
  "JAILBREAK",
]);

/** A prompt that was refused before anything was said has no candidates at all. */
export function encodeBlock(native: string | undefined): JsonObject {
  return {
    promptFeedback: { blockReason: native !== undefined && BLOCK_WORDS.has(native) ? native : "OTHER" },
  };
}

// ---- citations ------------------------------------------------------------------------------------------------

/**
 * Google's own citations go back in their own form; all others as `citationMetadata`, whose list is `citations` to
 * readers of Vertex and `citationSources` to those of AI Studio: each reads only its own.
 */
function encodeCitations(placed: readonly PlacedCitation[]): JsonObject {
  const chunks = new Map<string, JsonObject>();
  const supports: JsonObject[] = [];
  const citations: JsonObject[] = [];
  for (const item of placed) {
    const raw = item.citation.raw?.protocol === "gemini" ? item.citation.raw.value : undefined;
    const chunk = asObject(raw?.["groundingChunk"]);
    const support = asObject(raw?.["groundingSupport"]);
    if (chunk && support) {
      const key = JSON.stringify(chunk);
      chunks.set(key, chunk);
      supports.push({ ...support, groundingChunkIndices: [[...chunks.keys()].indexOf(key)] });
    } else {
      citations.push(asObject(raw?.["citation"]) ?? encodeCitation(item));
    }
  }
  return {
    ...(supports.length > 0 && {
      groundingMetadata: { groundingChunks: [...chunks.values()], groundingSupports: supports },
    }),
    ...(citations.length > 0 && { citationMetadata: { citations, citationSources: citations } }),
  };
}

function encodeCitation({ citation, textBefore, text }: PlacedCitation): JsonObject {
  const base = Buffer.byteLength(textBefore, "utf8");
  const bytesTo = (index: number) => base + Buffer.byteLength(text.slice(0, index), "utf8");
  return {
    ...(citation.start !== undefined && { startIndex: bytesTo(citation.start) }),
    ...(citation.end !== undefined && { endIndex: bytesTo(citation.end) }),
    ...(citation.url !== undefined && { uri: citation.url }),
    ...(citation.title !== undefined && { title: citation.title }),
  };
}

// ---- log probabilities ----------------------------------------------------------------------------------------

function encodeLogprobs(records: readonly JsonObject[]): JsonObject {
  if (records.length === 0) return {};
  const chosenCandidates = records.map(toCandidate);
  const topCandidates = records.map((record) => ({
    candidates: asArray(record["top_logprobs"]).map((top) => toCandidate(asObject(top) ?? {})),
  }));
  return { logprobsResult: { chosenCandidates, topCandidates } };
}

function toCandidate(record: JsonObject): JsonObject {
  return { token: asString(record["token"]) ?? "", logProbability: asNumber(record["logprob"]) ?? 0 };
}
