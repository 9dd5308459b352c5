/**
 * Tools and tool choice as clients send them. Namespaces are flattened to `namespace__tool`, since no other API
 * has them; the reply writer takes the prefix off again. What another API cannot even name (hosted tools, choices
 * of them) stays verbatim.
 */
import type { JsonObject } from "#lib/json.ts";
import type { Tool, ToolChoice } from "#model/chat.ts";
import { Fields } from "./fields.ts";

export function decodeTools(body: Fields): readonly Tool[] {
  const tools = body.children("tools").flatMap((fields) => decodeTool(fields));
  const seen = new Set<string>();
  for (const tool of tools) {
    if (tool.type === "hosted") continue;
    if (seen.has(tool.name)) throw body.wrong("tools", `name ${tool.name.slice(0, 80)} twice`);
    seen.add(tool.name);
  }
  return tools;
}

export function flatName(namespace: string | undefined, name: string): string {
  return namespace === undefined ? name : `${namespace}__${name}`;
}

function decodeTool(fields: Fields): readonly Tool[] {
  const type = fields.requiredString("type");
  if (type === "function" || type === "custom") return [decodeNamed(fields, type)];
  if (type !== "namespace") {
    return [{ type: "hosted", protocol: "openai-responses", kind: type, value: fields.object }];
  }
  const namespace = fields.requiredString("name");
  return fields.children("tools").map((inner) => {
    const kind = inner.oneOf("type", ["function", "custom"]);
    if (kind === undefined) throw inner.wrong("type", "is required");
    // The wrapper with one tool in it: its description must survive a hop back to this API.
    return decodeNamed(inner, kind, { namespace, value: { ...fields.object, tools: [inner.object] } });
  });
}

function decodeNamed(
  fields: Fields,
  type: "function" | "custom",
  within?: { readonly namespace: string; readonly value: JsonObject },
): Tool {
  const description = fields.string("description");
  const shared = {
    name: flatName(within?.namespace, fields.requiredString("name")),
    ...(description !== undefined && { description }),
    ...(within && { namespace: within.namespace }),
    raw: { protocol: "openai-responses", value: within?.value ?? fields.object } as const,
  };
  if (type === "custom") {
    const format = decodeFormat(fields.child("format"));
    return { type, ...shared, ...(format && { format }) };
  }
  const schema = fields.child("parameters")?.object;
  return { type, ...shared, ...(schema && { schema }), strict: fields.boolean("strict") ?? true };
}

function decodeFormat(format: Fields | undefined) {
  if (format?.requiredString("type") !== "grammar") return undefined;
  const syntax = format.oneOf("syntax", ["lark", "regex"]);
  if (syntax === undefined) throw format.wrong("syntax", "is required");
  return { syntax, definition: format.requiredString("definition") };
}

/** A choice the canonical form has no word for comes back as `verbatim`. */
interface DecodedChoice {
  readonly choice?: ToolChoice;
  readonly verbatim?: JsonObject;
}

export function decodeToolChoice(body: Fields, tools: readonly Tool[]): DecodedChoice {
  const value = body.object["tool_choice"] ?? undefined;
  if (value === undefined) return {};
  if (typeof value === "string") {
    const mode = body.oneOf("tool_choice", ["none", "auto", "required"]);
    return mode === undefined ? {} : { choice: { mode } };
  }
  const fields = new Fields(value, "tool_choice");
  const type = fields.requiredString("type");
  if (type === "function" || type === "custom") {
    return { choice: { mode: "required", allowed: [chosenName(fields, tools)] } };
  }
  if (type !== "allowed_tools") return { verbatim: fields.object };
  const mode = fields.oneOf("mode", ["auto", "required"]) ?? "auto";
  const allowed = fields.children("tools");
  const isNamed = (tool: Fields) => ["function", "custom"].includes(tool.requiredString("type"));
  if (!allowed.every(isNamed)) return { verbatim: fields.object };
  return { choice: { mode, allowed: allowed.map((tool) => chosenName(tool, tools)) } };
}

/** Clients name a namespaced tool with or without its namespace. */
function chosenName(fields: Fields, tools: readonly Tool[]): string {
  const name = fields.requiredString("name");
  const flat = flatName(fields.string("namespace"), name);
  const named = tools.filter((tool) => tool.type !== "hosted");
  if (named.some((tool) => tool.name === flat)) return flat;
  const inner = named.find(
    (tool) => tool.namespace !== undefined && tool.name === flatName(tool.namespace, name),
  );
  return inner?.name ?? flat;
}
