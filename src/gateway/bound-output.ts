/**
 * Policy: a request that may cost money from a budget has a bounded answer. Where the caller set no bound, one is
 * assumed; it is what is held, and for a key with a budget it also goes upstream, so that the answer cannot cost more
 * than was held. An answer that reaches it ends like every answer that is too long, and says so itself.
 *
 * The price table knows no model's longest answer. Asking for more than that is an error at most providers, so the
 * assumed bound is one that every target of the request is known to take.
 */
import type { Target } from "#connectors/connector.ts";
import { asObject, type JsonObject } from "#lib/json.ts";
import type { Mutable } from "#lib/mutable.ts";
import type { Chat } from "#model/chat.ts";
import type { Exchange } from "./exchange.ts";

/** Every model in use can write this much. */
const OUTPUT_TOKENS_UNSAID = 4_096;
/** Current models of the large providers can write at least this much, and need it where they think first. */
const OUTPUT_TOKENS_UNSAID_LARGE = 16_384;
const LARGE =
  /gpt-4o(?!-2024-05-13)|gpt-4\.1|gpt-[5-9]|(?:^|\/)o[1-9](?!-preview)|claude-(?:opus|sonnet|haiku|fable|mythos)-[4-9]|gemini-(?:2\.5|[3-9])|grok-[4-9]|deepseek-(?:reasoner|r1)/;

/** Tokens of one choice, as the caller bound them or as they are assumed to be bound. */
export function outputBound(
  { outputTokensMax, reasoning }: Pick<Chat, "outputTokensMax" | "reasoning">,
  targets: readonly Target[],
): number {
  if (outputTokensMax !== undefined) return outputTokensMax;
  // Thinking counts as output, and an answer must still fit behind the thinking that was asked for.
  return (
    (targets.every(isLarge) ? OUTPUT_TOKENS_UNSAID_LARGE : OUTPUT_TOKENS_UNSAID) +
    (reasoning?.budgetTokens ?? 0)
  );
}

/** Targets live as long as their configuration, and every request asks this of its own. */
const largeTargets = new WeakMap<Target, boolean>();

function isLarge(target: Target): boolean {
  let known = largeTargets.get(target);
  if (known === undefined) largeTargets.set(target, (known = isLargeModel(target)));
  return known;
}

/** Behind a compatible server anything may bear any name. */
function isLargeModel({ connector, model }: Target): boolean {
  return connector.type !== "openai-compatible" && LARGE.test(model);
}

/** From here on the request is as if its caller had set this bound, in both lanes. */
export function boundOutput(exchange: Exchange, outputTokensMax: number): void {
  const { chat, raw } = exchange;
  if (!chat || chat.outputTokensMax !== undefined) return;
  // Decoded for this request alone, so it is set in place: a copy of it all costs more than the rest of the step.
  const own: Mutable<Chat> = chat;
  own.outputTokensMax = outputTokensMax;
  exchange.raw = boundBody(chat, raw, outputTokensMax);
}

/** A bound that is there as null is none, and must not stand beside ours. */
function boundBody({ protocol }: Chat, raw: JsonObject, outputTokensMax: number): JsonObject {
  switch (protocol) {
    case "openai-chat": {
      // The older name, because every server knows it; OpenAI's newer models get it renamed on the way.
      if (raw["max_completion_tokens"] === undefined) return { ...raw, max_tokens: outputTokensMax };
      const { max_completion_tokens: _, ...rest } = raw;
      return { ...rest, max_tokens: outputTokensMax };
    }
    case "openai-responses":
      return { ...raw, max_output_tokens: outputTokensMax };
    case "anthropic-messages":
      return { ...raw, max_tokens: outputTokensMax };
    case "gemini": {
      const name = raw["generation_config"] === undefined ? "generationConfig" : "generation_config";
      const { max_output_tokens: _, ...config } = asObject(raw[name]) ?? {};
      return { ...raw, [name]: { ...config, maxOutputTokens: outputTokensMax } };
    }
  }
}
