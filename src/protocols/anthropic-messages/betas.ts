/**
 * `anthropic-beta` towards each host. Anthropic and Clewdr (which hands them to Anthropic) take every value; others
 * refuse a request for one they do not know, so only listed values go there.
 */
import type { EncodedRequest, Host } from "#protocols/protocol.ts";

const VERTEX = [
  "interleaved-thinking-2025-05-14",
  "fine-grained-tool-streaming-2025-05-14",
  "context-1m-2025-08-07",
  "context-management-2025-06-27",
];
const OPENROUTER = [...VERTEX, "structured-outputs-2025-11-13", "extended-cache-ttl-2025-04-11"];

const allowed: Readonly<Record<Host, readonly string[] | "all">> = {
  anthropic: "all",
  clewdr: "all",
  demo: "all",
  vertex: VERTEX,
  openrouter: OPENROUTER,
  openai: [],
  aistudio: [],
  deepseek: [],
  mistral: [],
  compatible: [],
};

export function betasFor(betas: readonly string[], host: Host, dropped: Set<string>): readonly string[] {
  const list = allowed[host];
  if (list === "all") return betas;
  for (const beta of betas) if (!list.includes(beta)) dropped.add(`anthropic-beta:${beta}`);
  return betas.filter((beta) => list.includes(beta));
}

const DEFAULT_VERSION = "2023-06-01";
/** What nearly every request has: one object, so that our client knows its head again. */
const DEFAULT_HEADERS: EncodedRequest["headers"] = { "anthropic-version": DEFAULT_VERSION };

/** Protocol headers. Vertex reads its version from the body; only Anthropic's own host knows every version. */
export function protocolHeaders(
  host: Host,
  betas: readonly string[],
  apiVersion: string | undefined,
): EncodedRequest["headers"] {
  const version = host === "anthropic" ? (apiVersion ?? DEFAULT_VERSION) : DEFAULT_VERSION;
  if (betas.length === 0 && host !== "vertex" && version === DEFAULT_VERSION) return DEFAULT_HEADERS;
  return {
    ...(host !== "vertex" && { "anthropic-version": version }),
    ...(betas.length > 0 && { "anthropic-beta": betas.join(",") }),
  };
}
