/**
 * `thinkingConfig` per model family: none before 2.5, a token budget on 2.5, a level from 3 on. Both together are
 * refused, so exactly one is written. The table is fixed and does not depend on the output limit.
 */
import type { JsonObject } from "#lib/json.ts";
import type { Chat, Effort, Reasoning } from "#model/chat.ts";
import type { ToolContext } from "./encode-tools.ts";
import type { ThinkingLevel, ThinkingRule } from "./model-rules.ts";

export function encodeThinking(chat: Chat, { rules, dropped }: ToolContext): JsonObject {
  const reasoning = chat.reasoning;
  if (!reasoning) return {};
  const rule = rules.thinking;
  if (rule.kind === "none") {
    if (!isOff(reasoning) && (reasoning.effort ?? reasoning.mode ?? reasoning.budgetTokens) !== undefined) {
      dropped.push("reasoning");
    }
    return {};
  }
  const amount = rule.kind === "budget" ? budgetFor(reasoning, rule) : levelFor(reasoning, rule.levels);
  if (amount.isApproximate) dropped.push("reasoning");
  const config = { ...visibilityOf(chat, reasoning), ...amount.config };
  return Object.keys(config).length > 0 ? { thinkingConfig: config } : {};
}

interface Amount {
  readonly config: JsonObject;
  /** The caller asked for none and the model cannot: told in `x-xjp-dropped`. */
  readonly isApproximate?: boolean;
}

function isOff(reasoning: Reasoning): boolean {
  return reasoning.mode === "off" || reasoning.effort === "none" || reasoning.budgetTokens === 0;
}

/** Callers that asked to think want to see it, but for those whose API asks for thoughts apart (Responses, Gemini). */
function visibilityOf(chat: Chat, reasoning: Reasoning): JsonObject {
  if (reasoning.visibility !== undefined) {
    if (reasoning.visibility !== "none") return { includeThoughts: true };
    return chat.protocol === "gemini" ? {} : { includeThoughts: false };
  }
  const asksApart = chat.protocol === "openai-responses" || chat.protocol === "gemini";
  return asksApart || isOff(reasoning) ? {} : { includeThoughts: true };
}

const BUDGETS: Record<Effort, number> = {
  none: 0,
  minimal: 1024,
  low: 1024,
  medium: 8192,
  high: 24_576,
  xhigh: 32_768,
  max: 32_768,
};
/** The model decides. */
const DYNAMIC_BUDGET = -1;

function budgetFor(reasoning: Reasoning, rule: Extract<ThinkingRule, { kind: "budget" }>): Amount {
  if (isOff(reasoning)) {
    if (rule.canBeOff) return { config: { thinkingBudget: 0 } };
    return { config: { thinkingBudget: rule.tokensMin }, isApproximate: true };
  }
  const tokens = reasoning.budgetTokens ?? (reasoning.effort && BUDGETS[reasoning.effort]);
  if (tokens !== undefined) {
    return { config: { thinkingBudget: Math.min(Math.max(tokens, rule.tokensMin), rule.tokensMax) } };
  }
  return { config: reasoning.mode === undefined ? {} : { thinkingBudget: DYNAMIC_BUDGET } };
}

function levelFor(reasoning: Reasoning, levels: readonly ThinkingLevel[]): Amount {
  const lowest = levels[0] ?? "LOW";
  if (isOff(reasoning)) return { config: { thinkingLevel: lowest }, isApproximate: true };
  const effort = reasoning.effort ?? effortOfBudget(reasoning.budgetTokens);
  return { config: effort === undefined ? {} : { thinkingLevel: levelOf(effort, levels) } };
}

function levelOf(effort: Effort, levels: readonly ThinkingLevel[]): ThinkingLevel {
  switch (effort) {
    case "none":
    case "minimal":
      return levels.includes("MINIMAL") ? "MINIMAL" : "LOW";
    case "low":
      return "LOW";
    case "medium":
      return levels.includes("MEDIUM") ? "MEDIUM" : "HIGH";
    case "high":
    case "xhigh":
    case "max":
      return "HIGH";
  }
}

function effortOfBudget(tokens: number | undefined): Effort | undefined {
  if (tokens === undefined) return undefined;
  if (tokens <= 1024) return "minimal";
  if (tokens <= 4096) return "low";
  return tokens <= 12_288 ? "medium" : "high";
}
