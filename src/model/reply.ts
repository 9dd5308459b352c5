/** A whole answer, folded from its events. What every client API's unary encoder writes. */
import type { Json, JsonObject } from "#lib/json.ts";
import type { Mutable } from "#lib/mutable.ts";
import type { AssistantPart, Citation, Media, Opaque } from "./chat.ts";
import type { ChatEvent, PartStart, StopReason } from "./chat-event.ts";
import { mergeUsage, type Usage } from "./usage.ts";

export interface Reply {
  readonly id?: string;
  readonly model?: string;
  readonly createdAtSeconds?: number;
  /** By choice index, dense. */
  readonly choices: readonly ReplyChoice[];
  readonly usage?: Usage;
}

export interface ReplyChoice {
  readonly parts: readonly AssistantPart[];
  readonly logprobs?: readonly JsonObject[];
  readonly finish: {
    readonly reason: StopReason;
    readonly stopSequence?: string;
    readonly native?: string;
    readonly detail?: Json;
    readonly continuation?: string;
  };
}

interface OpenPart {
  readonly start: PartStart;
  text: string;
  transcript: string;
  signature: Opaque | undefined;
  readonly citations: Citation[];
}

interface OpenChoice {
  readonly parts: AssistantPart[];
  readonly logprobs: JsonObject[];
  open: OpenPart | undefined;
  finish: ReplyChoice["finish"];
}

/** Folds a complete event sequence. Throws the failure where the sequence ends in one. */
export function foldReply(events: Iterable<ChatEvent>): Reply {
  const choices: OpenChoice[] = [];
  let start: Omit<StartEvent, "type"> = {};
  let usage: Usage | undefined;
  for (const event of events) {
    switch (event.type) {
      case "start":
        start = event;
        break;
      case "usage":
        usage = mergeUsage(usage, event.usage);
        break;
      case "error":
        throw event.failure;
      case "end":
        break;
      case "part_start":
      case "delta":
      case "transcript":
      case "signature":
      case "citation":
      case "part_end":
      case "finish":
        apply(choiceAt(choices, event.choice), event);
    }
  }
  if (choices.length === 0) choices.push(emptyChoice());
  const reply: Mutable<Reply> = { choices: choices.map(toChoice) };
  const told = usage ?? start.usage;
  if (start.id !== undefined) reply.id = start.id;
  if (start.model !== undefined) reply.model = start.model;
  if (start.createdAtSeconds !== undefined) reply.createdAtSeconds = start.createdAtSeconds;
  if (told) reply.usage = told;
  return reply;
}

function toChoice({ parts, logprobs, finish }: OpenChoice): ReplyChoice {
  return logprobs.length === 0 ? { parts, finish } : { parts, logprobs, finish };
}

type StartEvent = Extract<ChatEvent, { type: "start" }>;
type ChoiceEvent = Extract<ChatEvent, { choice: number }>;

function apply(choice: OpenChoice, event: ChoiceEvent): void {
  const open = choice.open;
  switch (event.type) {
    case "part_start":
      choice.open = { start: event.part, text: "", transcript: "", signature: undefined, citations: [] };
      return;
    case "part_end":
      if (open) choice.parts.push(closePart(open));
      choice.open = undefined;
      return;
    case "delta":
      if (open) open.text += event.text;
      if (event.logprobs) choice.logprobs.push(...event.logprobs);
      return;
    case "transcript":
      if (open) open.transcript += event.text;
      return;
    case "signature":
      if (open) open.signature = event.opaque;
      return;
    case "citation":
      open?.citations.push(event.citation);
      return;
    case "finish": {
      const { type: _, choice: __, ...finish } = event;
      choice.finish = finish;
    }
  }
}

function closePart(open: OpenPart): AssistantPart {
  const signature = open.signature && { signature: open.signature };
  const start = open.start;
  switch (start.type) {
    case "text": {
      const citations = open.citations.length > 0 && { citations: open.citations };
      if (!citations && !signature) return { type: "text", text: open.text };
      return { type: "text", text: open.text, ...citations, ...signature };
    }
    case "refusal":
      return { type: "refusal", text: open.text, ...signature };
    case "reasoning":
      return { ...start, ...(open.text !== "" && { text: open.text }), ...signature };
    case "tool_call":
      return { ...start, argumentsText: open.text, ...signature };
    case "image":
      return { ...start, ...signature };
    case "audio":
      return closeAudio(open, start);
    case "code":
      return { ...start, code: open.text, ...signature };
    case "code_result":
      return { ...start, output: open.text, ...signature };
    case "hosted":
      return { ...start, ...signature };
  }
}

function closeAudio(open: OpenPart, start: Extract<PartStart, { type: "audio" }>): AssistantPart {
  const media: Media | undefined =
    open.text === ""
      ? undefined
      : { from: "base64", mime: start.mime ?? "application/octet-stream", data: open.text };
  return {
    type: "audio",
    ...(start.id !== undefined && { id: start.id }),
    ...(media && { media }),
    ...(open.transcript !== "" && { transcript: open.transcript }),
    ...(open.signature && { signature: open.signature }),
  };
}

function choiceAt(choices: OpenChoice[], index: number): OpenChoice {
  while (choices.length <= index) choices.push(emptyChoice());
  const choice = choices[index];
  if (!choice) throw new Error(`no choice ${index}`);
  return choice;
}

function emptyChoice(): OpenChoice {
  return { parts: [], logprobs: [], open: undefined, finish: { reason: "stop" } };
}
