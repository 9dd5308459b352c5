/**
 * Ids of tool calls. Gemini gives none on older models; the ones made here depend only on the answer's own id and the
 * call's position, so a streamed and a whole reading agree and no two calls of a conversation share one.
 */

/** The id of call number `index` of an answer. `seed` is the answer's own id, or a hash where it has none. */
export function madeCallId(seed: string, index: number): string {
  const clean = seed.replaceAll(/[^A-Za-z0-9_-]/g, "_").slice(0, SEED_CHARS_MAX);
  return `call_${clean}_${index}`;
}

/** Anthropic takes 64 characters in all. */
const SEED_CHARS_MAX = 48;

/** What other vendors, and this file, put in front. Gemini's own ids are bare. */
const FOREIGN_PREFIX = /^(call|toolu|fc|ctc|srvtoolu|chatcmpl|tool|func)[_-]/;

/** Whether Gemini itself (or a Gemini caller) gave this id: others are better left out than sent. */
export function isOwnCallId(id: string): boolean {
  return id !== "" && !FOREIGN_PREFIX.test(id);
}
