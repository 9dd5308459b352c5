import { expect, test } from "bun:test";
import { Cancellation } from "#lib/cancellation.ts";
import { type AccessToken, AccessTokenSource } from "./access-token.ts";

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
const caller = new Cancellation();

/** A source whose clock and token server are turned by hand. */
function createSource() {
  const waiting: PromiseWithResolvers<AccessToken>[] = [];
  const state = { nowMs: 1_000_000, fetches: 0 };
  const source = new AccessTokenSource(
    () => {
      state.fetches++;
      const answer = Promise.withResolvers<AccessToken>();
      waiting.push(answer);
      return answer.promise;
    },
    () => state.nowMs,
  );
  return {
    state,
    source,
    grant: async (value: string) => {
      waiting.shift()?.resolve({ value, expiresAtMs: state.nowMs + HOUR_MS });
      await Promise.resolve();
      await Promise.resolve();
      await Promise.resolve();
    },
    deny: async () => {
      waiting.shift()?.reject(new Error("no"));
      await Promise.resolve();
      await Promise.resolve();
      await Promise.resolve();
    },
  };
}

async function errorOf(promise: string | Promise<string>): Promise<string> {
  return Promise.resolve(promise).then(
    () => "no error",
    (error: unknown) => (error instanceof Error ? error.message : ""),
  );
}

test("a hundred requests at once fetch one token, and later ones get it at once", async () => {
  const { source, state, grant } = createSource();
  const all = Promise.all(Array.from({ length: 100 }, async () => source.get(caller)));
  await grant("t1");
  expect(new Set(await all)).toEqual(new Set(["t1"]));
  expect(source.get(caller)).toBe("t1");
  expect(state.fetches).toBe(1);
});

test("from five minutes before its end it is renewed behind the requests' back", async () => {
  const { source, state, grant } = createSource();
  const first = source.get(caller);
  await grant("t1");
  await first;
  state.nowMs += HOUR_MS - 5 * MINUTE_MS - 1;
  expect(source.get(caller)).toBe("t1");
  expect(state.fetches).toBe(1);
  state.nowMs += 1;
  expect(source.get(caller)).toBe("t1");
  expect(source.get(caller)).toBe("t1");
  expect(state.fetches).toBe(2);
  await grant("t2");
  expect(source.get(caller)).toBe("t2");
});

test("a failed renewal is not felt while the token lasts, and is not repeated by every request", async () => {
  const { source, state, grant, deny } = createSource();
  const first = source.get(caller);
  await grant("t1");
  await first;
  state.nowMs += HOUR_MS - MINUTE_MS;
  expect(source.get(caller)).toBe("t1");
  await deny();
  for (let request = 0; request < 50; request++) expect(source.get(caller)).toBe("t1");
  expect(state.fetches).toBe(2);
  state.nowMs += 10_001;
  expect(source.get(caller)).toBe("t1");
  expect(state.fetches).toBe(3);
});

test("a token about to end is not used, and its failed renewal is told", async () => {
  const { source, state, grant, deny } = createSource();
  const first = source.get(caller);
  await grant("t1");
  await first;
  state.nowMs += HOUR_MS - 30_000;
  const second = errorOf(source.get(caller));
  await deny();
  expect(await second).toBe("no");
});

test("a caller who leaves does not take the token from the others", async () => {
  const { source, state, grant } = createSource();
  const leaver = new Cancellation();
  const left = errorOf(source.get(leaver));
  const stayed = source.get(caller);
  leaver.cancel(new Error("left"));
  expect(await left).toBe("left");
  await grant("t1");
  expect(await stayed).toBe("t1");
  expect(state.fetches).toBe(1);
});

test("a forgotten token is fetched anew; one that is fresh would not be better the second time", async () => {
  const { source, state, grant } = createSource();
  const first = source.get(caller);
  await grant("t1");
  await first;
  expect(source.forget()).toBe(false);
  const second = source.get(caller);
  await grant("t2");
  expect(await second).toBe("t2");
  state.nowMs += MINUTE_MS;
  expect(source.forget()).toBe(true);
  expect(source.get(caller)).toBeInstanceOf(Promise);
  expect(state.fetches).toBe(3);
});
