/**
 * Which of some names an object's text has more than once. JSON leaves open which of equal names counts, and parsers
 * differ: what we read could be the first where an upstream reads the last.
 */
import { firstMember, memberAfter } from "./json-members.ts";

/**
 * `names`: words of letters, digits and underscores, known to be there; as a path, `parent.name`, those of an object
 * below.
 */
export function repeatedMember(text: string, names: readonly string[]): string | undefined {
  if (!mayRepeat(text, names)) return undefined;
  const found = new Set<string>();
  for (let member = firstMember(text); member; member = memberAfter(text, member)) {
    const { name, valueStart, end } = member;
    if (found.has(name)) return name;
    if (names.includes(name)) found.add(name);
    const below = names
      .filter((path) => path.startsWith(`${name}.`))
      .map((path) => path.slice(name.length + 1));
    const repeated = below.length > 0 ? repeatedMember(text.slice(valueStart, end), below) : undefined;
    if (repeated !== undefined) return `${name}.${repeated}`;
  }
  return undefined;
}

/** Such a name can be spelled in one other way only: with escapes of that kind. */
function mayRepeat(text: string, names: readonly string[]): boolean {
  if (text.includes("\\u00")) return true;
  for (const path of names) {
    const spelled = spellingOf(path);
    if (text.includes(spelled, text.indexOf(spelled) + spelled.length)) return true;
  }
  return false;
}

/** By path: these are a few words of ours, asked for in every body. */
const SPELLINGS = new Map<string, string>();

function spellingOf(path: string): string {
  let spelling = SPELLINGS.get(path);
  if (spelling === undefined) {
    spelling = `"${path.slice(path.lastIndexOf(".") + 1)}"`;
    SPELLINGS.set(path, spelling);
  }
  return spelling;
}
