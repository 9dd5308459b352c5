/**
 * `${NAME}` and `${NAME:-default}` in any string of the parsed file. It works on values, not on the file's text,
 * so a variable's content can never become YAML.
 */
import { isObject, type Json, type MutableJsonObject } from "#lib/json.ts";
import type { Mistake, Path } from "./mistake.ts";

export type Variables = Readonly<Record<string, string | undefined>>;

export interface Interpolated {
  readonly value: Json;
  /** Where a value came from a variable: there, a number may be text. */
  readonly touched: ReadonlySet<string>;
  readonly mistakes: readonly Mistake[];
}

const REFERENCE = /\$\{([^}]*)\}/g;
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

export function interpolate(value: Json, variables: Variables): Interpolated {
  const touched = new Set<string>();
  const mistakes: Mistake[] = [];

  function replaceText(text: string, path: Path): string {
    return text.replace(REFERENCE, (_, reference: string) => {
      touched.add(pathKey(path));
      const separator = reference.indexOf(":-");
      const name = separator < 0 ? reference : reference.slice(0, separator);
      if (!NAME.test(name)) {
        mistakes.push({ path, message: `\${${name}} is not the name of an environment variable` });
        return "";
      }
      const found = variables[name];
      // As in a shell: with `:-`, an empty variable counts as missing.
      if (separator >= 0) return found === undefined || found === "" ? reference.slice(separator + 2) : found;
      if (found !== undefined) return found;
      mistakes.push({
        path,
        message: `environment variable ${name} is not set; set it, or write \${${name}:-default}`,
      });
      return "";
    });
  }

  function walk(node: Json, path: Path): Json {
    if (typeof node === "string") return replaceText(node, path);
    if (Array.isArray(node)) return node.map((item: Json, index) => walk(item, [...path, index]));
    if (!isObject(node)) return node;
    const copy: MutableJsonObject = Object.create(null);
    for (const [name, item] of Object.entries(node)) {
      if (item !== undefined) copy[name] = walk(item, [...path, name]);
    }
    return { ...copy };
  }

  return { value: walk(value, []), touched, mistakes };
}

/** A path as a map key. */
export function pathKey(path: Path): string {
  return JSON.stringify(path);
}
