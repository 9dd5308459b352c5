/**
 * The native lane: the caller's own body with the model replaced and nothing else touched, except
 *   - reasoning state this gateway sealed, and to Claude also unsigned thoughts and citations made for display: the
 *     API would refuse the whole request for them;
 *   - what a host does not have: left out and listed, or refused where the answer would be another one.
 */
import { isObject, type Json, type JsonObject, type MutableJsonObject } from "#lib/json.ts";
import type { Chat } from "#model/chat.ts";
import type { Dialect, EncodedRequest } from "#protocols/protocol.ts";
import { betasFor, protocolHeaders } from "./betas.ts";
import { isDisplayOnly } from "./citation.ts";
import { unsupported } from "./encode-content.ts";
import { ownTool } from "./encode-tools.ts";
import { isSealed } from "./opaque-state.ts";
import { schemaInstruction } from "./plan-output.ts";

export function patchRequest(raw: JsonObject, chat: Chat, dialect: Dialect): EncodedRequest {
  const dropped = new Set<string>();
  const patched: MutableJsonObject = { ...patchBody(raw, dialect, dropped) };
  if (chat.stream) patched["stream"] = true;
  const betas = betasFor(chat.betas, dialect.host, dropped);
  return {
    body: patched,
    headers: protocolHeaders(dialect.host, betas, chat.apiVersion),
    dropped: [...dropped],
  };
}

/** Everything that does not depend on what the answer is for; token counting shares it. */
export function patchBody(raw: JsonObject, dialect: Dialect, dropped: Set<string>): JsonObject {
  const body: MutableJsonObject = { ...raw, model: dialect.model };
  // The SDK's argument for the header; no field of the API.
  delete body["betas"];
  const messages = raw["messages"];
  if (Array.isArray(messages)) {
    const clean = messages.map((entry: Json, index) => patchMessage(entry, index, { dialect, dropped }));
    if (clean.some((entry, index) => entry !== messages[index])) body["messages"] = clean;
  }
  if (dialect.host === "vertex") patchForVertex(body, dialect, dropped);
  if (dialect.host === "clewdr") listForClewdr(body, dropped);
  return body;
}

interface Place {
  readonly dialect: Dialect;
  readonly dropped: Set<string>;
}

/** The same object where nothing had to be done. */
function patchMessage(entry: Json, index: number, place: Place): Json {
  if (!isObject(entry) || !Array.isArray(entry["content"])) return entry;
  const isAnswer = entry["role"] === "assistant";
  const blocks: readonly Json[] = entry["content"];
  const content = blocks.flatMap((block, at): readonly Json[] => {
    if (!isObject(block)) return [block];
    const path = `messages[${index}].content[${at}]`;
    if (isAnswer && isForeignThought(block, place.dialect)) {
      place.dropped.add(path);
      return [];
    }
    if (place.dialect.host === "vertex") refuseRemoteMedia(block, path);
    return [withoutDisplayCitations(block)];
  });
  const isSame = content.length === blocks.length && content.every((block, at) => block === blocks[at]);
  if (isSame) return entry;
  // A message must not be empty; one that held nothing but foreign thoughts says that it was there.
  return { ...entry, content: content.length === 0 ? [{ type: "text", text: "." }] : content };
}

function isForeignThought(block: JsonObject, dialect: Dialect): boolean {
  if (block["type"] === "redacted_thinking")
    return typeof block["data"] === "string" && isSealed(block["data"]);
  if (block["type"] !== "thinking") return false;
  const signature = block["signature"];
  if (typeof signature === "string" && isSealed(signature)) return true;
  return (
    dialect.vendor === "anthropic" && (signature === undefined || signature === null || signature === "")
  );
}

function withoutDisplayCitations(block: JsonObject): JsonObject {
  const citations = block["citations"];
  if (!Array.isArray(citations)) return block;
  const kept = citations.filter((entry: Json) => !(isObject(entry) && isDisplayOnly(entry)));
  if (kept.length === citations.length) return block;
  const { citations: _, ...rest } = block;
  return kept.length === 0 ? rest : { ...rest, citations: kept };
}

/** Fields Vertex has nothing for, and without which the answer would be another one. */
const VERTEX_LACKS = ["mcp_servers", "container"] as const;
const VERTEX_IGNORES = ["service_tier", "speed", "inference_geo", "diagnostics"] as const;

function patchForVertex(body: MutableJsonObject, dialect: Dialect, dropped: Set<string>): void {
  for (const name of VERTEX_LACKS) {
    if (body[name] !== undefined && body[name] !== null)
      throw unsupported(name, "this upstream does not have it");
  }
  for (const name of VERTEX_IGNORES) {
    if (body[name] !== undefined) dropped.add(name);
    delete body[name];
  }
  const tools = body["tools"];
  if (Array.isArray(tools)) {
    body["tools"] = tools.map((tool: Json, index) =>
      isObject(tool) ? ownTool(tool, `tools[${index}]`, { dialect, dropped }) : tool,
    );
  }
  askInWords(body, dropped);
}

/** Structured output as an instruction: bytes come back untouched here, so no tool may stand in for it. */
function askInWords(body: MutableJsonObject, dropped: Set<string>): void {
  const config = body["output_config"];
  const current = isObject(config) ? config["format"] : undefined;
  const format = isObject(current) ? current : body["output_format"];
  if (!isObject(format) || !isObject(format["schema"])) return;
  dropped.add(isObject(current) ? "output_config.format" : "output_format");
  delete body["output_format"];
  if (isObject(config)) {
    const { format: _, ...rest } = config;
    body["output_config"] = rest;
    if (Object.keys(rest).length === 0) delete body["output_config"];
  }
  const instruction = { type: "text", text: schemaInstruction(format["schema"]) };
  const system = body["system"];
  const before = typeof system === "string" && system !== "" ? [{ type: "text", text: system }] : system;
  body["system"] = [...(Array.isArray(before) ? before : []), instruction];
}

function refuseRemoteMedia(block: JsonObject, path: string): void {
  const source = block["source"];
  const type = isObject(source) ? source["type"] : undefined;
  if (type === "url" || type === "file") {
    throw unsupported(`${path}.source`, "this upstream takes media inline only, not by URL or file id");
  }
  const inner = block["type"] === "tool_result" ? block["content"] : undefined;
  if (!Array.isArray(inner)) return;
  for (const [index, entry] of inner.entries()) {
    if (isObject(entry)) refuseRemoteMedia(entry, `${path}.content[${index}]`);
  }
}

/** The top-level fields Clewdr hands on; it drops any other without a word. */
const CLEWDR_KNOWS: ReadonlySet<string> = new Set(
  (
    "model max_tokens messages system stop_sequences stream temperature top_k top_p thinking tools tool_choice " +
    "metadata container context_management mcp_servers output_config output_format service_tier cache_control " +
    "inference_geo speed diagnostics fallbacks n"
  ).split(" "),
);
const CLEWDR_THINKS: ReadonlySet<Json | undefined> = new Set(["enabled", "adaptive", "disabled"]);

function listForClewdr(body: MutableJsonObject, dropped: Set<string>): void {
  for (const name of Object.keys(body)) if (!CLEWDR_KNOWS.has(name)) dropped.add(name);
  const thinking = body["thinking"];
  const isLost = isObject(thinking) && !CLEWDR_THINKS.has(thinking["type"]);
  if (isLost) dropped.add("thinking");
}
