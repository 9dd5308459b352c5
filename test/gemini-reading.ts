/**
 * One answer, read twice: from our events, and from what Google's own SDK makes of the same bytes. Both come down to the
 * same plain record, so that a test can compare them; nothing here is shared with the decoders.
 */
import type { GenerateContentResponse } from "@google/genai";
import { asObject, type JsonObject } from "#lib/json.ts";
import type { ChatEvent } from "#model/chat-event.ts";

export interface Reading {
  readonly text: string;
  readonly thoughts: string;
  readonly calls: readonly { readonly name: string; readonly args: unknown }[];
  /** In order of appearance. */
  readonly signatures: readonly string[];
  readonly blobs: readonly string[];
  readonly code: readonly string[];
  readonly hosted: number;
  readonly tokens: JsonObject;
}

export function readEvents(events: readonly ChatEvent[]): Reading {
  const reading = new Draft();
  let kind = "";
  let name = "";
  let body = "";
  for (const event of events) {
    if (event.type === "part_start") {
      kind = event.part.type;
      body = "";
      if (event.part.type === "tool_call") name = event.part.name;
      if (event.part.type === "image" && event.part.media.from === "base64")
        reading.blobs.push(event.part.media.data);
      if (event.part.type === "hosted") reading.hosted += 1;
    }
    if (event.type === "delta") body += event.text;
    if (event.type === "signature") reading.signatures.push(event.opaque.data);
    if (event.type === "usage") {
      const { usage } = event;
      reading.tokens = {
        prompt: (usage.input ?? 0) + (usage.cacheRead ?? 0),
        cached: usage.cacheRead ?? 0,
        output: usage.output ?? 0,
        thoughts: usage.reasoning ?? 0,
      };
    }
    if (event.type !== "part_end") continue;
    if (kind === "text") reading.text += body;
    if (kind === "reasoning") reading.thoughts += body;
    if (kind === "tool_call") reading.calls.push({ name, args: JSON.parse(body) });
    if (kind === "audio") reading.blobs.push(body);
    if (kind === "code" || kind === "code_result") reading.code.push(body);
  }
  return reading;
}

/** What the SDK saw, chunk by chunk; a whole answer is one chunk. */
export function readResponses(responses: readonly GenerateContentResponse[]): Reading {
  const reading = new Draft();
  for (const response of responses) {
    for (const part of response.candidates?.[0]?.content?.parts ?? []) {
      if (part.thoughtSignature) reading.signatures.push(part.thoughtSignature);
      if (part.text !== undefined && part.thought) reading.thoughts += part.text;
      else if (part.text !== undefined) reading.text += part.text;
      if (part.functionCall)
        reading.calls.push({ name: part.functionCall.name ?? "", args: part.functionCall.args ?? {} });
      if (part.inlineData?.data) reading.blobs.push(part.inlineData.data);
      if (part.executableCode) reading.code.push(part.executableCode.code ?? "");
      if (part.codeExecutionResult) reading.code.push(part.codeExecutionResult.output ?? "");
      if (part.toolCall ?? part.toolResponse) reading.hosted += 1;
    }
    const usage = response.usageMetadata;
    if (usage?.totalTokenCount === undefined && usage?.candidatesTokenCount === undefined) continue;
    const thoughts = usage.thoughtsTokenCount ?? 0;
    reading.tokens = {
      prompt: (usage.promptTokenCount ?? 0) + (usage.toolUsePromptTokenCount ?? 0),
      cached: usage.cachedContentTokenCount ?? 0,
      output: (usage.candidatesTokenCount ?? 0) + thoughts,
      thoughts,
    };
  }
  return reading;
}

class Draft implements Reading {
  text = "";
  thoughts = "";
  calls: { name: string; args: unknown }[] = [];
  signatures: string[] = [];
  blobs: string[] = [];
  code: string[] = [];
  hosted = 0;
  tokens: JsonObject = {};
}

/**
 * A request body in one spelling, so that two can be compared: camelCase, lists, merged roles, standard base64, and
 * without what says nothing (empty texts, the user's role). Written apart from the decoder.
 */
export function normalRequest(body: JsonObject, omitsIds: boolean): unknown {
  const { model: _, ...rest } = asObject(camel(body)) ?? {};
  const contents = list(rest["contents"]).reduce<{ role: string; parts: unknown[] }[]>((merged, value) => {
    const content = asObject(value) ?? {};
    const role = typeof content["role"] === "string" && content["role"] !== "" ? content["role"] : "user";
    const parts = list(content["parts"])
      .map((part) => normalPart(asObject(part) ?? {}, omitsIds))
      .filter((part) => part["text"] !== "" || part["thoughtSignature"] !== undefined);
    const last = merged.at(-1);
    if (last?.role === role) last.parts.push(...parts);
    else merged.push({ role, parts });
    return merged;
  }, []);
  const system = asObject(rest["systemInstruction"]);
  const generationConfig = asObject(rest["generationConfig"]);
  const toolConfig = asObject(rest["toolConfig"]);
  return sorted({
    ...rest,
    toolConfig: toolConfig && upperMode(toolConfig),
    contents,
    ...(system && { systemInstruction: { parts: list(system["parts"]) } }),
    ...(rest["tools"] !== undefined && { tools: list(rest["tools"]) }),
    generationConfig: generationConfig && upperLevel(generationConfig),
  });
}

function upperLevel(config: JsonObject): unknown {
  const thinking = asObject(config["thinkingConfig"]);
  const level = thinking?.["thinkingLevel"];
  if (Object.keys(config).length === 0) return undefined;
  if (typeof level !== "string") return config;
  return { ...config, thinkingConfig: { ...thinking, thinkingLevel: level.toUpperCase() } };
}

function upperMode(config: JsonObject): unknown {
  const calling = asObject(config["functionCallingConfig"]);
  const mode = calling?.["mode"];
  if (typeof mode !== "string") return config;
  return { ...config, functionCallingConfig: { ...calling, mode: mode.toUpperCase() } };
}

function normalPart(part: JsonObject, omitsIds: boolean): JsonObject {
  const result: Record<string, JsonObject[string]> = { ...part };
  for (const name of ["functionCall", "functionResponse"]) {
    const inner = asObject(part[name]);
    if (!inner) continue;
    const { id, ...bare } = inner;
    const nested = bare["parts"];
    const rest = Array.isArray(nested)
      ? { ...bare, parts: nested.map((item) => standard(asObject(item) ?? {})) }
      : bare;
    result[name] = omitsIds || id === undefined ? rest : { ...rest, id };
  }
  const blob = asObject(part["inlineData"]);
  if (blob) result["inlineData"] = standard(blob);
  return result;
}

function standard(blob: JsonObject): JsonObject {
  const data = blob["data"];
  if (asObject(blob["inlineData"]))
    return { ...blob, inlineData: standard(asObject(blob["inlineData"]) ?? {}) };
  return typeof data === "string" ? { ...blob, data: data.replaceAll("-", "+").replaceAll("_", "/") } : blob;
}

function list(value: unknown): readonly unknown[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value];
}

/** Names below these are the caller's data. */
const DATA = new Set([
  "args",
  "response",
  "parameters",
  "parametersJsonSchema",
  "responseSchema",
  "responseJsonSchema",
  "labels",
  "modelArmorConfig",
  "fileSearch",
]);

function camel(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(camel);
  const object = asObject(value);
  if (!object) return value;
  return Object.fromEntries(
    Object.entries(object).map(([key, inner]) => {
      const name = key.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
      return [name, DATA.has(name) ? inner : camel(inner)];
    }),
  );
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  const object = asObject(value);
  if (!object) return value;
  const entries = Object.entries(object).filter(([, inner]) => inner !== undefined);
  return Object.fromEntries(
    entries.toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([key, inner]) => [key, sorted(inner)]),
  );
}
