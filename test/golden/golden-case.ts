/** One feature of a request, as each client API that has it would say it. */
import type { JsonObject } from "#lib/json.ts";
import type { ProtocolName } from "#model/chat.ts";

export interface GoldenCase {
  readonly feature: string;
  /** Without `model`, which is not what is looked at; `max_tokens` is filled in for Messages. */
  readonly inputs: Readonly<Partial<Record<ProtocolName, JsonObject>>>;
}

/** One user's question in every API, for cases that are about something else. */
const asked = {
  chat: { messages: [{ role: "user", content: "What is it?" }] },
  responses: { input: "What is it?" },
  messages: { messages: [{ role: "user", content: "What is it?" }] },
  gemini: { contents: [{ role: "user", parts: [{ text: "What is it?" }] }] },
} as const;

/** The fields of each API beside the same question. */
export function settings(
  feature: string,
  fields: {
    readonly chat?: JsonObject;
    readonly responses?: JsonObject;
    readonly messages?: JsonObject;
    readonly gemini?: JsonObject;
  },
): GoldenCase {
  return {
    feature,
    inputs: {
      ...(fields.chat && { "openai-chat": { ...asked.chat, ...fields.chat } }),
      ...(fields.responses && { "openai-responses": { ...asked.responses, ...fields.responses } }),
      ...(fields.messages && { "anthropic-messages": { ...asked.messages, ...fields.messages } }),
      ...(fields.gemini && { gemini: { ...asked.gemini, ...fields.gemini } }),
    },
  };
}

/** A user turn of parts in each API. */
export function userParts(
  feature: string,
  parts: {
    readonly chat?: readonly JsonObject[];
    readonly responses?: readonly JsonObject[];
    readonly messages?: readonly JsonObject[];
    readonly gemini?: readonly JsonObject[];
  },
): GoldenCase {
  return settings(feature, {
    ...(parts.chat && { chat: { messages: [{ role: "user", content: parts.chat }] } }),
    ...(parts.responses && { responses: { input: [{ role: "user", content: parts.responses }] } }),
    ...(parts.messages && { messages: { messages: [{ role: "user", content: parts.messages }] } }),
    ...(parts.gemini && { gemini: { contents: [{ role: "user", parts: parts.gemini }] } }),
  });
}

export const PNG =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
export const PDF = "JVBERi0xLjQK";
export const WAV = "UklGRiQAAABXQVZFZm10IBAAAAABAAEA";
export const MP4 = "AAAAGGZ0eXBpc29tAAAAAGlzb20=";
