/**
 * Free-text (custom) tools where the upstream knows functions only: declared with one string `input`, called with
 * `{"input": text}`. What comes back in any other form is taken as the text itself: a model's slip loses nothing.
 */
import { asString, isObject, parseJson, type JsonObject } from "#lib/json.ts";
import type { Tool } from "#model/chat.ts";

export function wrapCustomInput(text: string): string {
  return JSON.stringify({ input: text });
}

export function unwrapCustomInput(argumentsText: string): string {
  const parsed = parseJson(argumentsText);
  return (isObject(parsed) ? asString(parsed["input"]) : undefined) ?? argumentsText;
}

/** The stand-in's description and schema. */
export function wrapCustomTool(tool: Extract<Tool, { type: "custom" }>): JsonObject {
  const grammar =
    tool.format && `The input must match this ${tool.format.syntax} grammar:\n${tool.format.definition}`;
  const description = [tool.description, grammar].filter((text) => text !== undefined).join("\n\n");
  return {
    ...(description !== "" && { description }),
    parameters: {
      type: "object",
      properties: { input: { type: "string" } },
      required: ["input"],
      additionalProperties: false,
    },
  };
}
