/**
 * The conversation as Gemini `contents`.
 *
 * Invariants: roles alternate, the first content is the caller's, no content is empty; the results of one step stand
 * together at the head of one user content; a signed part keeps its place and is never merged; on models that demand
 * signatures the first call of every step carries one, and where ours is lost or foreign the documented sentinel.
 */
import type { JsonObject } from "#lib/json.ts";
import type {
  AssistantPart,
  Chat,
  Opaque,
  ToolCallPart,
  ToolResultPart,
  Turn,
  UserPart,
} from "#model/chat.ts";
import { Failure } from "#model/failure.ts";
import type { Dialect } from "#protocols/protocol.ts";
import { encodeAssistantPart } from "./assistant-part.ts";
import { encodeDocument, encodeMedia } from "./encode-media.ts";
import { encodeToolResult } from "./encode-tool-result.ts";
import type { ToolContext } from "./encode-tools.ts";
import { toWireName } from "./tool-names.ts";
import { isOwnCallId } from "./call-id.ts";

/** Google's documented stand-in for a signature that cannot be had (ai.google.dev, thought signatures). */
export const SIGNATURE_SENTINEL = "skip_thought_signature_validator";

/** Google refuses empty contents; a request has at least this. */
const FILLER: JsonObject = { text: "." };

interface Content {
  readonly role: "user" | "model";
  readonly parts: readonly JsonObject[];
}

export function encodeContents(chat: Chat, context: ToolContext): readonly JsonObject[] {
  const names = callNames(chat, context);
  const isGeminiCaller = chat.protocol === "gemini";
  const scope = { context: { ...context, keepsDetail: isGeminiCaller }, names, isGeminiCaller };
  const contents = chat.turns.map((turn, index) => encodeTurn(turn, `messages[${index}]`, scope));
  const merged = mergeRoles(contents.filter((content) => content.parts.length > 0));
  const first = merged[0];
  if (first?.role === "user") return merged.map(toJson);
  return [{ role: "user", parts: [FILLER] }, ...merged.map(toJson)];
}

function toJson(content: Content): JsonObject {
  return { role: content.role, parts: content.parts };
}

interface Scope {
  readonly context: ToolContext;
  /** Wire name by call id: results of other APIs do not carry the function's name. */
  readonly names: ReadonlyMap<string, string>;
  readonly isGeminiCaller: boolean;
}

function callNames(chat: Chat, { rules }: ToolContext): ReadonlyMap<string, string> {
  const calls = chat.turns.flatMap((turn): readonly ToolCallPart[] =>
    turn.side === "assistant" ? turn.parts.filter((part) => part.type === "tool_call") : [],
  );
  return new Map(calls.map((call) => [call.id, toWireName(call, rules.toolNameCharsMax)]));
}

function encodeTurn(turn: Turn, path: string, scope: Scope): Content {
  switch (turn.side) {
    case "system":
      // Instructions in mid-conversation have no role of their own here.
      return { role: "user", parts: turn.parts.map(({ text }) => ({ text: `<system>${text}</system>` })) };
    case "user":
      return { role: "user", parts: encodeUserTurn(turn.parts, path, scope) };
    case "assistant":
      return { role: "model", parts: encodeAssistantTurn(turn.parts, path, scope) };
  }
}

/** Neighbours of one role become one content, with results before everything else. */
function mergeRoles(contents: readonly Content[]): readonly Content[] {
  const merged: { role: "user" | "model"; parts: JsonObject[] }[] = [];
  for (const content of contents) {
    const last = merged.at(-1);
    if (last?.role === content.role) last.parts.push(...content.parts);
    else merged.push({ role: content.role, parts: [...content.parts] });
  }
  return merged.map((content) => (content.role === "user" ? resultsFirst(content) : content));
}

function resultsFirst(content: Content): Content {
  const isResult = (part: JsonObject) => part["functionResponse"] !== undefined;
  return {
    role: content.role,
    parts: [...content.parts.filter(isResult), ...content.parts.filter((part) => !isResult(part))],
  };
}

// ---- the caller's side ----------------------------------------------------------------------------------------

function encodeUserTurn(
  parts: readonly (UserPart | ToolResultPart)[],
  path: string,
  scope: Scope,
): readonly JsonObject[] {
  return parts.flatMap((part, index) => {
    const partPath = `${path}.content[${index}]`;
    if (part.type !== "tool_result") return encodeUserPart(part, partPath, scope.context);
    const name = scope.names.get(part.callId) ?? resultName(part, partPath, scope.context);
    return encodeToolResult(part, { ...scope.context, name, path: partPath, encodePart: encodeUserPart });
  });
}

function resultName(part: ToolResultPart, path: string, { rules }: ToolContext): string {
  if (part.name !== undefined) return toWireName({ name: part.name }, rules.toolNameCharsMax);
  throw new Failure(
    "bad_request",
    "This tool result answers no call in the conversation. Send the call too.",
    {
      param: path,
    },
  );
}

function encodeUserPart(part: UserPart, path: string, context: ToolContext): readonly JsonObject[] {
  const place = { dialect: context.dialect, path };
  switch (part.type) {
    case "text": {
      const text = part.name === undefined ? part.text : `${part.name}: ${part.text}`;
      return text === "" ? [] : [{ text }];
    }
    case "image": {
      const level = context.keepsDetail === true && LEVELS.get(part.detail ?? "");
      const mediaResolution = level && { mediaResolution: { level } };
      return [{ ...encodeMedia(part.media, "image", place), ...mediaResolution }];
    }
    case "audio":
      return [encodeMedia(part.media, "audio", place)];
    case "video": {
      const videoMetadata = part.metadata && { videoMetadata: part.metadata };
      return [{ ...encodeMedia(part.media, "video", place), ...videoMetadata }];
    }
    case "document":
      return encodeDocument(part, (block, blockPath) => encodeUserPart(block, blockPath, context), place);
    case "search_result":
      return [{ text: [part.title, part.source, ...part.texts].join("\n") }];
    case "unknown":
      if (part.protocol === "gemini" && typeof part.value === "object") return [asPart(part.value)];
      throw new Failure("unsupported", "This kind of content exists only in its own API. Remove it.", {
        param: part.path,
      });
  }
}

/** The detail of one picture, which only callers of this API can set so finely. */
const LEVELS: ReadonlyMap<string, string> = new Map([
  ["low", "MEDIA_RESOLUTION_LOW"],
  ["auto", "MEDIA_RESOLUTION_MEDIUM"],
  ["high", "MEDIA_RESOLUTION_HIGH"],
  ["original", "MEDIA_RESOLUTION_ULTRA_HIGH"],
]);

function asPart(value: unknown): JsonObject {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

// ---- the model's side -----------------------------------------------------------------------------------------

function encodeAssistantTurn(
  parts: readonly AssistantPart[],
  path: string,
  scope: Scope,
): readonly JsonObject[] {
  const { context } = scope;
  const encoded: JsonObject[] = [];
  for (const [index, part] of parts.entries()) {
    const signature = part.signature && nativeSignature(part.signature, context.dialect);
    const partPath = `${path}.content[${index}]`;
    if (part.signature && signature === undefined) context.dropped.push(`${partPath}.signature`);
    if (part.type === "reasoning" && signature === undefined && isForeignThought(part, scope)) {
      if (part.signature === undefined) context.dropped.push(`${partPath}.reasoning`);
      continue;
    }
    const wire = encodeAssistantPart(part, {
      name: toWireName(part.type === "tool_call" ? part : { name: "" }, context.rules.toolNameCharsMax),
      sendsId: part.type === "tool_call" && sendsCallId(part.id, context.dialect),
      path: partPath,
      dropped: context.dropped,
      dialect: context.dialect,
    });
    // Text without text and without a signature says nothing, and Google refuses a content of only that.
    if (!wire || (wire["text"] === "" && signature === undefined)) continue;
    encoded.push({ ...wire, ...(signature !== undefined && { thoughtSignature: signature }) });
  }
  return context.rules.needsSignatures ? withSentinel(encoded) : encoded;
}

/** Only the first call of a step is checked; the others of the same step come without signatures. */
function withSentinel(parts: readonly JsonObject[]): readonly JsonObject[] {
  const index = parts.findIndex((part) => part["functionCall"] !== undefined);
  const call = parts[index];
  if (!call || call["thoughtSignature"] !== undefined) return parts;
  return parts.with(index, { ...call, thoughtSignature: SIGNATURE_SENTINEL });
}

/** Signatures are bound to the vendor, and to the back end that made them. */
export function nativeSignature(opaque: Opaque, dialect: Dialect): string | undefined {
  if (opaque.kind !== "google_thought_signature" || dialect.vendor !== "google") return undefined;
  return opaque.route === undefined || opaque.route === dialect.route ? opaque.data : undefined;
}

/** Foreign thoughts leave with their signature: their text must not turn into this model's own. */
function isForeignThought(part: AssistantPart, { isGeminiCaller }: Scope): boolean {
  return part.signature === undefined ? !isGeminiCaller : part.signature.vendor !== "google";
}

/** Vertex rejects ids in requests; AI Studio wants only those it made. */
function sendsCallId(id: string, dialect: Dialect): boolean {
  return dialect.host !== "vertex" && isOwnCallId(id);
}
