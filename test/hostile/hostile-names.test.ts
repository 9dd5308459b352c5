/**
 * Field names every object answers to, added to each object of real traffic. `__proto__` is an ordinary field of a
 * parsed JSON text: copied carelessly it becomes the copy's prototype, and its fields are then found where the caller
 * or the upstream wrote none.
 */
import { describe, expect, test } from "bun:test";
import { isObject, parseJson, type Json } from "#lib/json.ts";
import { Failure } from "#model/failure.ts";
import { apis, askingChat, dialectOf, lineOf, rooms } from "../matrix/rooms.ts";
import { readRecordings } from "../recording.ts";
import { expectRealFailure, expectRealForClients, expectRealRequest } from "./expect-real.ts";
import { hostileWords, orFailure, sitesOf, withLeaf } from "./hostile-values.ts";
import { upstreamErrors } from "./upstream-errors.ts";

/** Fields that would matter if they were found through a prototype. */
const planted = `{"model":"planted","max_tokens":1,"text":"planted","error":{"message":"planted"},"name":"planted"}`;

/** Calls `visit` with each hostile field added to each kind of object not met before. */
function eachPlanted(value: Json, seen: Set<string>, visit: (grown: Json, place: string) => void): void {
  for (const { path, shape } of sitesOf(value, "object")) {
    if (seen.has(shape)) continue;
    seen.add(shape);
    for (const word of hostileWords) {
      const grown = withLeaf(value, path, (found) => {
        const fields = Object.entries(isObject(found) ? found : {});
        return Object.fromEntries([...fields, [word, parseJson(planted) ?? null]]);
      });
      visit(grown, `${shape}.${word}`);
    }
  }
}

describe.each(apis)("a field every object answers to, from or to %s", (api) => {
  const recordings = readRecordings(api);
  const room = rooms[api];

  test("is nothing special in an answer", () => {
    const seen = new Set<string>();
    for (const { response } of recordings) {
      if (response.status !== 200 || !response.body) continue;
      eachPlanted(response.body, seen, (grown, place) => {
        const events = orFailure(() => room.upstream.decodeReply(grown, dialectOf(api), askingChat(api)));
        if (events instanceof Failure) expectRealFailure(api, events, place);
        else expectRealForClients(events, place);
      });
    }
    expect(seen.size).toBeGreaterThan(5);
  });

  test("is nothing special in an error", () => {
    for (const { status, body } of upstreamErrors) {
      const answer = { status, headers: new Headers(), nowMs: 0 };
      const plain = room.upstream.decodeFailure({ ...answer, text: JSON.stringify(body) });
      eachPlanted(body, new Set(), (grown, place) => {
        const failure = room.upstream.decodeFailure({ ...answer, text: JSON.stringify(grown) });
        expectRealFailure(api, failure, place);
        expect(failure.kind, place).toBe(plain.kind);
        expect(failure.message, place).toBe(plain.message);
      });
    }
  });

  test("is nothing special in a request", () => {
    const seen = new Set<string>();
    for (const { request } of recordings) {
      if (!request) continue;
      eachPlanted(request.body, seen, (grown, place) => {
        const chat = expectRealRequest(api, grown, place);
        if (chat) expect(Object.getPrototypeOf(chat.extensions), place).toBe(Object.prototype);
      });
    }
    expect(seen.size).toBeGreaterThan(5);
  });

  test("reaches its own API's upstream as the caller wrote it", () => {
    const recorded = recordings.find(({ request }) => request !== null)?.request?.body ?? {};
    const body = parseJson(
      `${JSON.stringify(recorded).slice(0, -1)},"__proto__":{"x":1},"unheard_of":{"x":1}}`,
    );
    if (!isObject(body)) throw new Error("no body");
    const chat = room.client.decodeRequest(body, lineOf(api));
    const sent = room.upstream.patchRequest(body, chat, dialectOf(api)).body;
    expect(JSON.stringify(sent)).toContain('"__proto__":{"x":1}');
    const encoded = room.upstream.encodeRequest(chat, dialectOf(api));
    const said = JSON.stringify(encoded.body) + encoded.dropped.join();
    expect(said.includes("__proto__")).toBe(said.includes("unheard_of"));
    expect(Object.getPrototypeOf(encoded.body)).toBe(Object.prototype);
  });
});
