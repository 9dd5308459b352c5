/**
 * Where a file stops being YAML. Bun's parser does not tell, so the file is tried up to each line's end: after the last
 * end up to which it can be read begins what cannot. Inside brackets or quotes over several lines that is where they
 * open, for what is wrong within cannot be told from what is merely unfinished.
 */

/** All tries together take the time of their lines squared, a tenth of a second here, and a gateway reloads while it serves. */
const LINES_MAX = 500;

/** From 1; undefined where the file is too long to try. The whole text must be known to be broken. */
export function brokenYamlLine(text: string): number | undefined {
  const lines = text.split(/\r\n|\n|\r/);
  if (lines.length > LINES_MAX) return undefined;
  const readable = lines.findLastIndex((_, index) => isYaml(lines.slice(0, index).join("\n")));
  return firstWritten(lines, readable) + 1;
}

function isYaml(text: string): boolean {
  try {
    Bun.YAML.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Blank lines and comments are not what is broken. */
function firstWritten(lines: readonly string[], from: number): number {
  const found = lines.findIndex((line, index) => index >= from && !/^\s*(?:#.*)?$/.test(line));
  return found === -1 ? from : found;
}
