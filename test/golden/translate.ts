/** One golden case through one pair, as the gateway would: the native lane where the APIs are the same. */
import type { JsonObject } from "#lib/json.ts";
import type { Chat, ProtocolName } from "#model/chat.ts";
import { Failure } from "#model/failure.ts";
import type { EncodedRequest } from "#protocols/protocol.ts";
import { apis, dialectOf, lineOf, rooms } from "../matrix/rooms.ts";
import { contentCases } from "./content-cases.ts";
import type { GoldenCase } from "./golden-case.ts";
import { settingCases } from "./setting-cases.ts";
import { toolCases } from "./tool-cases.ts";

export const goldenCases: readonly GoldenCase[] = [...contentCases, ...toolCases, ...settingCases];

export type Outcome =
  | { readonly encoded: EncodedRequest; readonly chat: Chat }
  | { readonly refused: Failure };

export function bodyOf(input: JsonObject, client: ProtocolName): JsonObject {
  if (client === "gemini") return input;
  return { model: "model", ...(client === "anthropic-messages" && { max_tokens: 1000 }), ...input };
}

export function translate(input: JsonObject, client: ProtocolName, upstream: ProtocolName): Outcome {
  const raw = bodyOf(input, client);
  const room = rooms[upstream].upstream;
  try {
    const chat = rooms[client].client.decodeRequest(raw, lineOf(client));
    const dialect = dialectOf(upstream);
    const encoded =
      client === upstream ? room.patchRequest(raw, chat, dialect) : room.encodeRequest(chat, dialect);
    return { encoded, chat };
  } catch (error) {
    if (error instanceof Failure && (error.kind === "unsupported" || error.kind === "bad_request")) {
      return { refused: error };
    }
    throw error;
  }
}

/** Every case of every client API towards one upstream API, as plain data for a snapshot. */
export function snapshotOf(upstream: ProtocolName): JsonObject {
  return Object.fromEntries(
    goldenCases.map(({ feature, inputs }) => [
      feature,
      Object.fromEntries(
        apis.flatMap((client) => {
          const input = inputs[client];
          return input ? [[`from ${client}`, plain(translate(input, client, upstream))]] : [];
        }),
      ),
    ]),
  );
}

function plain(outcome: Outcome): JsonObject {
  if ("refused" in outcome) {
    const { kind, message, detail } = outcome.refused;
    return { refused: { kind, ...(detail.param !== undefined && { param: detail.param }), message } };
  }
  const { body, headers, dropped } = outcome.encoded;
  const names = Object.keys(headers);
  return {
    ...(dropped.length > 0 && { dropped }),
    ...(names.length > 0 && { headers }),
    body,
  };
}
