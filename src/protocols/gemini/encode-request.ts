/**
 * The canonical request as a `generateContent` body. Model and streaming stand in the URL, which the connector writes.
 * Unknown fields are a hard 400 at AI Studio, so nothing is written that Gemini does not know; what the chosen back end
 * (AI Studio or Vertex) does not take is taken out at the end, in one place.
 */
import { asObject, type JsonObject } from "#lib/json.ts";
import type { Chat } from "#model/chat.ts";
import { Failure } from "#model/failure.ts";
import { listUnsaid, saidFields } from "#protocols/list-unsaid.ts";
import { NO_HEADERS, type Dialect, type EncodedRequest } from "#protocols/protocol.ts";
import { encodeContents } from "./encode-contents.ts";
import { encodeGeneration, outputInstruction } from "./encode-generation.ts";
import { encodeTools, type ToolContext } from "./encode-tools.ts";
import { fitBackEnd } from "./fit-back-end.ts";
import { modelRules } from "./model-rules.ts";

export function encodeRequest(chat: Chat, dialect: Dialect): EncodedRequest {
  const dropped: string[] = [];
  const context: ToolContext = { rules: modelRules(dialect.model), dialect, dropped };
  if (chat.cache?.key !== undefined) dropped.push("prompt_cache_key");
  if (chat.protocol !== "gemini") leaveExtensions(chat.extensions, dropped);
  dropped.push(...listUnsaid(chat, { cacheMarks: false, citationWishes: false, citation: () => false }));
  const generationConfig = encodeGeneration(chat, context);
  const { headers, fields } = encodeServiceTier(chat, context);
  const body: JsonObject = {
    ...encodePrompt(chat, context),
    ...encodeTools(chat, context),
    ...encodeSafety(chat, context),
    ...(Object.keys(generationConfig).length > 0 && { generationConfig }),
    ...(chat.cache?.explicitName !== undefined && { cachedContent: chat.cache.explicitName }),
    ...encodeLabels(chat, context),
    ...encodeStore(chat, context),
    ...fields,
  };
  // What was encoded wins.
  const own = Object.entries(ownExtensions(chat)).filter(([name]) => !Object.hasOwn(body, name));
  return { body: fitBackEnd({ ...body, ...Object.fromEntries(own) }, dialect, dropped), headers, dropped };
}

/** Fields by which a caller refers to what its provider keeps or runs: without them the answer is to something else. */
const KEPT_ELSEWHERE = ["previous_response_id", "conversation", "prompt", "mcp_servers", "background"];

function leaveExtensions(extensions: JsonObject, dropped: string[]): void {
  for (const name of KEPT_ELSEWHERE) {
    const value = extensions[name] ?? false;
    if (value === false || (Array.isArray(value) && value.length === 0)) continue;
    throw new Failure("unsupported", `\`${name}\` works only with its own provider. Leave it out.`, {
      param: name,
    });
  }
  dropped.push(...saidFields(extensions));
}

/** Fields merged elsewhere stay out of the top level. */
function ownExtensions(chat: Chat): JsonObject {
  if (chat.protocol !== "gemini") return {};
  const { generationConfig: _, toolConfig: __, ...rest } = chat.extensions;
  return rest;
}

/** `contents` and `systemInstruction`; models without the latter get it in front of the first user text. */
function encodePrompt(chat: Chat, context: ToolContext): JsonObject {
  const contents = encodeContents(chat, context);
  const instruction = outputInstruction(chat, context);
  if (instruction !== undefined) context.dropped.push("response_format");
  const texts = [
    ...chat.system.map((part) => part.text),
    ...(instruction === undefined ? [] : [instruction]),
  ];
  const parts = texts.filter((text) => text !== "").map((text) => ({ text }));
  if (parts.length === 0) return { contents };
  if (context.rules.takesSystem) return { contents, systemInstruction: { parts } };
  const [first, ...rest] = contents;
  const firstParts = first?.["parts"];
  return {
    contents: [
      { role: "user", parts: [...parts, ...(Array.isArray(firstParts) ? firstParts : [])] },
      ...rest,
    ],
  };
}

/** Safety settings have this shape only where a Gemini caller wrote them. */
function encodeSafety(chat: Chat, { dropped }: ToolContext): JsonObject {
  if (chat.safety === undefined) return {};
  if (chat.protocol === "gemini") return { safetySettings: chat.safety };
  dropped.push("moderation");
  return {};
}

const LABEL = /^[a-z0-9_-]{1,63}$/;

/** Vertex bills by label; a label outside its alphabet would fail the request. */
function encodeLabels(chat: Chat, { dialect, dropped }: ToolContext): JsonObject {
  const isNative = chat.protocol === "gemini";
  if (chat.userId !== undefined && !isNative) dropped.push("user");
  const entries = Object.entries(chat.metadata ?? {});
  if (entries.length === 0) return {};
  if (dialect.host !== "vertex") {
    dropped.push("metadata");
    return {};
  }
  const fit = entries.filter(
    ([name, value]) => isNative || (/^[a-z]/.test(name) && LABEL.test(name) && LABEL.test(value)),
  );
  if (fit.length < entries.length) dropped.push("metadata");
  return fit.length > 0 ? { labels: Object.fromEntries(fit) } : {};
}

function encodeStore(chat: Chat, { dropped }: ToolContext): JsonObject {
  if (chat.store === undefined) return {};
  if (chat.protocol === "gemini") return { store: chat.store };
  if (chat.store) dropped.push("store");
  return {};
}

const TIERS: ReadonlyMap<string, string> = new Map([
  ["default", "standard"],
  ["standard", "standard"],
  ["flex", "flex"],
  ["priority", "priority"],
]);

/** AI Studio has a field for the tier, Vertex a header. */
function encodeServiceTier(
  chat: Chat,
  { dialect, dropped }: ToolContext,
): { readonly headers: Readonly<Record<string, string>>; readonly fields: JsonObject } {
  const asked = chat.serviceTier;
  if (asked === undefined || asked === "auto") return { headers: NO_HEADERS, fields: {} };
  const tier = TIERS.get(asked.toLowerCase());
  if (tier === undefined) {
    dropped.push("service_tier");
    return { headers: NO_HEADERS, fields: {} };
  }
  if (dialect.host !== "vertex") return { headers: NO_HEADERS, fields: { serviceTier: tier } };
  if (tier === "standard") return { headers: NO_HEADERS, fields: {} };
  return { headers: { "x-vertex-ai-llm-shared-request-type": tier }, fields: {} };
}

/** The prompt half of a request, for counting. */
export function encodeCountable(chat: Chat, dialect: Dialect): JsonObject {
  const { body } = encodeRequest({ ...chat, stream: false }, dialect);
  const names = ["contents", "systemInstruction", "tools", "toolConfig", "generationConfig", "cachedContent"];
  return (
    asObject(
      Object.fromEntries(names.flatMap((name) => (body[name] === undefined ? [] : [[name, body[name]]]))),
    ) ?? {}
  );
}
