/** How Vertex names a model: whose it is, and the id as Vertex spells it. */

export interface VertexModel {
  readonly publisher: string;
  readonly id: string;
  /** A tuned model's endpoint in the configured project, in place of a publisher's model. */
  readonly endpoint?: string;
}

/** Claude's ids carry their date behind an `@` here. Undated names of models that exist only dated. */
const CLAUDE_DATES: ReadonlyMap<string, string> = new Map([
  ["claude-3-haiku", "20240307"],
  ["claude-3-5-haiku", "20241022"],
  ["claude-3-5-sonnet", "20241022"],
  ["claude-3-7-sonnet", "20250219"],
  ["claude-opus-4", "20250514"],
  ["claude-opus-4-1", "20250805"],
  ["claude-opus-4-5", "20251101"],
  ["claude-sonnet-4", "20250514"],
  ["claude-sonnet-4-5", "20250929"],
  ["claude-haiku-4-5", "20251001"],
]);

/** `model` may come from a request; a `projects/...` path would reach into projects that are not ours. */
export function readVertexModel(
  model: string,
  publisher: string | undefined,
  aliases: Readonly<Record<string, string>>,
): VertexModel {
  const spelt = Object.hasOwn(aliases, model) ? (aliases[model] ?? model) : model;
  const [, endpoint] = /^endpoints\/(\d+)$/.exec(spelt) ?? [];
  if (endpoint !== undefined) return { publisher: publisher ?? "google", id: spelt, endpoint };
  const [, owner, id = spelt] = /^(?:publishers\/)?([a-z0-9-]+)\/(?:models\/)?([^/]+)$/.exec(spelt) ?? [];
  const maker = publisher ?? owner ?? (id.startsWith("claude-") ? "anthropic" : "google");
  return { publisher: maker, id: maker === "anthropic" ? spellClaude(id) : id };
}

/** `claude-sonnet-4.5`, `claude-sonnet-4-5` and `claude-sonnet-4-5-20250929` are one model. */
function spellClaude(id: string): string {
  if (id.includes("@")) return id;
  const dashed = id.replace(/(\d)\.(\d)/g, "$1-$2");
  const [, name = dashed, date] = /^(.+)-(20\d{6})$/.exec(dashed) ?? [];
  const known = date ?? CLAUDE_DATES.get(name);
  return known === undefined ? name : `${name}@${known}`;
}
