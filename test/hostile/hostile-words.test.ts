/**
 * A table in the code is looked up with words from outside. `constructor` must be as unknown to it as every other word:
 * each string of every recorded answer, error and request is replaced by such words, and what our four rooms make of
 * it holds no function, no failure of unknown kind, and throws nothing but a `Failure`.
 */
import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { apis, rooms } from "../matrix/rooms.ts";
import { readRecordings } from "../recording.ts";
import { eachTwisted, expectRealFailure, expectRealForClients, expectRealRequest } from "./expect-real.ts";
import { eachTwistedAnswer, eachTwistedRecordedStream } from "./twisted-recordings.ts";
import { upstreamErrors } from "./upstream-errors.ts";

describe.each(apis)("a word every object answers to, from or to %s", (api) => {
  const recordings = readRecordings(api);
  const room = rooms[api];

  test("is nothing special in an error answer", () => {
    const recorded = recordings.flatMap(({ response: { status, body } }) =>
      status >= 400 && body ? [{ status, body }] : [],
    );
    for (const { status, body } of [...recorded, ...upstreamErrors]) {
      eachTwisted(body, { leaf: "string", seen: new Set() }, (twisted, place) => {
        const answer = { status, headers: new Headers(), text: JSON.stringify(twisted), nowMs: 0 };
        expectRealFailure(api, room.upstream.decodeFailure(answer), `${status} ${place}`);
      });
    }
  });

  test("is nothing special in a whole answer", () => {
    const twist = { leaf: "string", seen: new Set<string>() } as const;
    eachTwistedAnswer(api, twist, expectRealForClients);
    expect(twist.seen.size).toBeGreaterThan(10);
  });

  test("is nothing special in a stream", () => {
    const twist = { leaf: "string", seen: new Set<string>() } as const;
    eachTwistedRecordedStream(api, twist, expectRealForClients);
    expect(twist.seen.size).toBeGreaterThan(10);
  });

  test("is nothing special in a request", () => {
    const twist = { leaf: "string", seen: new Set<string>() } as const;
    for (const { request } of recordings) {
      if (!request) continue;
      eachTwisted(request.body, twist, (twisted, place) => expectRealRequest(api, twisted, place));
    }
    expect(twist.seen.size).toBeGreaterThan(10);
  });
});

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
