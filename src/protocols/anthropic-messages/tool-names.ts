/**
 * Tool names this API accepts, both ways. A name depends on itself and on the list of tools only, so the same
 * conversation always makes the same bytes.
 */
import type { Tool } from "#model/chat.ts";
import { shortHash } from "./tool-id.ts";

interface Original {
  readonly name: string;
  readonly namespace?: string;
  readonly custom?: true;
}

const NAME_CHARS_MAX = 64;
const HASH_CHARS = 8;

export class ToolNames {
  readonly #originals = new Map<string, Original>();
  readonly #wires = new Map<string, string>();

  constructor(tools: readonly Tool[]) {
    for (const tool of tools) {
      if (tool.type === "hosted") continue;
      const namespace = tool.type === "function" ? tool.namespace : undefined;
      const key = keyOf(tool.name, namespace);
      const fitted = fit(namespace === undefined ? tool.name : `${namespace}__${tool.name}`);
      const wire = this.#originals.has(fitted) ? hashed(fitted, key) : fitted;
      this.#wires.set(key, wire);
      // A choice names a tool without its namespace.
      if (!this.#wires.has(tool.name)) this.#wires.set(tool.name, wire);
      this.#originals.set(wire, {
        name: tool.name,
        ...(namespace !== undefined && { namespace }),
        ...(tool.type === "custom" && { custom: true }),
      });
    }
  }

  /** Also for names in the history that are no longer among the tools. */
  wire(name: string, namespace?: string): string {
    return this.#wires.get(keyOf(name, namespace)) ?? fit(name);
  }

  original(wire: string): Original | undefined {
    return this.#originals.get(wire);
  }
}

function keyOf(name: string, namespace: string | undefined): string {
  return namespace === undefined ? name : `${namespace}\n${name}`;
}

function fit(name: string): string {
  const clean = name.replace(/[^a-zA-Z0-9_-]/g, "_");
  if (clean !== "" && clean.length <= NAME_CHARS_MAX) return clean;
  return hashed(clean, name);
}

function hashed(name: string, source: string): string {
  return `${name.slice(0, NAME_CHARS_MAX - HASH_CHARS - 1)}_${shortHash(source, HASH_CHARS)}`;
}
