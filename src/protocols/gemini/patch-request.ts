/**
 * The native lane: the caller's own body with only what policy and back end insist on changed. The model stands in the
 * URL, so a `model` field goes; signatures this back end did not make (another vendor's, sealed by us, or another back
 * end's) would be a 400 and give way as in the canonical lane; fields only the other back end knows go.
 */
import { asArray, asObject, asString, isObject, type Json, type JsonObject } from "#lib/json.ts";
import type { Chat, Opaque } from "#model/chat.ts";
import { NO_HEADERS, type Dialect, type EncodedRequest } from "#protocols/protocol.ts";
import { nativeSignature, SIGNATURE_SENTINEL } from "./encode-contents.ts";
import { fitBackEnd, withContents } from "./fit-back-end.ts";
import { modelRules } from "./model-rules.ts";

export function patchRequest(raw: JsonObject, chat: Chat, dialect: Dialect): EncodedRequest {
  const dropped: string[] = [];
  const { model: _, ...body } = raw;
  const foreign = foreignParts(body, chat, dialect);
  const signed =
    foreign.size === 0
      ? body
      : withContents(body, (content, index) => patchContent(content, { foreign, dialect, dropped, index }));
  return { body: fitBackEnd(signed, dialect, dropped), headers: NO_HEADERS, dropped };
}

/**
 * The parts whose signature this target would refuse. What a signature is stands in the decoded request, which has
 * every signature of the body, in the body's order; should the counts ever differ, nothing is touched.
 */
function foreignParts(body: JsonObject, chat: Chat, dialect: Dialect): ReadonlySet<Json> {
  const opaques = chat.turns.flatMap((turn): readonly Opaque[] =>
    turn.side === "system" ? [] : turn.parts.flatMap((part) => part.signature ?? []),
  );
  if (opaques.every((opaque) => nativeSignature(opaque, dialect) !== undefined)) return new Set();
  const contents = asObject(body["contents"]) ? [body["contents"]] : asArray(body["contents"]);
  const signed = contents
    .flatMap((content) => asArray(asObject(content)?.["parts"]))
    .filter((part) => isObject(part) && signatureKey(part) !== undefined);
  if (signed.length !== opaques.length) return new Set();
  return new Set(
    signed.filter((_, index) => {
      const opaque = opaques[index];
      return opaque !== undefined && nativeSignature(opaque, dialect) === undefined;
    }),
  );
}

function signatureKey(part: JsonObject): string | undefined {
  return ["thoughtSignature", "thought_signature"].find((key) => (asString(part[key]) ?? "") !== "");
}

interface Scope {
  readonly foreign: ReadonlySet<Json>;
  readonly dialect: Dialect;
  readonly dropped: string[];
  /** Of the content. */
  readonly index: number;
}

function patchContent(content: JsonObject, scope: Scope): JsonObject {
  const parts = content["parts"];
  if (!Array.isArray(parts)) return content;
  const patched = parts.flatMap((part, index) => {
    const key = isObject(part) && scope.foreign.has(part) ? signatureKey(part) : undefined;
    if (!isObject(part) || key === undefined) return [part];
    scope.dropped.push(`contents[${scope.index}].parts[${index}].${key}`);
    return patchPart(part, key, scope.dialect);
  });
  return { ...content, parts: patched };
}

/** Foreign thoughts leave whole; calls keep their place, with the sentinel where a signature is demanded. */
function patchPart(part: JsonObject, key: string, dialect: Dialect): readonly JsonObject[] {
  if (part["thought"] === true) return [];
  const isCall = asObject(part["functionCall"] ?? part["function_call"]) !== undefined;
  if (isCall && modelRules(dialect.model).needsSignatures) return [{ ...part, [key]: SIGNATURE_SENTINEL }];
  const { [key]: _, ...rest } = part;
  return rest["text"] === "" ? [] : [rest];
}
