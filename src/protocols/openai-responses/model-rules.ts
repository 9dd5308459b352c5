/**
 * What single models of OpenAI refuse, by their published rules. Unknown models pass everything: a wrong guess here
 * would take a parameter from a model that has it, while the provider's own 400 names the parameter.
 */
import type { Effort } from "#model/chat.ts";
import type { Dialect } from "#protocols/protocol.ts";
import { EFFORTS } from "./decode-request.ts";

/** Undefined: not a model we know. */
export function isReasoningModel(dialect: Dialect): boolean | undefined {
  if (dialect.vendor !== "openai") return undefined;
  const model = bareName(dialect.model);
  if (/^(?:gpt-3|gpt-4|chatgpt)/.test(model) || /^gpt-[5-9].*-chat/.test(model)) return false;
  return /^(?:o\d|gpt-[5-9])/.test(model) ? true : undefined;
}

/** Reasoning models take sampling parameters only where reasoning can be and is switched off. */
export function takesSampling(dialect: Dialect, effort: Effort | undefined): boolean {
  return isReasoningModel(dialect) !== true || effort === "none";
}

/** The nearest effort the model knows, the weaker one first: a hint must not raise the bill. */
export function fitEffort(dialect: Dialect, effort: Effort): Effort {
  const ladder = dialect.vendor === "openai" ? ladderOf(bareName(dialect.model)) : undefined;
  if (!ladder || ladder.includes(effort)) return effort;
  const asked = EFFORTS.indexOf(effort);
  const weaker = ladder.filter((known) => EFFORTS.indexOf(known) < asked);
  return weaker.at(-1) ?? ladder[0] ?? effort;
}

/** How much effort a budget of another API stands for. */
export function budgetEffort(budgetTokens: number): Effort | undefined {
  if (budgetTokens < 0) return undefined;
  return BUDGETS.find(([most]) => budgetTokens <= most)?.[1] ?? "max";
}

const BUDGETS: readonly (readonly [most: number, effort: Effort])[] = [
  [0, "none"],
  [1024, "minimal"],
  [4096, "low"],
  [12_288, "medium"],
  [24_576, "high"],
  [49_152, "xhigh"],
];

function ladderOf(model: string): readonly Effort[] | undefined {
  return LADDERS.find(([pattern]) => pattern.test(model))?.[1];
}

const LADDERS: readonly (readonly [pattern: RegExp, ladder: readonly Effort[]])[] = [
  [/^o\d/, ["low", "medium", "high"]],
  [/^gpt-5(?:-codex|-pro)/, ["low", "medium", "high"]],
  [/^gpt-5(?:-|$)/, ["minimal", "low", "medium", "high"]],
  [/^gpt-5\.1/, ["none", "low", "medium", "high"]],
  [/^gpt-5\.[2-5]/, ["none", "low", "medium", "high", "xhigh"]],
];

/** OpenRouter writes `openai/gpt-5`, Bedrock `openai.gpt-5`. */
function bareName(model: string): string {
  return model.toLowerCase().replace(/^openai[/.]/, "");
}
