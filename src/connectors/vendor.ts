/**
 * Who made a model, by its id. Opaque reasoning state is sent only to its maker, so a wrong guess must be
 * impossible in the dangerous direction: what is not recognised is `unknown`, and nothing goes to that.
 */
import type { Vendor } from "#model/chat.ts";

/** The first pattern that fits decides. Ids come bare, as `vendor/model`, or as a resource path. */
const PATTERNS: readonly (readonly [RegExp, Vendor])[] = [
  [/(?:^|\/)(?:anthropic\/|claude[-.])/i, "anthropic"],
  [/(?:^|\/)(?:gemini-|gemma-)|^~?google\//i, "google"],
  [/(?:^|\/)deepseek/i, "deepseek"],
  [/(?:^|\/)(?:x-ai\/|xai\/|grok-)/i, "xai"],
  [/(?:^|\/)(?:mistral|ministral|codestral|magistral|devstral|pixtral)/i, "mistral"],
  [/^~?openai\/|(?:^|\/)(?:gpt-|chatgpt-|o\d(?:-|$)|codex-)/i, "openai"],
];

export function vendorOf(model: string, otherwise: Vendor = "unknown"): Vendor {
  return PATTERNS.find(([pattern]) => pattern.test(model))?.[1] ?? otherwise;
}
