/**
 * Where the keys of a YAML file stand. Bun's parser tells neither lines nor keys written twice (the later one wins
 * in silence, and a limit is gone), so this reads the block structure by indentation. It knows nothing of flow
 * collections and block scalars beyond stepping over them: a place it cannot tell is the nearest one above it.
 */
import type { Mistake, Path } from "./mistake.ts";

export interface YamlLines {
  /** The line of this path, or of its nearest ancestor that has one. */
  lineOf(path: Path): number | undefined;
  /** Keys written twice in one mapping. */
  readonly repeated: readonly Mistake[];
}

interface Piece {
  readonly content: string;
  readonly indent: number;
}

interface Level {
  readonly indent: number;
  readonly path: Path;
  /** The next item's number, in a sequence. */
  items: number;
}

const KEY =
  /^(?:"((?:[^"\\]|\\.)*)"|'((?:[^']|'')*)'|([^\s#'"[\]{},&*!|>%@`-][^#]*?|-[^\s#][^#]*?))\s*:(?:\s+(.*))?$/;
const BLOCK_SCALAR = /^[|>][+-]?\d?[+-]?\s*(?:#.*)?$/;

export function readYamlLines(text: string): YamlLines {
  const reader = new BlockReader();
  text.split(/\r\n|\n|\r/).forEach((line, index) => reader.read(line, index + 1));
  return reader;
}

class BlockReader implements YamlLines {
  readonly repeated: Mistake[] = [];
  readonly #lines = new Map<string, number>();
  readonly #levels: Level[] = [{ indent: -1, path: [], items: 0 }];
  /** Lines deeper than this belong to a block scalar. */
  #scalarIndent = Number.POSITIVE_INFINITY;
  #openBrackets = 0;

  lineOf(path: Path): number | undefined {
    for (let length = path.length; length > 0; length--) {
      const line = this.#lines.get(keyOf(path.slice(0, length)));
      if (line !== undefined) return line;
    }
    return undefined;
  }

  read(raw: string, line: number): void {
    const content = raw.trimStart();
    const indent = raw.length - content.length;
    if (content === "" || content.startsWith("#") || indent > this.#scalarIndent) return;
    this.#scalarIndent = Number.POSITIVE_INFINITY;
    const wasInFlow = this.#openBrackets > 0;
    this.#openBrackets = Math.max(0, this.#openBrackets + countBrackets(content));
    if (!wasInFlow) this.#readKey(this.#readItems({ content, indent }, line), line);
  }

  /** Steps over the dashes that begin a line, recording each item; gives what follows them. */
  #readItems(start: Piece, line: number): Piece {
    let { content, indent } = start;
    while (/^-(?:\s|$)/.test(content)) {
      const parent = this.#sequenceAt(indent);
      const path = [...parent.path, parent.items++];
      this.#record(path, line);
      this.#levels.push({ indent: indent + 1, path, items: 0 });
      const rest = content.slice(1).trimStart();
      indent += content.length - rest.length;
      content = rest;
    }
    return { content, indent };
  }

  #readKey({ content, indent }: Piece, line: number): void {
    const match = KEY.exec(content);
    if (!match) return;
    const name = match[1] ?? match[2]?.replaceAll("''", "'") ?? match[3] ?? "";
    const path = [...this.#leave(indent).path, name];
    if (this.#lines.has(keyOf(path))) this.repeated.push({ path, message: "is written twice", line });
    this.#record(path, line);
    this.#levels.push({ indent: indent + 1, path, items: 0 });
    if (BLOCK_SCALAR.test(match[4] ?? "")) this.#scalarIndent = indent;
  }

  /** The level that holds the items at this indentation: a sequence may stand as far left as its key. */
  #sequenceAt(indent: number): Level {
    const last = this.#leave(indent + 1);
    const isSibling = typeof last.path.at(-1) === "number" && last.indent === indent + 1;
    if (isSibling) this.#levels.pop();
    return this.#levels.at(-1) ?? last;
  }

  /** Leaves the levels that end before this indentation. */
  #leave(indent: number): Level {
    let last = this.#levels.at(-1);
    while (last && this.#levels.length > 1 && last.indent > indent) {
      this.#levels.pop();
      last = this.#levels.at(-1);
    }
    return last ?? { indent: -1, path: [], items: 0 };
  }

  #record(path: Path, line: number): void {
    if (!this.#lines.has(keyOf(path))) this.#lines.set(keyOf(path), line);
  }
}

function keyOf(path: Path): string {
  return JSON.stringify(path.map(String));
}

/** Brackets opened less brackets closed, outside quotes and comments. */
function countBrackets(line: string): number {
  const bare = line.replace(/"(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|(?:^|\s)#.*$|\$\{[^}]*\}/g, "");
  return (bare.match(/[[{]/g)?.length ?? 0) - (bare.match(/[\]}]/g)?.length ?? 0);
}
