/** `tools` and `toolConfig` of a caller. Each declaration also keeps its own spelling, for a hop back to Gemini. */
import { asString, type JsonObject } from "#lib/json.ts";
import type { Chat, FunctionTool, Tool, ToolChoice } from "#model/chat.ts";
import { badRequest, Fields, type Item } from "./fields.ts";
import { camelCase } from "./field-names.ts";
import { fromGeminiSchema } from "./from-gemini-schema.ts";

export interface DecodedTools {
  readonly chat: Pick<Chat, "tools" | "toolChoice">;
  /** What is left of `toolConfig`. */
  readonly extension: JsonObject;
}

export function decodeTools(fields: Fields): DecodedTools {
  const config = fields.object("toolConfig");
  const calling = config?.object("functionCallingConfig");
  const mode = readMode(calling);
  const tools = fields.items("tools").flatMap((item) => decodeTool(item, mode === "VALIDATED"));
  const toolChoice = toChoice(mode, calling?.strings("allowedFunctionNames"));
  const callingRest = calling?.rest() ?? {};
  const extension = {
    ...config?.rest(),
    ...(Object.keys(callingRest).length > 0 && { functionCallingConfig: callingRest }),
  };
  return { chat: { tools, ...(toolChoice && { toolChoice }) }, extension };
}

/** google.ai.generativelanguage FunctionCallingConfig.Mode, in number order. */
const MODES = ["MODE_UNSPECIFIED", "AUTO", "ANY", "NONE", "VALIDATED"] as const;

function readMode(calling: Fields | undefined): (typeof MODES)[number] | undefined {
  const value = calling?.raw("mode");
  if (!calling || value === undefined) return undefined;
  const mode =
    typeof value === "number" ? MODES[value] : MODES.find((mode) => mode === asString(value)?.toUpperCase());
  if (mode === undefined) throw calling.refuse("mode", "AUTO, ANY, NONE or VALIDATED");
  return mode;
}

function toChoice(
  mode: ReturnType<typeof readMode>,
  allowed: readonly string[] | undefined,
): ToolChoice | undefined {
  const names = allowed && allowed.length > 0 && { allowed };
  switch (mode) {
    case "ANY":
      return { mode: "required", ...names };
    case "NONE":
      return { mode: "none" };
    case "AUTO":
    case "VALIDATED":
      return { mode: "auto", ...names };
    case "MODE_UNSPECIFIED":
    case undefined:
      return undefined;
  }
}

/** One entry may declare functions and hosted tools side by side. */
function decodeTool(item: Item, isStrict: boolean): readonly Tool[] {
  const entry = Fields.of(item.value, item.path);
  const functions = entry
    .items("functionDeclarations")
    .map((declaration) => decodeFunction(declaration, isStrict));
  const hosted = Object.entries(entry.rest()).map(([name, value]): Tool => {
    if (value !== null && typeof value !== "object") throw badRequest(`${item.path}.${name}`, "an object");
    return { type: "hosted", protocol: "gemini", kind: camelCase(name), value: { [name]: value } };
  });
  return [...functions, ...hosted];
}

function decodeFunction(item: Item, isStrict: boolean): FunctionTool {
  const declaration = Fields.of(item.value, item.path);
  const name = declaration.string("name");
  if (name === undefined || name === "") throw declaration.refuse("name", "the function's name");
  const description = declaration.string("description");
  const subset = declaration.object("parameters")?.value;
  const schema = declaration.object("parametersJsonSchema")?.value ?? (subset && fromGeminiSchema(subset));
  return {
    type: "function",
    name,
    ...(description !== undefined && { description }),
    ...(schema && { schema }),
    ...(isStrict && { strict: true }),
    raw: { protocol: "gemini", value: declaration.value },
  };
}
