/**
 * Call ids this API accepts. The rewrite depends on the id alone, so that a client's echo in the next turn is rewritten
 * the same way and the upstream's prompt cache sees the same bytes.
 */
import { createHash } from "node:crypto";

const LEGAL = /^[a-zA-Z0-9_-]{1,64}$/;
const HASH_CHARS = 24;

export function legalToolId(id: string): string {
  return LEGAL.test(id) ? id : `toolu_${shortHash(id)}`;
}

/** Letters, digits, `-` and `_`. */
export function shortHash(text: string, chars = HASH_CHARS): string {
  return createHash("sha256").update(text).digest("base64url").slice(0, chars);
}
