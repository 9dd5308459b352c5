/** The configuration's reference page, written from its schema. */
import { asArray, asObject, asString, isObject, type Json, type JsonObject } from "#lib/json.ts";

interface Section {
  readonly title: string;
  readonly intro: string;
  readonly rows: readonly string[];
}

const HEAD = `# Configuration

One YAML file, given by \`--config FILE\` or \`XJP_CONFIG\`. Every field may be left out unless it is marked *required*;
unknown fields are errors. \`xjp config check FILE\` tells all mistakes at once. Any value may be \`\${NAME}\` or
\`\${NAME:-default}\`, taken from the environment; a missing variable is an error. The file is read again within two
seconds of a change and on SIGHUP; a bad file leaves the old configuration in force.

Without \`connectors\`, those come up whose environment variables are set (\`OPENROUTER_API_KEY\`, \`VERTEX_PROJECT\`,
\`VERTEX_REGION\`, \`VERTEX_API_KEY\`, \`CLEWDR_URL\`, \`CLEWDR_API_KEY\`, \`ANTHROPIC_API_KEY\`, \`OPENAI_API_KEY\`,
\`GEMINI_API_KEY\`), or the built-in demo upstream where none is.

This page is generated from the schema (\`src/config/schema.ts\`).
`;

/** Markdown for a JSON Schema as \`configJsonSchema\` gives it. */
export function renderConfigReference(schema: object): string {
  const root: JsonObject = { ...schema };
  const sections = [
    sectionOf("Top level", root, ""),
    ...fieldsOf(root).flatMap(([name, field]) => sectionsOf(name, field)),
  ];
  return [HEAD, ...sections.map(renderSection)].join("\n");
}

function renderSection({ title, intro, rows }: Section): string {
  const table = ["| field | type | default | |", "|---|---|---|---|", ...rows].join("\n");
  return `## ${title}\n\n${intro === "" ? "" : `${intro}\n\n`}${table}\n`;
}

/** A section for an object, for each kind of a union, and for every object within them. */
function sectionsOf(path: string, schema: JsonObject): readonly Section[] {
  const { inner, innerPath } = unwrap(path, schema);
  const kinds = asArray(inner["oneOf"] ?? inner["anyOf"]).filter(isObject);
  const objects = kinds.filter((kind) => isObject(kind["properties"]));
  if (objects.length > 0) return objects.map((kind) => sectionOf(`${innerPath}: ${kindOf(kind)}`, kind, ""));
  if (!isObject(inner["properties"])) return [];
  const intro = asString(schema["description"]) ?? "";
  return [
    sectionOf(innerPath, inner, intro),
    ...fieldsOf(inner).flatMap(([name, field]) => sectionsOf(`${innerPath}.${name}`, field)),
  ];
}

/** What a map or a list holds. */
function unwrap(
  path: string,
  schema: JsonObject,
): { readonly inner: JsonObject; readonly innerPath: string } {
  const values = asObject(schema["additionalProperties"]);
  if (values && Object.keys(values).length > 0) return unwrap(`${path}.NAME`, values);
  const items = asObject(schema["items"]);
  if (items) return unwrap(`${path}[]`, items);
  return { inner: schema, innerPath: path };
}

function kindOf(schema: JsonObject): string {
  const type = asObject(asObject(schema["properties"])?.["type"]);
  return asString(type?.["const"]) ?? "";
}

function sectionOf(title: string, schema: JsonObject, intro: string): Section {
  const required = new Set(asArray(schema["required"]));
  const rows = fieldsOf(schema).map(([name, field]) => {
    const byDefault = required.has(name) ? "*required*" : renderDefault(field["default"]);
    return `| \`${name}\` | ${typeOf(field)} | ${byDefault} | ${escapeCell(asString(field["description"]) ?? "")} |`;
  });
  return { title: title === "Top level" ? title : `\`${title}\``, intro, rows };
}

function fieldsOf(schema: JsonObject): readonly (readonly [string, JsonObject])[] {
  const properties = asObject(schema["properties"]) ?? {};
  return Object.entries(properties).flatMap(([name, field]) =>
    isObject(field) ? [[name, field] as const] : [],
  );
}

function typeOf(schema: JsonObject): string {
  const constant = asString(schema["const"]);
  if (constant !== undefined) return `\`${constant}\``;
  const choices = asArray(schema["enum"]);
  if (choices.length > 0) return choices.map((choice) => `\`${asString(choice) ?? ""}\``).join(", ");
  const type = asString(schema["type"]);
  if (type === "array") return `list of ${typeOf(asObject(schema["items"]) ?? {})}`;
  if (type === "object") return isObject(schema["properties"]) ? "section" : "map";
  return type ?? (schema["oneOf"] || schema["anyOf"] ? "section" : "any");
}

function renderDefault(value: Json | undefined): string {
  const isEmpty =
    value === undefined || (typeof value === "object" && value !== null && Object.keys(value).length === 0);
  return isEmpty ? "" : escapeCell(`\`${typeof value === "string" ? value : JSON.stringify(value)}\``);
}

function escapeCell(text: string): string {
  return text.replaceAll("|", "\\|");
}
