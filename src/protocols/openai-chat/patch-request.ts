/**
 * The native lane: the caller's own body goes up with only what policy or the host insists on replaced. Fields that
 * need no change keep their very value, so unknown fields, explicit nulls and key order survive.
 */
import {
  asArray,
  asObject,
  asString,
  isObject,
  type Json,
  type JsonObject,
  type MutableJsonObject,
} from "#lib/json.ts";
import type { Chat } from "#model/chat.ts";
import { NO_HEADERS, type Dialect, type EncodedRequest } from "#protocols/protocol.ts";
import { demandsThoughts, isReasoningModel, quirksOf, takesPlainThoughts } from "./dialects.ts";
import { encodeReasoning, isCallState, type AssistantTurn } from "./encode-assistant.ts";
import { withoutThinkingInLostLoop } from "./open-loop.ts";
import { toWireCallId } from "./wire-names.ts";

export function patchRequest(raw: JsonObject, chat: Chat, dialect: Dialect): EncodedRequest {
  const dropped = new Set<string>();
  const body = copyFields(raw, dialect);
  body["model"] = dialect.model;
  patchStream(body, chat, dialect);
  const messages = patchMessages(asArray(raw["messages"]), chat, { dialect, dropped });
  if (messages) body["messages"] = messages;
  const fitted = withoutThinkingInLostLoop(body, dialect, dropped);
  return { body: fitted, headers: NO_HEADERS, dropped: dropped.size === 0 ? NONE_DROPPED : [...dropped] };
}

const NONE_DROPPED: EncodedRequest["dropped"] = [];

/** Two names for one limit, of which some hosts know only one. */
function copyFields(raw: JsonObject, dialect: Dialect): MutableJsonObject {
  const { host, model } = dialect;
  const isPicky = host === "deepseek" || host === "mistral" || (host === "openai" && isReasoningModel(model));
  if (!isPicky) return { ...raw };
  const wanted = quirksOf(dialect).outputLimitField;
  if ((raw[wanted] ?? undefined) !== undefined) return { ...raw };
  const isLimit = (name: string) => name === "max_tokens" || name === "max_completion_tokens";
  // A caller's field may be called `__proto__`: assigned, it would be swallowed.
  return Object.fromEntries(
    Object.entries(raw).map(([name, value]) => [isLimit(name) ? wanted : name, value]),
  );
}

/** Usage is always asked for: without it an interrupted or finished stream could not be booked exactly. */
function patchStream(body: MutableJsonObject, chat: Chat, dialect: Dialect): void {
  if (!chat.stream) return;
  const options = asObject(body["stream_options"]);
  if (!quirksOf(dialect).takes.has("stream_usage")) {
    delete body["stream_options"];
    return;
  }
  if (options?.["include_usage"] !== true) body["stream_options"] = { ...options, include_usage: true };
}

interface Patch {
  readonly dialect: Dialect;
  readonly dropped: Set<string>;
}

/** Undefined where no message has to change. */
function patchMessages(messages: readonly Json[], chat: Chat, patch: Patch): readonly Json[] | undefined {
  // The decoder makes one turn of each assistant message, in order.
  const turns = chat.turns.filter((turn) => turn.side === "assistant");
  let assistants = 0;
  let patched: Json[] | undefined;
  for (let index = 0; index < messages.length; index++) {
    const message = messages[index];
    if (!isObject(message)) continue;
    const turn = message["role"] === "assistant" ? turns[assistants++] : undefined;
    const changed = patchIds(patchRole(turn ? patchReasoning(message, turn, patch) : message, patch), patch);
    if (changed === message) continue;
    patched ??= [...messages];
    patched[index] = changed;
  }
  return patched;
}

/** State we sealed for the caller is opened for its maker, or taken out for anybody else; what it lost is put back. */
function patchReasoning(message: JsonObject, turn: AssistantTurn, patch: Patch): JsonObject {
  const { dialect } = patch;
  const hasLost = isRecalled(message, turn);
  if (!hasLost && !hasSealed(message, turn)) {
    const isLacking = message["reasoning_content"] === undefined && asArray(message["tool_calls"]).length > 0;
    return isLacking && demandsThoughts(dialect) ? { ...message, reasoning_content: "" } : message;
  }
  const { reasoning_details: _, reasoning_content: __, reasoning: ___, ...rest } = message;
  const { thinking: ____, ...fields } = encodeReasoning(
    hasLost ? withoutUnasked(turn.parts, patch) : turn.parts,
    patch,
  );
  const calls = asArray(message["tool_calls"]).map((call) => patchCall(call, turn, dialect));
  return { ...rest, ...(calls.length > 0 && { tool_calls: calls }), ...fields };
}

/** Whether the gateway put into the turn what the message does not have. */
function isRecalled(message: JsonObject, turn: AssistantTurn): boolean {
  if (secretsOf(message).length > 0 || asArray(message["tool_calls"]).some(signatureOf)) return false;
  return (
    turn.parts.some(isSigned) ||
    (!hasThoughts(message) && turn.parts.some((part) => part.type === "reasoning"))
  );
}

/** Many servers refuse fields for thoughts, and the client sent none: plain ones go only where they are wanted. */
function withoutUnasked(parts: AssistantTurn["parts"], { dialect, dropped }: Patch): AssistantTurn["parts"] {
  if (takesPlainThoughts(dialect)) return parts;
  const kept = parts.filter((part) => part.type !== "reasoning" || isSigned(part));
  if (kept.length < parts.length) dropped.add("messages[].reasoning");
  return kept;
}

function isSigned(part: AssistantTurn["parts"][number]): boolean {
  return part.signature !== undefined && part.signature.kind !== "unsigned";
}

function hasThoughts(message: JsonObject): boolean {
  const { reasoning_content: content, reasoning, content: said } = message;
  // An empty text is an answer to the demand for one.
  if (typeof content === "string" || typeof reasoning === "string") return true;
  return (
    asArray(message["reasoning_details"]).length > 0 ||
    asArray(said).some((part) => asObject(part)?.["type"] === "thinking")
  );
}

/** What the decoder read as it stands in the message is bare; anything else was sealed, or is not to be trusted. */
function hasSealed(message: JsonObject, turn: AssistantTurn): boolean {
  const known = new Set(turn.parts.map((part) => part.signature?.data));
  const isInDetails = secretsOf(message).some(({ secret, whole }) => !known.has(secret) && !known.has(whole));
  return (
    isInDetails ||
    asArray(message["tool_calls"]).some((call) => !known.has(signatureOf(call)) && !!signatureOf(call))
  );
}

function secretsOf(message: JsonObject): readonly { readonly secret: string; readonly whole: string }[] {
  return asArray(message["reasoning_details"]).flatMap((detail) => {
    const object = asObject(detail);
    const secret = asString(object?.["signature"]) || asString(object?.["data"]);
    return secret && object ? [{ secret, whole: JSON.stringify(object) }] : [];
  });
}

function signatureOf(call: Json): string | undefined {
  const google = asObject(asObject(asObject(call)?.["extra_content"])?.["google"]);
  return asString(google?.["thought_signature"]);
}

function patchCall(call: Json, turn: AssistantTurn, dialect: Dialect): Json {
  if (!isObject(call)) return call;
  const part = turn.parts.find((candidate) => candidate.type === "tool_call" && candidate.id === call["id"]);
  const own = part?.signature && isCallState(part.signature, dialect) ? part.signature : undefined;
  if (own) return { ...call, extra_content: { google: { thought_signature: own.data } } };
  if (signatureOf(call) === undefined) return call;
  const { extra_content: _, ...bare } = call;
  return bare;
}

/** DeepSeek and Mistral know no `developer`. */
function patchRole(message: JsonObject, { dialect }: Patch): JsonObject {
  const isUnknown =
    message["role"] === "developer" && (dialect.host === "deepseek" || dialect.host === "mistral");
  return isUnknown ? { ...message, role: "system" } : message;
}

/** Ids of another host's calls, in the form this host demands; calls and results get the same one. */
function patchIds(message: JsonObject, { dialect }: Patch): JsonObject {
  const resultId = asString(message["tool_call_id"]);
  if (resultId !== undefined) {
    const id = toWireCallId(resultId, dialect);
    return id === resultId ? message : { ...message, tool_call_id: id };
  }
  const calls = asArray(message["tool_calls"]);
  if (calls.length === 0) return message;
  const isForeign = (call: Json) => {
    const id = asString(asObject(call)?.["id"]);
    return id !== undefined && toWireCallId(id, dialect) !== id;
  };
  if (!calls.some(isForeign)) return message;
  const renamed = calls.map((call) =>
    isObject(call) ? { ...call, id: toWireCallId(asString(call["id"]) ?? "", dialect) } : call,
  );
  return { ...message, tool_calls: renamed };
}
