/** A whole answer as `GenerateContentResponse`. */
import type { JsonObject } from "#lib/json.ts";
import type { AssistantPart } from "#model/chat.ts";
import type { Reply, ReplyChoice } from "#model/reply.ts";
import type { Envelope } from "#protocols/protocol.ts";
import { answerParts, isCutOff, signatureField } from "./answer-part.ts";
import { encodeBlock, encodeCandidateEnd, type PlacedCitation } from "./encode-candidate.ts";
import { usageField } from "./encode-usage.ts";

export function encodeReply(reply: Reply, envelope: Envelope): JsonObject {
  const [first] = reply.choices;
  const isBlocked =
    reply.choices.length === 1 && first?.finish.reason === "refusal" && first.parts.every(isNothing);
  return {
    ...(isBlocked
      ? encodeBlock(first.finish.native)
      : { candidates: reply.choices.map((choice, index) => encodeChoice(choice, index, envelope)) }),
    ...usageField(reply.usage),
    modelVersion: reply.model ?? envelope.model,
    responseId: envelope.id,
  };
}

function isNothing(part: AssistantPart): boolean {
  return (part.type === "text" || part.type === "refusal") && part.text === "" && !part.signature;
}

function encodeChoice(choice: ReplyChoice, index: number, envelope: Envelope): JsonObject {
  const last = choice.parts.at(-1);
  const isLastCut = last?.type === "tool_call" && isCutOff(last, choice.finish.reason);
  const parts = isLastCut ? choice.parts.slice(0, -1) : choice.parts;
  const wire = parts.flatMap((part) => encodePart(part, envelope));
  return {
    content: { role: "model", ...(wire.length > 0 && { parts: wire }) },
    ...encodeCandidateEnd({
      reason: choice.finish.reason,
      native: choice.finish.native,
      continuation: choice.finish.continuation,
      citations: placeCitations(parts),
      logprobs: choice.logprobs ?? [],
    }),
    index,
  };
}

function encodePart(part: AssistantPart, envelope: Envelope): readonly JsonObject[] {
  const [first, ...rest] = answerParts(part, envelope.chat.reasoning);
  return first ? [{ ...first, ...signatureField(part.signature, envelope) }, ...rest] : [];
}

/** Google counts in the answer's whole text; canonical citations count in their own part. */
function placeCitations(parts: readonly AssistantPart[]): readonly PlacedCitation[] {
  const placed: PlacedCitation[] = [];
  let textBefore = "";
  for (const part of parts) {
    if (part.type !== "text") continue;
    for (const citation of part.citations ?? []) placed.push({ citation, textBefore, text: part.text });
    textBefore += part.text;
  }
  return placed;
}
