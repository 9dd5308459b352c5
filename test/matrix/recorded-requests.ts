/** Every recorded request of every client API towards every upstream API, and what became of it. */
import { parseJson } from "#lib/json.ts";
import type { Chat, ProtocolName } from "#model/chat.ts";
import { Failure } from "#model/failure.ts";
import { differences, meaningOf } from "../golden/meaning.ts";
import { readRecordings, type Recording } from "../recording.ts";
import { apis, dialectOf, lineOf, rooms } from "./rooms.ts";

export interface RequestCell {
  readonly client: ProtocolName;
  readonly upstream: ProtocolName;
  readonly recording: string;
  readonly fate: "kept" | "changed" | "dropped" | "refused";
  /** Words of the conversation that the upstream does not get. Never any. */
  readonly lost: readonly string[];
}

/** Requests that the provider itself accepted. */
export function recordedRequests(client: ProtocolName): readonly Recording[] {
  return readRecordings(client).filter(
    ({ request, response }) => request !== null && response.status === 200,
  );
}

export function sendRecorded(
  client: ProtocolName,
  upstream: ProtocolName,
  { id, request, stream }: Recording,
): RequestCell {
  const cell = { client, upstream, recording: id };
  const model = /models\/([^:/]+):/.exec(request?.path ?? "")?.[1];
  const line = { ...lineOf(client, stream), ...(model !== undefined && { model }) };
  const raw = request?.body ?? {};
  const chat = rooms[client].client.decodeRequest(raw, line);
  const room = rooms[upstream].upstream;
  try {
    const dialect = dialectOf(upstream);
    const encoded =
      client === upstream ? room.patchRequest(raw, chat, dialect) : room.encodeRequest(chat, dialect);
    const arrived = rooms[upstream].client.decodeRequest(encoded.body, lineOf(upstream, stream));
    const differing = differences(meaningOf(chat), meaningOf(arrived)).filter((line) => !isDefault(line));
    const fate = encoded.dropped.length > 0 ? "dropped" : differing.length > 0 ? "changed" : "kept";
    const heard = wordsOf(arrived).join("\n");
    return { ...cell, fate, lost: wordsOf(chat).filter((text) => !heard.includes(text)) };
  } catch (error) {
    if (error instanceof Failure && error.kind === "unsupported")
      return { ...cell, fate: "refused", lost: [] };
    throw error;
  }
}

export function sendAllRecorded(): readonly RequestCell[] {
  return apis.flatMap((client) =>
    recordedRequests(client).flatMap((recording) =>
      apis.map((upstream) => sendRecorded(client, upstream, recording)),
    ),
  );
}

/** Defaults that one API says and another does not. */
function isDefault(difference: string): boolean {
  return /^(store: - -> false|store: false -> -|outputTokensMax: - -> |(temperature|topP|choices): 1 -> -|serviceTier: "auto" -> -)/.test(
    difference,
  );
}

/** What people, models and tools said: everything a model must read. Thoughts and hosted tools' blocks are no such words. */
function wordsOf(chat: Chat): readonly string[] {
  const said = chat.turns.flatMap((turn): readonly string[] =>
    turn.parts.flatMap((part): readonly string[] => {
      if (!("type" in part)) return [part.text];
      switch (part.type) {
        case "text":
        case "refusal":
          return [part.text];
        case "tool_call": {
          const input = parseJson(part.argumentsText);
          return [part.name, ...(input === undefined || part.custom ? [part.argumentsText] : leaves(input))];
        }
        case "tool_result":
          return part.content.flatMap((entry) => (entry.type === "text" ? [entry.text] : []));
        case "document":
          return part.media?.from === "text" ? [part.media.text] : [];
        case "search_result":
          return part.texts;
        case "reasoning":
        case "image":
        case "audio":
        case "video":
        case "code":
        case "code_result":
        case "hosted":
        case "unknown":
          return [];
      }
    }),
  );
  const offered = chat.tools.flatMap((tool) =>
    tool.type === "hosted" ? [] : [tool.name, tool.description ?? ""],
  );
  return [...chat.system.map(({ text }) => text), ...said, ...offered].filter((text) => text.trim() !== "");
}

function leaves(value: unknown): readonly string[] {
  if (typeof value === "string") return [value];
  if (Array.isArray(value)) return value.flatMap(leaves);
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(leaves) : [];
}
