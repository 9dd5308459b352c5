/**
 * The demo's opaque reasoning: signatures, encrypted content, thought signatures. A blob is a keyed digest of the
 * thought and of the call (or text) that followed it, so that a changed thought, a changed blob and a blob that
 * moved to another place are all noticed without keeping any state.
 */
import { isObject, type Json, type JsonObject, type MutableJsonObject } from "#lib/json.ts";
import type { Api } from "./conversation.ts";

const SECRET = "the demo's signatures protect nothing";

interface Thought {
  readonly api: Api;
  /** Empty where the API lets clients drop the readable text. */
  readonly text: string;
  /** From `bindCall` or `BOUND_TO_TEXT`. */
  readonly boundTo: string;
}

export const BOUND_TO_TEXT = "text";

/** Name and arguments, not the id: Vertex clients leave ids out. */
export function bindCall(name: string, input: Json): string {
  return `call ${name} ${JSON.stringify(sortKeys(input))}`;
}

/** Standard base64, as Gemini insists. */
export function signThought(thought: Thought): string {
  const hash = new Bun.CryptoHasher("sha256", SECRET);
  hash.update(JSON.stringify([thought.api, thought.text, thought.boundTo]));
  return Buffer.concat([Buffer.from(`demo-${thought.api}-`), hash.digest()]).toString("base64");
}

function sortKeys(value: Json): Json {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (!isObject(value)) return value;
  const sorted: MutableJsonObject = {};
  for (const name of Object.keys(value).sort()) sorted[name] = sortOptional(value, name);
  return sorted;
}

function sortOptional(object: JsonObject, name: string): Json | undefined {
  const value = object[name];
  return value === undefined ? undefined : sortKeys(value);
}
