/** What must be true of anything the four rooms make of a twisted body: see `findUnreal`. */
import { expect } from "bun:test";
import { asObject, isObject, parseJson, type Json } from "#lib/json.ts";
import { formatSse, SseReader, type SseFrame } from "#lib/sse.ts";
import type { ChatEvent } from "#model/chat-event.ts";
import type { Chat, ProtocolName } from "#model/chat.ts";
import { Failure } from "#model/failure.ts";
import { foldReply } from "#model/reply.ts";
import { apis, askingChat, dialectOf, encodeStream, envelopeOf, lineOf, rooms } from "../matrix/rooms.ts";
import { findUnreal, hostileNumbers, hostileWords, orFailure, sitesOf, withLeaf } from "./hostile-values.ts";

const leaves = { string: hostileWords, number: hostileNumbers } as const;

export interface Twist {
  /** Which leaves are replaced. */
  readonly leaf: keyof typeof leaves;
  /** Kinds of place met before: one visit is enough for each. */
  readonly seen: Set<string>;
}

/** Calls `visit` for every hostile value at every kind of place not met before. */
export function eachTwisted(
  value: Json,
  { leaf, seen }: Twist,
  visit: (twisted: Json, place: string) => void,
): void {
  for (const { path, shape } of sitesOf(value, leaf)) {
    if (seen.has(shape)) continue;
    seen.add(shape);
    for (const hostile of leaves[leaf])
      visit(
        withLeaf(value, path, () => hostile),
        `${shape} = ${hostile}`,
      );
  }
}

/** The same for a stream, event by event. */
export function eachTwistedStream(
  sse: string,
  twist: Twist,
  visit: (twisted: Uint8Array, place: string) => void,
): void {
  const frames = framesOf(sse);
  for (const [index, frame] of frames.entries()) {
    const data = parseJson(frame.data);
    if (!isObject(data)) continue;
    eachTwisted(data, twist, (twisted, place) => {
      const name = asObject(twisted)?.["type"];
      const event = frame.event !== "" && typeof name === "string" ? name : frame.event;
      const text = frames.map((other, at) =>
        at === index ? formatSse(JSON.stringify(twisted), event) : other.raw,
      );
      visit(new TextEncoder().encode(text.join("")), place);
    });
  }
}

function framesOf(text: string): readonly SseFrame[] {
  const reader = new SseReader();
  return [...reader.push(new TextEncoder().encode(text)), ...reader.end()];
}

function expectReal(value: unknown, place: string): void {
  expect(findUnreal(value), place).toBeUndefined();
}

/** What every client would get of these events. */
export function expectRealForClients(events: readonly ChatEvent[], place: string): void {
  expectReal(events, place);
  for (const client of apis) {
    const envelope = envelopeOf(askingChat(client));
    expectReal(
      orFailure(() => rooms[client].client.encodeReply(foldReply(events), envelope)),
      `${place}, whole to ${client}`,
    );
    expectReal(
      orFailure(() => encodeStream(client, events)),
      `${place}, streamed to ${client}`,
    );
  }
}

export function expectRealFailure(api: ProtocolName, failure: Failure, place: string): void {
  expectReal(failure, place);
  for (const target of apis) {
    const { client } = rooms[target];
    expectReal(client.encodeFailure(failure, "Ab12"), `${place} of ${api} to ${target}`);
    expectReal(client.encodeStreamFailure(failure, "Ab12"), `${place} of ${api} to ${target}`);
  }
}

/** The request as it was read, unless it was refused. */
export function expectRealRequest(api: ProtocolName, body: Json, place: string): Chat | undefined {
  if (!isObject(body)) return undefined;
  const chat = orFailure(() => rooms[api].client.decodeRequest(body, lineOf(api)));
  expectReal(chat, place);
  if (chat instanceof Failure) return undefined;
  for (const target of apis) {
    const { upstream } = rooms[target];
    const dialect = dialectOf(target);
    expectReal(
      orFailure(() =>
        target === api ? upstream.patchRequest(body, chat, dialect) : upstream.encodeRequest(chat, dialect),
      ),
      `${place} to ${target}`,
    );
  }
  const reply = {
    choices: [{ parts: [{ type: "text", text: "hi" }], finish: { reason: "stop" } }],
  } as const;
  expectReal(rooms[api].client.encodeReply(reply, envelopeOf(chat)), `${place}, answered`);
  return chat;
}
