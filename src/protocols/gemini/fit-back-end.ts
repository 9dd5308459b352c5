/**
 * AI Studio and Vertex speak one API with small differences, and each refuses the other's fields as unknown. This takes
 * them out of a body of either spelling (camelCase or snake_case), lists what it took, and touches nothing else: key
 * order, nulls and fields nobody here knows survive.
 */
import { asArray, asObject, isObject, type Json, type JsonObject } from "#lib/json.ts";
import { Failure } from "#model/failure.ts";
import type { Dialect } from "#protocols/protocol.ts";
import { snakeCase } from "./field-names.ts";

export function fitBackEnd(body: JsonObject, dialect: Dialect, dropped: string[]): JsonObject {
  if (dialect.host === "vertex") return fitVertex(body, dropped);
  return dialect.host === "aistudio" ? fitAiStudio(body, dropped) : body;
}

// ---- AI Studio ------------------------------------------------------------------------------------------------

function fitAiStudio(body: JsonObject, dropped: string[]): JsonObject {
  let fitted = without(body, ["labels", "modelArmorConfig"], { path: "", dropped });
  fitted = within(fitted, "generationConfig", (config) =>
    without(config, ["audioTimestamp", "routingConfig", "modelSelectionConfig"], {
      path: "generationConfig.",
      dropped,
    }),
  );
  fitted = within(fitted, "toolConfig", (config) =>
    within(config, "functionCallingConfig", (calling) =>
      without(calling, ["streamFunctionCallArguments"], {
        path: "toolConfig.functionCallingConfig.",
        dropped,
      }),
    ),
  );
  return withinEach(fitted, "safetySettings", (setting, index) =>
    without(setting, ["method"], { path: `safetySettings[${index}].`, dropped }),
  );
}

// ---- Vertex ---------------------------------------------------------------------------------------------------

const TOOLS_OF_AI_STUDIO = ["fileSearch", "mcpServers"];

function fitVertex(body: JsonObject, dropped: string[]): JsonObject {
  for (const [index, tool] of asArray(read(body, "tools")).entries()) {
    const name = TOOLS_OF_AI_STUDIO.find((name) => read(asObject(tool) ?? {}, name) !== undefined);
    if (name === undefined) continue;
    throw new Failure("unsupported", `The tool \`${name}\` exists only at AI Studio, not at Vertex.`, {
      param: `tools[${index}].${name}`,
    });
  }
  let fitted = without(body, ["serviceTier", "store"], { path: "", dropped });
  fitted = within(fitted, "toolConfig", (config) =>
    without(config, ["includeServerSideToolInvocations"], { path: "toolConfig.", dropped }),
  );
  return withContents(fitted, (content, index) => fitVertexContent(content, `contents[${index}]`, dropped));
}

/** The role is mandatory here. Ids of calls and results are refused; order pairs them. */
function fitVertexContent(content: JsonObject, path: string, dropped: string[]): JsonObject {
  const parts = content["parts"];
  const withRole =
    content["role"] === undefined || content["role"] === "" ? { role: "user", ...content } : content;
  const roled = content["role"] === "" ? { ...content, role: "user" } : withRole;
  if (!Array.isArray(parts)) return isObject(parts) ? { ...roled, parts: fitVertexPart(parts) } : roled;
  const kept = parts.filter((part, index) => {
    const isServerTool = isObject(part) && (has(part, "toolCall") || has(part, "toolResponse"));
    if (isServerTool) dropped.push(`${path}.parts[${index}]`);
    return !isServerTool;
  });
  return { ...roled, parts: kept.map((part) => (isObject(part) ? fitVertexPart(part) : part)) };
}

function fitVertexPart(part: JsonObject): JsonObject {
  const silent = { path: "", dropped: [] };
  let fitted = without(part, ["partMetadata"], silent);
  for (const name of ["functionCall", "functionResponse"]) {
    fitted = within(fitted, name, (inner) => without(inner, ["id"], silent));
  }
  return fitted;
}

// ---- editing without disturbing -------------------------------------------------------------------------------

function read(object: JsonObject, name: string): Json | undefined {
  return object[name] ?? object[snakeCase(name)];
}

function has(object: JsonObject, name: string): boolean {
  return read(object, name) !== undefined;
}

function without(
  object: JsonObject,
  names: readonly string[],
  { path, dropped }: { readonly path: string; readonly dropped: string[] },
): JsonObject {
  const unwanted = names
    .flatMap((name) => [name, snakeCase(name)])
    .filter((name) => object[name] !== undefined);
  if (unwanted.length === 0) return object;
  dropped.push(...new Set(unwanted.map((name) => path + name)));
  return Object.fromEntries(Object.entries(object).filter(([name]) => !unwanted.includes(name)));
}

/** Edits one object field in place, whichever way it is spelled. */
function within(object: JsonObject, name: string, edit: (inner: JsonObject) => JsonObject): JsonObject {
  const key = object[name] === undefined ? snakeCase(name) : name;
  const inner = asObject(object[key]);
  return inner ? { ...object, [key]: edit(inner) } : object;
}

function withinEach(
  object: JsonObject,
  name: string,
  edit: (inner: JsonObject, index: number) => JsonObject,
): JsonObject {
  const key = object[name] === undefined ? snakeCase(name) : name;
  const list = object[key];
  if (!Array.isArray(list)) return object;
  return { ...object, [key]: list.map((value, index) => (isObject(value) ? edit(value, index) : value)) };
}

/** `contents` may be a lone object. */
export function withContents(
  body: JsonObject,
  edit: (content: JsonObject, index: number) => JsonObject,
): JsonObject {
  const contents = asObject(body["contents"]);
  if (contents) return { ...body, contents: edit(contents, 0) };
  return withinEach(body, "contents", edit);
}
