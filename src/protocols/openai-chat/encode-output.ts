/** Structured output: `response_format` where the host knows it, an instruction where it does not. */
import { asArray, isObject, type JsonObject } from "#lib/json.ts";
import type { Chat, OutputFormat } from "#model/chat.ts";
import type { Quirks } from "./dialects.ts";

export interface EncodedOutput {
  readonly fields: JsonObject;
  /** A system line that says what the field cannot. */
  readonly instruction?: string;
}

export function encodeOutput(chat: Chat, quirks: Quirks, dropped: Set<string>): EncodedOutput {
  const output = chat.output;
  if (!output) return { fields: {} };
  switch (output.type) {
    case "text":
      return { fields: {} };
    case "json":
      return encodeJson(chat);
    case "enum":
      // A schema would wrap the word in an object and change the answer's form.
      dropped.add("response_format");
      return {
        fields: {},
        instruction: `Answer with exactly one of these, and nothing else: ${output.values.join(", ")}`,
      };
    case "json_schema":
      return encodeSchema(output, quirks, dropped);
  }
}

/** OpenAI refuses JSON mode unless some message says "JSON"; callers of other APIs need not know. */
function encodeJson(chat: Chat): EncodedOutput {
  const fields = { response_format: { type: "json_object" } };
  return chat.protocol === "openai-chat" || saysJson(chat)
    ? { fields }
    : { fields, instruction: "Answer with one JSON object." };
}

function encodeSchema(
  output: Extract<OutputFormat, { type: "json_schema" }>,
  quirks: Quirks,
  dropped: Set<string>,
): EncodedOutput {
  if (!quirks.takes.has("json_schema")) {
    dropped.add("response_format.json_schema");
    const instruction = `Answer with one JSON object that fits this JSON Schema: ${JSON.stringify(output.schema)}`;
    return { fields: { response_format: { type: "json_object" } }, instruction };
  }
  const name = (output.name ?? "response").replace(/[^A-Za-z0-9_-]/g, "_").slice(0, 64) || "response";
  const strict = output.strict ?? isClosed(output.schema);
  const description = output.description !== undefined && { description: output.description };
  const described = { name, ...description, schema: output.schema, strict };
  return { fields: { response_format: { type: "json_schema", json_schema: described } } };
}

/** Whether every object is closed and requires all it has: OpenAI's conditions for `strict`. */
function isClosed(schema: JsonObject): boolean {
  const properties = schema["properties"];
  if (isObject(properties)) {
    const required = asArray(schema["required"]);
    const isStrict = schema["additionalProperties"] === false;
    if (!isStrict || !Object.keys(properties).every((name) => required.includes(name))) return false;
  }
  return Object.entries(schema).every(([name, value]) => {
    if (name === "properties" && isObject(value)) return Object.values(value).every(isClosedChild);
    return Array.isArray(value) ? value.every(isClosedChild) : isClosedChild(value);
  });
}

function isClosedChild(value: unknown): boolean {
  return !isObject(value) || isClosed(value);
}

function saysJson(chat: Chat): boolean {
  const isSaid = (text: string) => /json/i.test(text);
  if (chat.system.some((part) => isSaid(part.text))) return true;
  return chat.turns.some((turn) => {
    if (turn.side === "system") return turn.parts.some((part) => isSaid(part.text));
    return turn.parts.some((part) => part.type === "text" && isSaid(part.text));
  });
}
