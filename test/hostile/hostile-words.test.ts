/**
 * A table in the code is looked up with words from outside. `constructor` must be as unknown to it as any other word:
 * each string of every recorded answer, error and request is replaced by such words, and what our four rooms make of
 * it holds no function, no failure of unknown kind, and throws nothing but a `Failure`.
 */
import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { asObject, isObject, parseJson, type Json } from "#lib/json.ts";
import { formatSse, SseReader, type SseFrame } from "#lib/sse.ts";
import type { ChatEvent } from "#model/chat-event.ts";
import type { ProtocolName } from "#model/chat.ts";
import { Failure } from "#model/failure.ts";
import { foldReply } from "#model/reply.ts";
import {
  apis,
  askingChat,
  decodeChunks,
  dialectOf,
  encodeStream,
  envelopeOf,
  lineOf,
  rooms,
} from "../matrix/rooms.ts";
import { readRecordings } from "../recording.ts";
import { upstreamErrors } from "./upstream-errors.ts";
import { findUnreal, hostileWords, orFailure, sitesOf, withWord } from "./hostile-words.ts";

/** Calls `visit` for every word at every kind of place not met before. */
function eachMutation(value: Json, seen: Set<string>, visit: (mutated: Json, place: string) => void): void {
  for (const { path, shape } of sitesOf(value)) {
    if (seen.has(shape)) continue;
    seen.add(shape);
    for (const word of hostileWords) visit(withWord(value, path, word), `${shape} = ${word}`);
  }
}

function expectReal(value: unknown, place: string): void {
  expect(findUnreal(value), place).toBeUndefined();
}

/** What every client would get of these events. */
function expectRealForClients(events: readonly ChatEvent[], place: string): void {
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

function expectRealFailure(api: ProtocolName, failure: Failure, place: string): void {
  expectReal(failure, place);
  for (const client of apis) {
    const { encodeFailure, encodeStreamFailure } = rooms[client].client;
    expectReal(encodeFailure(failure, "Ab12"), `${place} of ${api} to ${client}`);
    expectReal(encodeStreamFailure(failure, "Ab12"), `${place} of ${api} to ${client}`);
  }
}

describe.each(apis)("a word every object answers to, from or to %s", (api) => {
  const recordings = readRecordings(api);
  const room = rooms[api];

  test("is nothing special in an error answer", () => {
    const recorded = recordings.flatMap(({ response: { status, body } }) =>
      status >= 400 && body ? [{ status, body }] : [],
    );
    for (const { status, body } of [...recorded, ...upstreamErrors]) {
      eachMutation(body, new Set(), (mutated, place) => {
        const answer = { status, headers: new Headers(), text: JSON.stringify(mutated), nowMs: 0 };
        expectRealFailure(api, room.upstream.decodeFailure(answer), `${status} ${place}`);
      });
    }
  });

  test("is nothing special in a whole answer", () => {
    const seen = new Set<string>();
    for (const { response } of recordings) {
      if (response.status !== 200 || !response.body) continue;
      eachMutation(response.body, seen, (mutated, place) => {
        const events = orFailure(() => room.upstream.decodeReply(mutated, dialectOf(api), askingChat(api)));
        if (events instanceof Failure) expectRealFailure(api, events, place);
        else expectRealForClients(events, place);
      });
    }
    expect(seen.size).toBeGreaterThan(10);
  });

  test("is nothing special in a stream", () => {
    const seen = new Set<string>();
    for (const { response } of recordings) {
      if (response.sse === undefined || response.sse.length > STREAM_CHARS_MAX) continue;
      const frames = framesOf(response.sse);
      for (const [index, frame] of frames.entries()) {
        const data = parseJson(frame.data);
        if (!isObject(data)) continue;
        eachMutation(data, seen, (mutated, place) => {
          const name = asObject(mutated)?.["type"];
          const event = frame.event !== "" && typeof name === "string" ? name : frame.event;
          const text = frames.map((other, at) =>
            at === index ? formatSse(JSON.stringify(mutated), event) : other.raw,
          );
          expectRealForClients(decodeChunks(api, [new TextEncoder().encode(text.join(""))]), place);
        });
      }
    }
    expect(seen.size).toBeGreaterThan(10);
  });

  test("is nothing special in a request", () => {
    const seen = new Set<string>();
    for (const { request } of recordings) {
      if (!request) continue;
      eachMutation(request.body, seen, (mutated, place) => expectRealRequest(api, mutated, place));
    }
    expect(seen.size).toBeGreaterThan(10);
  });
});

function expectRealRequest(api: ProtocolName, body: Json, place: string): void {
  if (!isObject(body)) return;
  const chat = orFailure(() => rooms[api].client.decodeRequest(body, lineOf(api)));
  expectReal(chat, place);
  if (chat instanceof Failure) return;
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
}

/** Long streams repeat the shapes of short ones. */
const STREAM_CHARS_MAX = 60_000;

function framesOf(text: string): readonly SseFrame[] {
  const reader = new SseReader();
  return [...reader.push(new TextEncoder().encode(text)), ...reader.end()];
}

test("no table of open words is read with a bare index", () => {
  const folder = join(import.meta.dir, "../../src");
  const bare = readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"))
    .flatMap((name) => {
      const text = readFileSync(join(folder, name), "utf8");
      const tables = [...text.matchAll(/\bconst (\w+): (?:Readonly<)?Record<\s*string,[^=]+=\s*\{/g)];
      return tables.flatMap(([, table = ""]) =>
        new RegExp(`(?<![.\\w])${table}\\[(?!")`).test(text.replaceAll(guarded, ""))
          ? [`${name}: ${table}`]
          : [],
      );
    });
  expect(bare).toEqual([]);
});

/** `Object.hasOwn(table, word) ? table[word]` is as good as `lookUp`. */
const guarded = /Object\.hasOwn\((\w+), (\w+)\) \? \1\[\2\]/g;
