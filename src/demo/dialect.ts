/** One wire API of the demo: how it reads requests and writes answers. Flavours (`House`) are told apart inside. */
import type { JsonObject } from "#lib/json.ts";
import { formatSse } from "#lib/sse.ts";
import { writeAnthropicFrames, writeAnthropicReply } from "./anthropic-reply.ts";
import { readAnthropicRequest } from "./anthropic-request.ts";
import { writeChatFrames, writeChatReply } from "./chat-reply.ts";
import { readChatRequest } from "./chat-request.ts";
import type { Api, Conversation, Frame, House, Reply } from "./conversation.ts";
import { writeGeminiFrames, writeGeminiReply } from "./gemini-reply.ts";
import { readGeminiRequest } from "./gemini-request.ts";
import { writeResponsesFrames, writeResponsesReply } from "./responses-reply.ts";
import { readResponsesRequest } from "./responses-request.ts";
import { type VendorError, writeError, writeOpenAiError } from "./vendor-error.ts";

interface ReadOptions {
  readonly house: House;
  readonly model: string;
  readonly isStream: boolean;
  /** The model signs its thoughts and wants them back. */
  readonly checksBlobs: boolean;
  /** Only the tokens are asked for. */
  readonly isCount: boolean;
}

export interface Dialect {
  /** Throws VendorError. */
  read(body: JsonObject, options: ReadOptions): Conversation;
  writeReply(conversation: Conversation, reply: Reply): JsonObject;
  writeFrames(conversation: Conversation, reply: Reply): readonly Frame[];
  /** An error after the stream has begun. */
  writeStreamError(error: VendorError, conversation: Conversation): string;
  /** An event whose JSON is cut off. */
  readonly malformedEvent: string;
}

export const DIALECTS: Readonly<Record<Api, Dialect>> = {
  chat: {
    read: readChatRequest,
    writeReply: writeChatReply,
    writeFrames: writeChatFrames,
    writeStreamError: writeChatStreamError,
    malformedEvent: 'data: {"id":"chatcmpl-broken","choices":[{"index":0,"delta":{"content":"br\n\n',
  },
  responses: {
    read: readResponsesRequest,
    writeReply: writeResponsesReply,
    writeFrames: writeResponsesFrames,
    writeStreamError: writeResponsesStreamError,
    malformedEvent: 'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","del\n\n',
  },
  anthropic: {
    read: readAnthropicRequest,
    writeReply: writeAnthropicReply,
    writeFrames: writeAnthropicFrames,
    writeStreamError: (error) =>
      formatSse(JSON.stringify(writeError(error, "anthropic", "anthropic")), "error"),
    malformedEvent: 'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"del\n\n',
  },
  gemini: {
    read: readGeminiRequest,
    writeReply: writeGeminiReply,
    writeFrames: writeGeminiFrames,
    writeStreamError: (error, conversation) =>
      `data: ${JSON.stringify(writeError(error, "gemini", conversation.house))}\r\n\r\n`,
    malformedEvent: 'data: {"candidates":[{"content":{"parts":[{"te\r\n\r\n',
  },
};

function writeChatStreamError(error: VendorError, conversation: Conversation): string {
  const envelope = writeError(error, "chat", conversation.house);
  if (conversation.house !== "openrouter") return formatSse(JSON.stringify(envelope));
  const choice = { index: 0, delta: { content: "" }, finish_reason: "error", native_finish_reason: "error" };
  const head = { id: "gen-error", object: "chat.completion.chunk", created: 0, model: conversation.model };
  return formatSse(JSON.stringify({ ...head, provider: "Demo", ...envelope, choices: [choice] }));
}

/** The live API nests the error, unlike its published type. */
function writeResponsesStreamError(error: VendorError): string {
  // Sequence numbers rise; a large one never repeats an earlier one.
  const event = { type: "error", sequence_number: 1_000_000, error: writeOpenAiError(error) };
  return formatSse(JSON.stringify(event), "error");
}
