/**
 * `contents` of a caller as turns. Calls without ids get some, and results find theirs by name and order, as Gemini
 * itself pairs them. Signatures are opened where we sealed them; all others are Google's own.
 *
 * Invariant: every signature of the body is in the turns, in the body's order (the native lane counts on it).
 */
import type { AssistantPart, Opaque, ToolResultPart, Turn, UserPart } from "#model/chat.ts";
import type { RequestLine } from "#protocols/protocol.ts";
import { CallHistory } from "./call-history.ts";
import { decodeModelPart } from "./decode-model-part.ts";
import { decodeUserPart } from "./decode-user-part.ts";
import { badRequest, Fields, type Item } from "./fields.ts";
import type { PartScope } from "./part-scope.ts";

export function decodeContents(body: Fields, line: RequestLine): readonly Turn[] {
  if (!body.has("contents")) throw badRequest("contents", "a list of contents");
  const scope = { calls: new CallHistory(), unseal: line.unseal };
  return body.items("contents").map((item) => decodeContent(item, scope));
}

function decodeContent(item: Item, scope: PartScope): Turn {
  // SDKs send bare text for a user's content.
  if (typeof item.value === "string") return { side: "user", parts: [{ type: "text", text: item.value }] };
  const content = Fields.of(item.value, item.path);
  const role = content.string("role") ?? "user";
  const parts = content.items("parts").map(({ value, path }) => Fields.of(value, path));
  switch (role.toLowerCase()) {
    case "":
    case "user":
    case "function":
    case "tool":
      return {
        side: "user",
        parts: parts.map((part) => withSignature(decodeUserPart(part, scope), part, scope)),
      };
    case "model":
      return { side: "assistant", parts: joinThoughts(parts.map((part) => modelPart(part, scope))) };
  }
  throw content.refuse("role", "user or model");
}

function modelPart(part: Fields, scope: PartScope): AssistantPart {
  const decoded = decodeModelPart(part, scope);
  const signature = readSignature(part, scope);
  return signature ? { ...decoded, signature } : decoded;
}

function withSignature(
  decoded: UserPart | ToolResultPart,
  part: Fields,
  scope: PartScope,
): UserPart | ToolResultPart {
  const signature = readSignature(part, scope);
  return signature ? { ...decoded, signature } : decoded;
}

/** Ours is an envelope, base64 once more because Google's field holds bytes. Either alphabet may come back. */
function readSignature(part: Fields, { unseal }: PartScope): Opaque | undefined {
  const data = part.string("thoughtSignature");
  if (data === undefined || data === "") return undefined;
  const sealed = Buffer.from(data, "base64").toString("utf8");
  return unseal(sealed) ?? { kind: "google_thought_signature", vendor: "google", data };
}

/**
 * A streamed thought comes back in pieces, its foreign signature on an empty last one; its maker checks the signature
 * against the whole text. Google's own signed parts stand alone.
 */
function joinThoughts(parts: readonly AssistantPart[]): readonly AssistantPart[] {
  const joined: AssistantPart[] = [];
  for (const part of parts) {
    const last = joined.at(-1);
    const isJoinable = part.type === "reasoning" && part.signature?.vendor !== "google";
    if (isJoinable && last?.type === "reasoning" && last.signature === undefined) {
      const text = (last.text ?? "") + (part.text ?? "");
      joined[joined.length - 1] = { ...part, kind: "summary", ...(text !== "" && { text }) };
    } else {
      joined.push(part);
    }
  }
  return joined;
}
