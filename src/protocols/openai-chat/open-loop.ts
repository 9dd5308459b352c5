/**
 * A tool loop whose thoughts are lost, at OpenRouter. Claude models that think with a budget refuse it as long as
 * thinking is on; for that one request it is switched off and listed. Newer ones accept it, and some of them cannot be
 * switched off.
 */
import { asArray, asObject, asString, type Json, type JsonObject } from "#lib/json.ts";
import type { Dialect } from "#protocols/protocol.ts";

const THINKS_WITH_BUDGET = /claude-(?:3[.-]7|(?:opus|sonnet|haiku)-4(?:[.-][015])?(?![\d.-]))/;

/** The body itself where nothing has to be done. */
export function withoutThinkingInLostLoop(
  body: JsonObject,
  { host, model }: Dialect,
  dropped: Set<string>,
): JsonObject {
  if (host !== "openrouter" || !THINKS_WITH_BUDGET.test(model)) return body;
  if (!asksToThink(body) || !isLoopLost(asArray(body["messages"]))) return body;
  dropped.add("reasoning");
  const { reasoning_effort: _, ...rest } = body;
  return { ...rest, reasoning: { effort: "none" } };
}

function asksToThink(body: JsonObject): boolean {
  const reasoning = asObject(body["reasoning"]);
  const effort = asString(reasoning?.["effort"]) ?? asString(body["reasoning_effort"]);
  if (effort === "none" || reasoning?.["enabled"] === false) return false;
  return effort !== undefined || reasoning !== undefined;
}

/** Whether the results at the end answer calls that come without their thoughts. */
function isLoopLost(messages: readonly Json[]): boolean {
  if (asObject(messages.at(-1))?.["role"] !== "tool") return false;
  const answer = asObject(messages.findLast((message) => asObject(message)?.["role"] === "assistant"));
  return answer !== undefined && asArray(answer["reasoning_details"]).length === 0;
}
