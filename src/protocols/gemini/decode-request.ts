/**
 * A caller's `generateContent` body to the canonical request. Model and streaming come from the URL. What Gemini alone
 * knows is kept in `extensions` under its own name and goes on only to Gemini.
 */
import type { Json, JsonObject, MutableJsonObject } from "#lib/json.ts";
import type { Chat, SystemPart } from "#model/chat.ts";
import type { RequestLine } from "#protocols/protocol.ts";
import { decodeContents } from "./decode-contents.ts";
import { decodeGeneration } from "./decode-generation.ts";
import { decodeTools } from "./decode-tools.ts";
import { badRequest, Fields } from "./fields.ts";

export function decodeRequest(body: JsonObject, line: RequestLine): Chat {
  const fields = new Fields(body);
  const model = line.model ?? fields.string("model");
  fields.raw("model");
  if (model === undefined || model === "") throw badRequest("model", "named in the URL");
  const generation = decodeGeneration(fields.object("generationConfig"));
  const tools = decodeTools(fields);
  const { chat, extension: generationConfig } = generation;
  const request = {
    ...decodeSmallFields(fields),
    ...chat,
    ...tools.chat,
    system: decodeSystem(fields),
    turns: decodeContents(fields, line),
  };
  return {
    protocol: "gemini",
    model: model.replace(/^models\//, ""),
    stream: line.stream ?? false,
    includeUsage: true,
    ...request,
    extensions: extensionsOf(fields, { generationConfig, toolConfig: tools.extension }),
    betas: [],
  };
}

function extensionsOf(fields: Fields, nested: Readonly<Record<string, JsonObject>>): JsonObject {
  const extensions: MutableJsonObject = { ...fields.rest() };
  for (const [name, value] of Object.entries(nested)) {
    if (Object.keys(value).length > 0) extensions[name] = value;
  }
  return extensions;
}

type SmallFields = Pick<Chat, "safety" | "cache" | "metadata" | "serviceTier" | "store">;

function decodeSmallFields(fields: Fields): SmallFields {
  const safety = fields.items("safetySettings").map(({ value, path }): Json => Fields.of(value, path).value);
  const explicitName = fields.string("cachedContent");
  const metadata = fields.texts("labels");
  const serviceTier = fields.string("serviceTier")?.toLowerCase();
  const store = fields.boolean("store");
  return {
    ...(fields.has("safetySettings") && { safety }),
    ...(explicitName !== undefined && { cache: { explicitName } }),
    ...(metadata && { metadata }),
    ...(serviceTier !== undefined &&
      serviceTier !== "unspecified" && { serviceTier: canonicalTier(serviceTier) }),
    ...(store !== undefined && { store }),
  };
}

function canonicalTier(tier: string): string {
  return tier === "standard" ? "default" : tier;
}

/** A content, or plain text as SDKs accept it. Google takes text only here. */
function decodeSystem(fields: Fields): readonly SystemPart[] {
  const value = fields.raw("systemInstruction");
  if (value === undefined) return [];
  if (typeof value === "string") return value === "" ? [] : [{ text: value, role: "system" }];
  const content = Fields.of(value, fields.pathOf("systemInstruction"));
  return content.items("parts").flatMap(({ value, path }): readonly SystemPart[] => {
    const part = Fields.of(value, path);
    const text = part.string("text");
    if (text === undefined) throw badRequest(path, "a text part");
    return [{ text, role: "system" }];
  });
}
