/**
 * Reads generateContent requests as strictly as Google does: roles and order, one response per call, thought
 * signatures, and the schema subset of function declarations. Both spellings of proto-JSON names are accepted.
 */
import { asArray, asNumber, asObject, asString, isObject, type Json, type JsonObject } from "#lib/json.ts";
import type { Conversation, House, Item, Role, Tool } from "./conversation.ts";
import { checkGeminiSchema } from "./gemini-schema.ts";
import { checkGeminiTurns, countGeminiBlobs } from "./gemini-turns.ts";
import { readStrings, requireArray, requireObject, requireString } from "./read-fields.ts";
import { VendorError } from "./vendor-error.ts";
import { checkGeminiLimits } from "./vendor-limits.ts";

interface ReadOptions {
  readonly house: House;
  readonly model: string;
  readonly isStream: boolean;
  readonly checksBlobs: boolean;
  readonly isCount: boolean;
}

export function readGeminiRequest(given: JsonObject, options: ReadOptions): Conversation {
  const body = unwrapCount(given, options);
  const contents = requireArray(body, "contents").map((content, index) =>
    requireObject(content, `contents[${index}]`),
  );
  if (contents.length === 0) throw refuse("* GenerateContentRequest.contents: contents is not specified");
  checkGeminiTurns(contents, options.house);
  const system = asObject(field(body, "systemInstruction", "system_instruction"));
  const settings = asObject(field(body, "generationConfig", "generation_config")) ?? {};
  checkGeminiLimits(settings);
  const calling = readCallingConfig(body);
  const allowed = asArray(field(calling, "allowedFunctionNames", "allowed_function_names"));
  const forcedTool = calling.mode === "ANY" ? asString(allowed[0]) : undefined;
  const outputTokensMax = asNumber(field(settings, "maxOutputTokens", "max_output_tokens"));
  const schema = readOutputSchema(settings);
  const thinking = asObject(field(settings, "thinkingConfig", "thinking_config")) ?? {};
  return {
    api: "gemini",
    house: options.house,
    model: options.model.replace(/^models\//, ""),
    isStream: options.isStream,
    items: [
      ...readParts(system ?? { parts: [] }, "system", "systemInstruction"),
      ...contents.flatMap((content, index) => readContent(content, index, options.house)),
    ],
    tools: asArray(body.tools).flatMap(readTools),
    mayCall: calling.mode !== "NONE",
    ...(forcedTool !== undefined && { forcedTool }),
    mayCallParallel: true,
    ...(schema !== undefined && { schema }),
    ...(outputTokensMax !== undefined && { outputTokensMax }),
    stopSequences: readStrings(field(settings, "stopSequences", "stop_sequences")),
    cache: field(body, "cachedContent", "cached_content") === undefined ? "none" : "short",
    wantsStreamUsage: true,
    wantsThoughts: field(thinking, "includeThoughts", "include_thoughts") === true,
    blobsSeen: options.checksBlobs ? countGeminiBlobs(contents) : 0,
  };
}

/** AI Studio counts either bare contents or a whole request in an envelope, never both. */
function unwrapCount(body: JsonObject, options: ReadOptions): JsonObject {
  if (!options.isCount || options.house !== "gemini") return body;
  const inner = asObject(field(body, "generateContentRequest", "generate_content_request"));
  if (inner === undefined) return body;
  if (body.contents !== undefined) throw refuse("contents and generateContentRequest are exclusive.");
  requireString(inner, "model", "generateContentRequest.model");
  return inner;
}

function readCallingConfig(body: JsonObject): JsonObject {
  const toolConfig = asObject(field(body, "toolConfig", "tool_config")) ?? {};
  return asObject(field(toolConfig, "functionCallingConfig", "function_calling_config")) ?? {};
}

function readOutputSchema(settings: JsonObject): JsonObject | undefined {
  const subset = asObject(field(settings, "responseSchema", "response_schema"));
  if (subset) checkGeminiSchema(subset, "generation_config.response_schema");
  const mime = field(settings, "responseMimeType", "response_mime_type");
  const schema = subset ?? asObject(field(settings, "responseJsonSchema", "response_json_schema"));
  if (schema === undefined) return mime === "application/json" ? {} : undefined;
  if (mime === "application/json" || mime === "text/x.enum") return schema;
  throw refuse(
    "Schema in response_schema requires response_mime_type to be application/json or text/x.enum.",
  );
}

function readTools(value: Json, index: number): readonly Tool[] {
  const tool = requireObject(value, `tools[${index}]`);
  const declarations = asArray(field(tool, "functionDeclarations", "function_declarations"));
  return declarations.map((entry, at) =>
    readDeclaration(entry, `tools[${index}].function_declarations[${at}]`),
  );
}

const FUNCTION_NAME = /^[A-Za-z_][\w.:-]{0,127}$/;

function readDeclaration(value: Json, path: string): Tool {
  const declaration = requireObject(value, path);
  const name = requireString(declaration, "name", `${path}.name`);
  if (!FUNCTION_NAME.test(name))
    throw refuse(`${path}.name: Invalid function name. Must start with a letter or an underscore.`);
  const subset = asObject(declaration.parameters);
  const full = asObject(field(declaration, "parametersJsonSchema", "parameters_json_schema"));
  if (subset && full) throw refuse(`${path}: parameters and parameters_json_schema are exclusive.`);
  if (subset) checkGeminiSchema(subset, `${path}.parameters`);
  return { name, schema: subset ?? full ?? { type: "object", properties: {} }, isFreeText: false };
}

function readContent(content: JsonObject, index: number, house: House): readonly Item[] {
  const role = content.role === "model" ? "assistant" : "user";
  return readParts(content, role, `contents[${index}]`, house);
}

function readParts(content: JsonObject, role: Role, path: string, house?: House): readonly Item[] {
  return asArray(content.parts).flatMap((value, at) => {
    const part = requireObject(value, `${path}.parts[${at}]`);
    if (part.thought === true) return [];
    return readPart(part, role, house);
  });
}

function readPart(part: JsonObject, role: Role, house: House | undefined): readonly Item[] {
  if (typeof part.text === "string") return part.text === "" ? [] : [{ kind: "text", role, text: part.text }];
  const inline = asObject(field(part, "inlineData", "inline_data"));
  if (inline) return [readInline(inline)];
  const file = asObject(field(part, "fileData", "file_data"));
  if (file) return [readFile(file, house)];
  const call = asObject(field(part, "functionCall", "function_call"));
  if (call) {
    const input = call.args ?? {};
    if (!isObject(input)) throw refuse("Invalid value at 'function_call.args': an object is required.");
    return [{ kind: "call", id: asString(call.id) ?? "", name: requireString(call, "name"), input }];
  }
  const response = asObject(field(part, "functionResponse", "function_response"));
  return response ? [readResponse(response)] : [];
}

function readInline(inline: JsonObject): Item {
  const mime = asString(field(inline, "mimeType", "mime_type"));
  if (mime === undefined) throw refuse("inline_data.mime_type: a MIME type is required.");
  return {
    kind: "media",
    medium: mediumOf(mime),
    mime,
    data: requireString(inline, "data", "inline_data.data"),
  };
}

function readFile(file: JsonObject, house: House | undefined): Item {
  const mime = asString(field(file, "mimeType", "mime_type"));
  if (mime === undefined && house === "vertex") throw refuse("file_data.mime_type: a MIME type is required.");
  const url = asString(field(file, "fileUri", "file_uri"));
  if (url === undefined) throw refuse("file_data.file_uri: required.");
  return { kind: "media", medium: mediumOf(mime ?? "image/*"), url, ...(mime !== undefined && { mime }) };
}

function mediumOf(mime: string): "image" | "document" | "audio" | "video" {
  const family = mime.split("/")[0];
  return family === "image" || family === "audio" || family === "video" ? family : "document";
}

/** By convention the text is in `output`, or in `error` where the tool failed. */
function readResponse(response: JsonObject): Item {
  const value = requireObject(response.response, "function_response.response");
  const text =
    asString(value.output) ?? asString(value.error) ?? asString(value.result) ?? JSON.stringify(value);
  return { kind: "result", callId: asString(response.id) ?? requireString(response, "name"), text };
}

/** Proto-JSON: camel case or snake case. */
function field(object: JsonObject, camel: string, snake: string): Json | undefined {
  return object[camel] ?? object[snake];
}

function refuse(message: string): VendorError {
  return new VendorError("invalid", message);
}
