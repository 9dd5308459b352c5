/**
 * An upstream's error text, fit for a caller's eyes: one line of sane length, without anything that looks like a key,
 * an account or an address inside somebody's network. What an attacker would gain from it otherwise: providers quote
 * (parts of) the operator's key and organisation in their messages.
 */
const CHARS_MAX = 500;

export function scrub(text: string): string {
  const plain = SECRETS.reduce(
    (rest, pattern) => rest.replace(pattern, "[redacted]"),
    text.slice(0, SCAN_CHARS_MAX),
  );
  // oxlint-disable-next-line no-control-regex -- control characters must not reach logs and terminals
  const line = plain.replace(/[\u0000-\u001f\u007f\s]+/g, " ").trim();
  return line.length > CHARS_MAX ? `${line.slice(0, CHARS_MAX - 1)}…` : line;
}

/** Bounds the work on a hostile body; far more than is ever shown. */
const SCAN_CHARS_MAX = 8192;

const SECRETS: readonly RegExp[] = [
  /\b(?:sk|pk|rk|gsk|xai|hf|nvapi|pplx|fw|csk|ya29|XJP|AKIA)[-_.][\w.*-]{6,}/gi,
  /\bAIza[\w-]{10,}/g,
  /\b(?:org|proj|user|acct|account|team|workspace|usr)[-_](?=[\w-]*(?:\d|[a-z][A-Z]))[\w-]{6,}/g,
  /\bBearer\s+[^\s"']+/gi,
  /\beyJ[\w-]{10,}\.[\w-]{5,}(?:\.[\w-]+)?/g,
  /\b(?:api[-_ ]?key|token|secret|password)\b\s*[:=]\s*(?=\S*\d)[^\s"',]{6,}/gi,
  /\bhttps?:\/\/(?:localhost|127\.|10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|169\.254\.)[^\s"']*/gi,
  /\b[0-9a-f]{32,}\b/gi,
  /\b[\w+-]+@[\w-]+\.[\w.-]+\b/g,
];
