/**
 * A provider's error text made fit for a caller: no keys, tokens, projects, accounts or addresses of the operator, and
 * bounded. An attacker could otherwise read the operator's project out of a provoked error.
 */

const CHARS_MAX = 600;

const SECRETS: readonly (readonly [RegExp, string])[] = [
  [/\bAIza[\w-]{10,}/g, "[key]"],
  [/\bya29\.[\w.-]+/g, "[token]"],
  [/\bAQ\.[\w-]{16,}/g, "[key]"],
  [/\bXJP_[\w-]+/g, "[key]"],
  [/\b(projects?|locations|organizations|folders|consumers?)([/ :=]+)['"]?[\w.:-]+['"]?/gi, "$1$2[hidden]"],
  [/\b(project_number|project_id|consumer|key)(['"]?[:=]\s*)['"]?[\w./:-]+['"]?/gi, "$1$2[hidden]"],
  [/[\w.+-]+@[\w-]+\.[\w.-]+/g, "[account]"],
  [/https?:\/\/\S+/g, "[address]"],
];

export function scrubMessage(message: string): string {
  const scrubbed = SECRETS.reduce(
    (text, [pattern, cover]) => text.replaceAll(pattern, cover),
    message.trim(),
  );
  return scrubbed.length > CHARS_MAX ? `${scrubbed.slice(0, CHARS_MAX)}…` : scrubbed;
}
