/**
 * What a request means, whichever API said it: the canonical form without spelling. Two requests with the same meaning
 * ask a model the same thing; `differences` names the places where they do not.
 */
import { isDeepStrictEqual } from "node:util";
import { isObject, parseJson, type Json, type JsonObject } from "#lib/json.ts";
import type { Chat, Media, Tool, Turn } from "#model/chat.ts";

/**
 * Everything a `Chat` holds but the lane it came by (API, model, streaming, versions) and what is mere spelling: where
 * texts are cut, names of calls, whether a default is said, how thoughts are to be shown.
 */
export function meaningOf(chat: Chat): JsonObject {
  const { system, turns, tools, extensions, reasoning, output, toolChoice, ...rest } = chat;
  const {
    protocol: _,
    model: __,
    stream: ___,
    includeUsage: ____,
    betas: _____,
    apiVersion: ______,
    ...settings
  } = rest;
  const hasMarks = system.some(({ cache }) => cache !== undefined);
  const isDefaultChoice = toolChoice?.mode === "auto" && toolChoice.allowed === undefined;
  return toJson({
    ...settings,
    ...extensions,
    ...(reasoning && { reasoning: reasoningMeaning(reasoning) }),
    ...(output && { output: outputMeaning(output) }),
    ...(!isDefaultChoice && { toolChoice }),
    system: hasMarks
      ? system.map(({ text, cache }) => ({ text, cache }))
      : system.map(({ text }) => text).join("\n\n"),
    turns: merge(turns),
    tools: tools.map(toolMeaning),
  });
}

function reasoningMeaning({ mode, effort, budgetTokens }: NonNullable<Chat["reasoning"]>): string {
  if (mode === "off" || effort === "none" || budgetTokens === 0) return "off";
  return effort ?? budgetTokens?.toString() ?? "on";
}

function outputMeaning(output: NonNullable<Chat["output"]>): unknown {
  if (output.type === "text" || output.type === "json") return output;
  return output.type === "enum" ? output.values : { schema: output.schema };
}

function toolMeaning(tool: Tool): unknown {
  if (tool.type === "hosted") return { kind: tool.kind, value: tool.value };
  const { type, name, description } = tool;
  if (tool.type === "custom") return { type, name, description, format: tool.format };
  const { cache } = tool;
  const { properties } = tool.schema ?? {};
  const isEmpty = properties === undefined || (isObject(properties) && Object.keys(properties).length === 0);
  return { type, name, description, cache, ...(!isEmpty && { schema: tool.schema }) };
}

/** Neighbouring turns of one side are one turn; calls are named by their order. */
function merge(turns: readonly Turn[]): unknown[] {
  const names = new Map<string, string>();
  const nameOf = (id: string) => {
    if (!names.has(id)) names.set(id, `call ${names.size}`);
    return names.get(id);
  };
  const merged: { side: string; parts: unknown[] }[] = [];
  for (const turn of turns) {
    const last = merged.at(-1);
    const parts =
      turn.side === "system"
        ? turn.parts.map(({ text }) => ({ text }))
        : turn.parts.map((part) => partMeaning(part, nameOf));
    if (last?.side === turn.side) last.parts.push(...parts);
    else merged.push({ side: turn.side, parts });
  }
  return merged;
}

type Part = Exclude<Turn, { side: "system" }>["parts"][number];

function partMeaning(part: Part, nameOf: (id: string) => string | undefined): unknown {
  const signature = part.signature?.data === SENTINEL ? undefined : part.signature?.data;
  switch (part.type) {
    case "tool_call": {
      const { type, id, name, argumentsText, custom } = part;
      const input = custom ? argumentsText : (parseJson(argumentsText) ?? {});
      return { type, call: nameOf(id), name, input, custom, signature };
    }
    case "tool_result": {
      const { type, callId, isError, custom, cache } = part;
      const content = part.content.filter((entry) => entry.type !== "text" || entry.text !== "");
      return {
        type,
        call: nameOf(callId),
        content: content.map((entry) => partMeaning(entry, nameOf)),
        isError,
        custom,
        cache,
      };
    }
    case "document": {
      const { type, media, blocks, title, filename, context, citations, cache } = part;
      const named = title ?? filename;
      return { type, media: media && mediaMeaning(media), blocks, named, context, citations, cache };
    }
    case "image":
      return { ...part, ...("media" in part && { media: mediaMeaning(part.media) }), signature };
    case "video":
      return { ...part, media: mediaMeaning(part.media) };
    case "hosted":
      return { type: part.type, value: part.value };
    case "reasoning":
      return { type: part.type, kind: part.kind, text: part.text, signature };
    case "text":
    case "refusal":
    case "audio":
    case "code":
    case "code_result":
    case "search_result":
    case "unknown":
      return { ...part, signature };
  }
}

/** What Gemini takes in place of a signature it never made. */
const SENTINEL = "skip_thought_signature_validator";

/** A text document is the same in base64; the type of what is fetched is the server's to say. */
function mediaMeaning(media: Media): unknown {
  if (media.from === "url") return { url: media.url };
  if (media.from === "text") return { text: media.text };
  if (media.from === "base64" && media.mime.startsWith("text/")) {
    return { text: Buffer.from(media.data, "base64").toString() };
  }
  return media;
}

/** Drops what is undefined, so that absent and undefined are the same. */
function toJson(value: unknown): JsonObject {
  const copy = parseJson(JSON.stringify(value));
  return isObject(copy) ? copy : {};
}

/** Paths where the second meaning differs from the first, each with both values. */
export function differences(before: Json | undefined, after: Json | undefined, path = ""): readonly string[] {
  if (isDeepStrictEqual(before, after)) return [];
  if (Array.isArray(before) && Array.isArray(after) && before.length === after.length) {
    return before.flatMap((entry: Json, index) => differences(entry, after[index], `${path}[${index}]`));
  }
  if (isObject(before) && isObject(after)) {
    return [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap((key) =>
      differences(before[key], after[key], path === "" ? key : `${path}.${key}`),
    );
  }
  return [`${path}: ${show(before)} -> ${show(after)}`];
}

const show = (value: Json | undefined) => (value === undefined ? "-" : JSON.stringify(value).slice(0, 160));
