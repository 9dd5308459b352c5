/**
 * Which of some names an object's text has more than once. JSON leaves open which of equal names counts, and parsers
 * differ: what we read could be the first where an upstream reads the last.
 */
import { firstMember, memberAfter } from "./json-members.ts";

/** `names`: words of letters, digits and underscores, known to be there. */
export function repeatedMember(text: string, names: readonly string[]): string | undefined {
  if (!mayRepeat(text, names)) return undefined;
  const found = new Set<string>();
  for (let member = firstMember(text); member; member = memberAfter(text, member)) {
    if (found.has(member.name)) return member.name;
    if (names.includes(member.name)) found.add(member.name);
  }
  return undefined;
}

/** Such a name can be spelled in one other way only: with escapes of that kind. */
function mayRepeat(text: string, names: readonly string[]): boolean {
  if (text.includes("\\u00")) return true;
  for (const name of names) {
    const spelled = `"${name}"`;
    if (text.includes(spelled, text.indexOf(spelled) + spelled.length)) return true;
  }
  return false;
}
