/** `generationConfig` of a caller: sampling, output format, thinking. The rest is kept as `extension`. */
import { asArray, asObject, asString, type Json, type JsonObject } from "#lib/json.ts";
import type { Chat, Effort, OutputFormat, Reasoning } from "#model/chat.ts";
import type { Fields } from "./fields.ts";
import { fromGeminiSchema } from "./from-gemini-schema.ts";

export interface DecodedGeneration {
  readonly chat: Partial<Chat>;
  readonly extension: JsonObject;
}

export function decodeGeneration(config: Fields | undefined): DecodedGeneration {
  if (!config) return { chat: {}, extension: {} };
  const thinking = decodeThinking(config.object("thinkingConfig"));
  const modalities = decodeModalities(config);
  const { output, extension } = decodeOutput(config);
  const chat = {
    ...decodeSampling(config),
    ...decodeLogprobs(config),
    ...thinking.chat,
    ...modalities.chat,
    ...(output && { output }),
  };
  return {
    chat,
    extension: { ...config.rest(), ...thinking.extension, ...modalities.extension, ...extension },
  };
}

/** What the reservation is multiplied by must have a bound; no model gives as many. */
const CANDIDATES_MAX = 128;

function decodeSampling(config: Fields): Partial<Chat> {
  const choices = positive(config, "candidateCount");
  if ((choices ?? 1) > CANDIDATES_MAX) throw config.refuse("candidateCount", `at most ${CANDIDATES_MAX}`);
  const stop = config.strings("stopSequences");
  return dropAbsent({
    temperature: config.number("temperature"),
    topP: config.number("topP"),
    topK: config.number("topK"),
    outputTokensMax: positive(config, "maxOutputTokens"),
    frequencyPenalty: config.number("frequencyPenalty"),
    presencePenalty: config.number("presencePenalty"),
    seed: config.integer("seed"),
    stop: stop && stop.length > 0 ? stop : undefined,
    choices,
  });
}

/** Zero is proto-JSON for "not set". A limit below zero would be a hold below zero. */
function positive(config: Fields, name: string): number | undefined {
  const value = config.integer(name);
  if (value !== undefined && value < 0) throw config.refuse(name, "a whole number that is not negative");
  return value === 0 ? undefined : value;
}

function decodeLogprobs(config: Fields): Partial<Chat> {
  const isAsked = config.boolean("responseLogprobs");
  const top = config.integer("logprobs");
  if (isAsked !== true) return {};
  return { logprobs: dropAbsent({ top }) };
}

const MODALITIES: ReadonlyMap<string, "text" | "image" | "audio"> = new Map([
  ["TEXT", "text"],
  ["IMAGE", "image"],
  ["AUDIO", "audio"],
]);

/** With a modality nobody here knows yet, the whole list goes on to Gemini as it came. */
function decodeModalities(config: Fields): DecodedGeneration {
  const names = config.strings("responseModalities")?.filter((name) => name !== "MODALITY_UNSPECIFIED") ?? [];
  if (names.length === 0) return { chat: {}, extension: {} };
  const modalities = names
    .map((name) => MODALITIES.get(name.toUpperCase()))
    .filter((name) => name !== undefined);
  if (modalities.length < names.length) return { chat: {}, extension: { responseModalities: names } };
  return { chat: { modalities }, extension: {} };
}

// ---- thinking -------------------------------------------------------------------------------------------------

const EFFORTS: ReadonlyMap<string, Effort> = new Map([
  ["minimal", "minimal"],
  ["low", "low"],
  ["medium", "medium"],
  ["high", "high"],
  ["xhigh", "xhigh"],
]);

/** Thoughts are shown only to who asks; a budget of 0 is off, of -1 the model's own choice. */
function decodeThinking(config: Fields | undefined): DecodedGeneration {
  if (!config) return { chat: {}, extension: {} };
  const includesThoughts = config.boolean("includeThoughts") === true;
  const budget = config.integer("thinkingBudget");
  const level = config.string("thinkingLevel");
  const effort = EFFORTS.get(level?.toLowerCase() ?? "");
  const reasoning: Reasoning = {
    ...(budget !== undefined && modeOfBudget(budget)),
    ...(effort !== undefined && { effort }),
    visibility: includesThoughts ? "full" : "none",
  };
  // A level newer than this table goes on to Gemini as it came.
  const isNew = level !== undefined && effort === undefined && level !== "THINKING_LEVEL_UNSPECIFIED";
  const rest = { ...config.rest(), ...(isNew && { thinkingLevel: level }) };
  return { chat: { reasoning }, extension: Object.keys(rest).length > 0 ? { thinkingConfig: rest } : {} };
}

function modeOfBudget(budget: number): Reasoning {
  if (budget === 0) return { mode: "off" };
  return budget < 0 ? { mode: "auto" } : { mode: "on", budgetTokens: budget };
}

// ---- output format --------------------------------------------------------------------------------------------

/** The schema also stays as the caller spelled it: Gemini gets exactly that. */
function decodeOutput(config: Fields): { readonly output?: OutputFormat; readonly extension: JsonObject } {
  const mime = config.string("responseMimeType");
  const subset = config.object("responseSchema")?.value;
  const full = config.object("responseJsonSchema")?.value ?? config.object("_responseJsonSchema")?.value;
  const value = {
    ...(subset && { responseSchema: subset }),
    ...(full && { responseJsonSchema: full }),
  };
  const raw = { protocol: "gemini", value } as const;
  switch (mime) {
    case undefined:
    case "":
      return { extension: value };
    case "text/plain":
      return { output: { type: "text" }, extension: value };
    case "application/json": {
      const schema = full ?? (subset && fromGeminiSchema(subset));
      return { output: schema ? { type: "json_schema", schema, raw } : { type: "json" }, extension: {} };
    }
    case "text/x.enum":
      return { output: { type: "enum", values: enumValues(full ?? subset), raw }, extension: {} };
    default:
      return { extension: { ...value, responseMimeType: mime } };
  }
}

function enumValues(schema: JsonObject | undefined): readonly string[] {
  return asArray(asObject(schema)?.["enum"])
    .map((value: Json) => asString(value))
    .filter((value) => value !== undefined);
}

/** Absent stays absent: with exact optional properties an explicit undefined is another thing. */
function dropAbsent<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined);
  // The one assertion of this parser: filtering entries loses their types.
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> };
}
