/**
 * How a wanted output shape is reached: natively, by forcing one tool whose input is the answer, or by asking in words.
 * The encoder and the decoder both ask here, so the answer depends on nothing but the request and the target.
 */
import type { JsonObject } from "#lib/json.ts";
import type { Chat } from "#model/chat.ts";
import type { Dialect } from "#protocols/protocol.ts";
import { fitSchema } from "./fit-schema.ts";
import { modelRules } from "./model-rules.ts";

export type OutputPlan =
  | { readonly type: "text" }
  | { readonly type: "native"; readonly schema: JsonObject }
  | { readonly type: "forced_tool"; readonly name: string; readonly schema: JsonObject }
  /** No guarantee: the shape is asked for in the system text. */
  | { readonly type: "instruction"; readonly text: string };

const ANSWER_TOOL = "json";

export function planOutput(chat: Chat, dialect: Dialect): OutputPlan {
  const output = chat.output;
  switch (output?.type) {
    case undefined:
    case "text":
      return { type: "text" };
    case "json":
      return { type: "instruction", text: "Answer with one JSON object only: no other text, no code fence." };
    case "enum":
      return {
        type: "instruction",
        text: `Answer with exactly one of these words and nothing else: ${output.values.join(", ")}`,
      };
    case "json_schema":
      return planSchema(chat, dialect, output.schema);
  }
}

function planSchema(chat: Chat, dialect: Dialect, schema: JsonObject): OutputPlan {
  const rules = modelRules(dialect);
  if (rules.hasStructuredOutput && hasStructuredOutput(dialect) && !asksForCitations(chat)) {
    const fitted = chat.protocol === "anthropic-messages" ? schema : fitSchema(schema);
    if (fitted !== undefined) return { type: "native", schema: fitted };
  }
  const mayForce = rules.takesForcedTool && chat.tools.length === 0 && !asksToThink(chat);
  if (mayForce && schema["type"] === "object") return { type: "forced_tool", name: ANSWER_TOOL, schema };
  return { type: "instruction", text: schemaInstruction(schema) };
}

export function schemaInstruction(schema: JsonObject): string {
  return (
    "Answer with one JSON value only, no other text and no code fence. " +
    `It must follow this JSON Schema: ${JSON.stringify(schema)}`
  );
}

/** Vertex has it only where an organisation's policy allows; servers of other makers do not. */
export function hasStructuredOutput(dialect: Dialect): boolean {
  return dialect.host !== "vertex" && dialect.vendor === "anthropic";
}

/** Thinking named by the caller; such a request must not be forced to a tool. */
function asksToThink(chat: Chat): boolean {
  const reasoning = chat.reasoning;
  if (reasoning === undefined || reasoning.mode === "off" || reasoning.effort === "none") return false;
  if (reasoning.mode !== undefined || reasoning.budgetTokens !== undefined) return true;
  return reasoning.effort !== undefined && chat.protocol !== "anthropic-messages";
}

/** The API refuses citations together with structured output. */
function asksForCitations(chat: Chat): boolean {
  return chat.turns.some(
    (turn) =>
      turn.side === "user" &&
      turn.parts.some(
        (part) => (part.type === "document" || part.type === "search_result") && part.citations === true,
      ),
  );
}
