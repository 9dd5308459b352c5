/**
 * How much the model shall think, in the words its family takes: an exact budget, or `adaptive` with an effort.
 * The caller's `max_tokens` is a spending cap and stays; a budget is made to fit below it.
 */
import type { JsonObject } from "#lib/json.ts";
import type { Chat, Effort, Reasoning } from "#model/chat.ts";
import type { ModelRules } from "./model-rules.ts";

export interface ThinkingPlan {
  readonly thinking?: JsonObject;
  readonly effort?: Effort;
}

interface Frame {
  readonly rules: ModelRules;
  readonly maxTokens: number;
  readonly dropped: Set<string>;
}

export function planThinking(chat: Chat, frame: Frame): ThinkingPlan {
  const reasoning = chat.reasoning;
  if (reasoning === undefined) return {};
  const isOwn = chat.protocol === "anthropic-messages";
  if (reasoning.mode === "off" || reasoning.effort === "none" || reasoning.budgetTokens === 0) {
    return planOff(reasoning, frame, isOwn ? ownEffort(reasoning, frame).effort : undefined);
  }
  // An effort alone does not switch thinking on at this API; at the others it is how one asks for it.
  const wants = reasoning.mode !== undefined || reasoning.budgetTokens !== undefined || !isOwn;
  if (!wants) return ownEffort(reasoning, frame);
  return planOn(chat, reasoning, frame);
}

function ownEffort(reasoning: Reasoning, frame: Frame): ThinkingPlan {
  const effort = reasoning.effort;
  if (effort === undefined || effort === "none") return {};
  if (frame.rules.efforts.length > 0) return { effort: nearestEffort(effort, frame.rules) };
  frame.dropped.add("reasoning_effort");
  return {};
}

function planOff(reasoning: Reasoning, { rules, dropped }: Frame, effort: Effort | undefined): ThinkingPlan {
  const wanted = reasoning.betweenTools === true ? "between_tools" : "disabled";
  const type = [wanted, "disabled", "between_tools"].find((name) =>
    rules.thinking.some((own) => own === name),
  );
  if (type !== wanted) dropped.add("reasoning");
  if (type === undefined) return rules.efforts.includes("low") ? { effort: "low" } : {};
  if (effort === undefined) return { thinking: { type } };
  // Models that think by themselves may be silenced only up to this effort.
  const isTooHigh = rules.thinksByDefault && (effort === "xhigh" || effort === "max");
  if (isTooHigh) dropped.add("reasoning_effort");
  return { thinking: { type }, effort: isTooHigh ? "high" : effort };
}

function planOn(chat: Chat, reasoning: Reasoning, frame: Frame): ThinkingPlan {
  const { rules, dropped } = frame;
  const { budgetTokens } = reasoning;
  const hasBudget = budgetTokens !== undefined && budgetTokens > 0;
  const takesBudget = rules.thinking.includes("enabled");
  if (rules.thinking.includes("adaptive") && !(hasBudget && takesBudget)) {
    const wanted = reasoning.effort ?? (hasBudget ? effortOf(budgetTokens) : undefined);
    const effort = wanted === undefined ? undefined : nearestEffort(wanted, rules);
    const thinking = { type: "adaptive", ...display(chat, reasoning) };
    return { thinking, ...(effort !== undefined && { effort }) };
  }
  if (!takesBudget) {
    dropped.add("reasoning");
    return {};
  }
  const wanted = hasBudget ? budgetTokens : budgetOf[reasoning.effort ?? "medium"];
  const budget = fitBudget(chat, wanted, frame);
  const own = chat.protocol === "anthropic-messages" ? ownEffort(reasoning, frame) : {};
  if (budget === undefined) {
    dropped.add("reasoning");
    return own;
  }
  const shown = chat.protocol === "anthropic-messages" ? display(chat, reasoning) : {};
  return { thinking: { type: "enabled", budget_tokens: budget, ...shown }, ...own };
}

/** Newer models leave thoughts out by default; a Chat client that asked to think gets to read them. */
function display(chat: Chat, reasoning: Reasoning): JsonObject {
  if (reasoning.visibility === "none") return { display: "omitted" };
  const isWanted = reasoning.visibility !== undefined || chat.protocol === "openai-chat";
  return isWanted ? { display: "summarized" } : {};
}

const BUDGET_TOKENS_MIN = 1024;
/** What stays for the answer itself. */
const ANSWER_TOKENS_MIN = 256;
const ANSWER_SHARE = 5;
/** With it a budget is for all thinking between tool calls, and may pass `max_tokens`. */
const INTERLEAVED = "interleaved-thinking-2025-05-14";

/** Undefined where no thinking fits below `max_tokens`. */
function fitBudget(chat: Chat, wanted: number, { maxTokens }: Frame): number | undefined {
  const isOwn = chat.protocol === "anthropic-messages";
  if (isOwn && (wanted < maxTokens || chat.betas.includes(INTERLEAVED))) return wanted;
  const room = maxTokens - Math.max(ANSWER_TOKENS_MIN, Math.ceil(maxTokens / ANSWER_SHARE));
  const budget = Math.min(Math.max(wanted, BUDGET_TOKENS_MIN), room);
  return budget < BUDGET_TOKENS_MIN ? undefined : budget;
}

const budgetOf: Readonly<Record<Effort, number>> = {
  none: 0,
  minimal: 1024,
  low: 2048,
  medium: 8192,
  high: 16_384,
  xhigh: 32_768,
  max: 65_536,
};

const budgetBounds: readonly (readonly [number, Effort])[] = [
  [1024, "minimal"],
  [4096, "low"],
  [12_288, "medium"],
  [24_576, "high"],
  [49_152, "xhigh"],
];

function effortOf(budget: number): Effort {
  return budgetBounds.find(([bound]) => budget <= bound)?.[1] ?? "max";
}

/** One the model takes: `minimal` is `low` here, and what is above its ladder is `high`. */
function nearestEffort(effort: Effort, rules: ModelRules): Effort {
  if (rules.efforts.includes(effort)) return effort;
  return effort === "minimal" || effort === "none" ? "low" : "high";
}
