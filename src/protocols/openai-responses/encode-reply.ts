/** A whole answer as the Response object: its parts go through the machine that writes streams, unheard. */
import type { JsonObject } from "#lib/json.ts";
import type { AssistantPart } from "#model/chat.ts";
import type { ChatEvent, PartStart } from "#model/chat-event.ts";
import type { Reply } from "#model/reply.ts";
import type { Envelope } from "#protocols/protocol.ts";
import { ReplyWriter } from "./reply-writer.ts";

export function encodeReply(reply: Reply, envelope: Envelope): JsonObject {
  const writer = new ReplyWriter(envelope, () => undefined);
  const [choice] = reply.choices;
  writer.push({ type: "start", ...(reply.model !== undefined && { model: reply.model }) });
  // The fold keeps one list of log probabilities for the answer; they belong to its first text.
  let logprobs = choice?.logprobs ?? [];
  for (const part of choice?.parts ?? []) {
    for (const event of partEvents(part, part.type === "text" ? logprobs : [])) writer.push(event);
    if (part.type === "text") logprobs = [];
  }
  if (choice) writer.push({ type: "finish", choice: 0, ...choice.finish });
  if (reply.usage) writer.push({ type: "usage", usage: reply.usage });
  writer.push({ type: "end" });
  const response = writer.response;
  if (!response) throw new Error("a reply that ended has no response object");
  return response;
}

/** The signature comes first, so that it stands before the call it signs. */
function partEvents(part: AssistantPart, logprobs: readonly JsonObject[]): readonly ChatEvent[] {
  const text = textOf(part);
  const citations = part.type === "text" ? (part.citations ?? []) : [];
  return [
    { type: "part_start", choice: 0, part: startOf(part) },
    ...(part.signature ? [{ type: "signature", choice: 0, opaque: part.signature } as const] : []),
    ...(text === "" ? [] : [{ type: "delta", choice: 0, text, logprobs } as const]),
    ...citations.map((citation) => ({ type: "citation", choice: 0, citation }) as const),
    { type: "part_end", choice: 0 },
  ];
}

function textOf(part: AssistantPart): string {
  switch (part.type) {
    case "text":
    case "refusal":
      return part.text;
    case "reasoning":
      return part.text ?? "";
    case "tool_call":
      return part.argumentsText;
    case "audio":
      return part.transcript ?? "";
    case "code":
      return part.code;
    case "code_result":
      return part.output;
    case "image":
    case "hosted":
      return "";
  }
}

function startOf(part: AssistantPart): PartStart {
  switch (part.type) {
    case "text":
    case "refusal":
      return { type: part.type };
    case "reasoning":
    case "tool_call":
    case "image":
    case "code":
    case "code_result":
    case "hosted":
      return part;
    case "audio":
      return { type: "audio" };
  }
}
