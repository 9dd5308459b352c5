/**
 * What a person would say an answer holds, the same record for every API: on one side from the canonical reply, by the
 * tables of the mapping and written apart from the encoders; on the other from what an official SDK made of the bytes.
 */
import { parseJson, type Json } from "#lib/json.ts";
import type { AssistantPart, ProtocolName } from "#model/chat.ts";
import type { StopReason } from "#model/chat-event.ts";
import type { Reply, ReplyChoice } from "#model/reply.ts";
import type { Usage } from "#model/usage.ts";

export interface Reading {
  readonly choices: readonly ChoiceReading[];
  /** Under the client API's own names and meaning. */
  readonly usage: Readonly<Record<string, number>>;
}

export interface ChoiceReading {
  text: string;
  reasoning: string;
  refusal: string;
  calls: { readonly name: string; readonly input: Json }[];
  /** Code that was run, and what it printed, where the API keeps them apart from the text. */
  code: string[];
  /** Base64 of generated pictures and sounds. */
  media: string[];
  /** Opaque state, opened: sorted, each once. */
  blobs: string[];
  /** Addresses cited: sorted, each once. */
  urls: string[];
  finish: string;
}

export const emptyChoice = (): ChoiceReading => ({
  text: "",
  reasoning: "",
  refusal: "",
  calls: [],
  code: [],
  media: [],
  blobs: [],
  urls: [],
  finish: "",
});

/** Arguments as clients parse them. */
export function parseInput(text: string): Json {
  if (text.trim() === "") return {};
  return parseJson(text) ?? text;
}

export function expectedReading(reply: Reply, api: ProtocolName): Reading {
  const isPlural = api === "openai-chat" || api === "gemini";
  const choices = isPlural ? reply.choices : reply.choices.slice(0, 1);
  return {
    choices: choices.map((choice) => readChoice(choice, api)),
    usage: reply.usage ? usageFor(reply.usage, api) : {},
  };
}

function readChoice(choice: ReplyChoice, api: ProtocolName): ChoiceReading {
  const reading = emptyChoice();
  for (const part of choice.parts) addPart(reading, part, { api, finish: choice.finish.reason });
  reading.blobs = sortedOnce(
    choice.parts.flatMap((part) => {
      const { signature } = part;
      return signature && signature.kind !== "unsigned" && bearsState(part, api) ? [signature.data] : [];
    }),
  );
  reading.urls = sortedOnce(
    choice.parts.flatMap((part) =>
      part.type === "text" ? (part.citations ?? []).flatMap(({ url }) => url || []) : [],
    ),
  );
  const hasCalls = choice.parts.some((part) => part.type === "tool_call");
  const hasRefusal = choice.parts.some((part) => part.type === "refusal");
  reading.finish = finishFor(choice.finish, {
    api,
    hasCalls,
    hasRefusal,
    isEmpty: choice.parts.length === 0,
  });
  return reading;
}

export function sortedOnce(texts: readonly string[]): string[] {
  return [...new Set(texts)].sort();
}

/** What an API turns into text, or has no place for, it cannot hand back as what its maker signed. */
function bearsState(part: AssistantPart, api: ProtocolName): boolean {
  if (part.type === "hosted") return part.protocol === api;
  if (api === "openai-responses" || api === "gemini") return true;
  return part.type === "reasoning" || part.type === "text" || part.type === "tool_call";
}

interface Place {
  readonly api: ProtocolName;
  readonly finish: StopReason;
}

function addPart(reading: ChoiceReading, part: AssistantPart, { api, finish }: Place): void {
  const hasRefusals = api === "openai-chat" || api === "openai-responses";
  const hasCode = api === "openai-responses" || api === "gemini";
  switch (part.type) {
    case "text":
      reading.text += part.text;
      return;
    case "refusal":
      reading[hasRefusals ? "refusal" : "text"] += part.text;
      return;
    case "reasoning":
      reading.reasoning += part.text ?? "";
      return;
    case "tool_call": {
      const { name, argumentsText } = part;
      if (part.custom) {
        const takesObjects = api === "anthropic-messages" || api === "gemini";
        reading.calls.push({ name, input: takesObjects ? { input: argumentsText } : argumentsText });
        return;
      }
      const input = parseInput(argumentsText);
      // Arguments the output limit cut off cannot be said as an object.
      if (typeof input === "string" && finish === "length" && api === "gemini") return;
      reading.calls.push({ name, input });
      return;
    }
    case "code":
    case "code_result": {
      const isCode = part.type === "code";
      const text = isCode ? part.code : part.output;
      if (hasCode) reading.code.push(text);
      else reading.text += fenced(text, isCode ? part.language : "", api);
      return;
    }
    case "image": {
      const { media } = part;
      if (media.from !== "base64") throw new Error("no recorded answer shows a picture by its address");
      if (api === "anthropic-messages") reading.text += noteOf(`an image (${media.mime})`);
      else reading.media.push(media.data);
      return;
    }
    case "audio":
      if (api === "openai-chat" || api === "gemini") {
        if (part.media?.from === "base64") reading.media.push(part.media.data);
      }
      if (api === "anthropic-messages") reading.text += part.transcript ?? noteOf("audio");
      else if (api !== "openai-chat") reading.text += part.transcript ?? "";
      return;
    case "hosted":
    // Only its own API has a place for a hosted tool's block.
  }
}

const noteOf = (what: string) => `[The model produced ${what}, which this API cannot carry.]`;

/** Messages puts code into a block of its own; Chat Completions has one text and needs the line ends. */
function fenced(text: string, language: string, api: ProtocolName): string {
  return api === "openai-chat"
    ? `\n\`\`\`${language.toLowerCase()}\n${text}\n\`\`\`\n`
    : `\`\`\`${language}\n${text}\n\`\`\``;
}

// ---- why it ended ---------------------------------------------------------------------------------------------

interface Ending {
  readonly api: ProtocolName;
  readonly hasCalls: boolean;
  readonly hasRefusal: boolean;
  readonly isEmpty: boolean;
}

const words = {
  "openai-chat": {
    stop: "stop",
    stop_sequence: "stop",
    length: "length",
    context_full: "length",
    tool_calls: "tool_calls",
    content_filter: "content_filter",
    refusal: "content_filter",
    pause: "stop",
  },
  "openai-responses": {
    stop: "completed",
    stop_sequence: "completed",
    length: "max_output_tokens",
    context_full: "max_output_tokens",
    tool_calls: "completed",
    content_filter: "content_filter",
    refusal: "content_filter",
    pause: "completed",
  },
  "anthropic-messages": {
    stop: "end_turn",
    stop_sequence: "stop_sequence",
    length: "max_tokens",
    context_full: "model_context_window_exceeded",
    tool_calls: "tool_use",
    content_filter: "refusal",
    refusal: "refusal",
    pause: "pause_turn",
  },
  gemini: {
    stop: "STOP",
    stop_sequence: "STOP",
    length: "MAX_TOKENS",
    context_full: "MAX_TOKENS",
    tool_calls: "STOP",
    content_filter: "SAFETY",
    refusal: "SAFETY",
    pause: "STOP",
  },
} as const satisfies Record<ProtocolName, Record<StopReason, string>>;

function finishFor(finish: ReplyChoice["finish"], ending: Ending): string {
  const { api, hasCalls, hasRefusal, isEmpty } = ending;
  const { reason, native = "" } = finish;
  if (reason === "refusal" && hasRefusal && api === "openai-chat") return "stop";
  if (reason === "refusal" && hasRefusal && api === "openai-responses") return "completed";
  // Google's own word goes back to Google's own clients.
  if (api === "gemini" && /^[A-Z_]{4,}$/.test(native))
    return isEmpty && reason === "refusal" ? "blocked" : native;
  if (api === "gemini" && isEmpty && reason === "refusal") return "blocked";
  if (api === "anthropic-messages" && native === "compaction") return native;
  // Clients run tools only where they are told to.
  const told = reason === "stop" && hasCalls ? "tool_calls" : reason;
  return words[api][told];
}

// ---- tokens ---------------------------------------------------------------------------------------------------

function usageFor(usage: Usage, api: ProtocolName): Record<string, number> {
  const { input = 0, cacheRead = 0, cacheWrite = 0, output = 0, reasoning = 0, toolPrompt = 0 } = usage;
  const total = input + cacheRead + cacheWrite;
  switch (api) {
    case "openai-chat":
    case "openai-responses":
      return { input: total, cacheRead, cacheWrite, output, reasoning, total: total + output };
    case "anthropic-messages":
      return { input, cacheRead, cacheWrite, output, reasoning };
    case "gemini":
      return {
        input: total - toolPrompt,
        toolPrompt,
        cacheRead,
        output: output - reasoning,
        reasoning,
        total: total + output,
      };
  }
}
