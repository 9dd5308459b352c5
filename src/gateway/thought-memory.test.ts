import { expect, test } from "bun:test";
import { VirtualClock } from "#lib/virtual-clock.ts";
import type { TurnThoughts } from "#model/turn-thoughts.ts";
import type { SealedThoughts, ThoughtStore } from "#store/thought-store.ts";
import { createThoughtSealer } from "./seal-thoughts.ts";
import { createThoughtMemory } from "./thought-memory.ts";

const thoughts: TurnThoughts = [
  { type: "reasoning", kind: "raw", text: "Hm." },
  { type: "call", id: "a" },
];
const turn = { tenantId: "acme", anchor: "a", thoughts, ttlMs: 1000, bytesMax: 10_000 };

/** A store that answers when, and with what, the test says. */
function openMemory() {
  const clock = new VirtualClock();
  const rows = new Map<string, SealedThoughts>();
  const state = { asked: 0, failures: 0, answer: (): Promise<void> => Promise.resolve() };
  const store: ThoughtStore = {
    async keep(row) {
      state.asked += 1;
      await state.answer();
      rows.set(row.name, row);
    },
    async find(_, names) {
      state.asked += 1;
      await state.answer();
      return names.flatMap((name) => rows.get(name) ?? []).filter((row) => row.expiresAtMs > clock.nowMs());
    },
    purge: () => Promise.resolve(0),
  };
  const open = () =>
    createThoughtMemory({
      store,
      sealer: createThoughtSealer(new Uint8Array(32)),
      clock,
      onFailure: () => {
        state.failures += 1;
      },
    });
  return { clock, state, memory: open(), other: open() };
}

test("what this process kept it knows without asking, until its time is over", async () => {
  const { clock, state, memory } = openMemory();
  await memory.keep(turn);
  expect(memory.find("acme", ["a"])).toEqual(new Map([["a", thoughts]]));
  expect(state.asked).toBe(1);
  await clock.advance(1000);
  expect(await memory.find("acme", ["a"])).toEqual(new Map());
});

test("another process asks once, and then knows, too", async () => {
  const { state, memory, other } = openMemory();
  await memory.keep(turn);
  expect(await other.find("acme", ["a", "b"])).toEqual(new Map([["a", thoughts]]));
  expect(other.find("acme", ["a", "b"])).toEqual(new Map([["a", thoughts]]));
  expect(state.asked).toBe(2);
});

test("what was not there is looked for again after a minute", async () => {
  const { clock, state, memory, other } = openMemory();
  await other.find("acme", ["a"]);
  await memory.keep({ ...turn, ttlMs: 100_000 });
  expect(other.find("acme", ["a"])).toEqual(new Map());
  await clock.advance(60_000);
  expect(await other.find("acme", ["a"])).toEqual(new Map([["a", thoughts]]));
  expect(state.asked).toBe(3);
});

test("another tenant's are not found, in memory or behind it", async () => {
  const { memory, other } = openMemory();
  await memory.keep(turn);
  expect(await memory.find("other", ["a"])).toEqual(new Map());
  expect(await other.find("other", ["a"])).toEqual(new Map());
});

test("more than may be kept of one turn is not kept", async () => {
  const { state, memory } = openMemory();
  await memory.keep({ ...turn, bytesMax: 10 });
  expect(state.asked).toBe(0);
});

test.each(["keep", "find"] as const)(
  "%s does not wait for a silent database, nor ask it again at once",
  async (verb) => {
    const { clock, state, memory } = openMemory();
    state.answer = () => new Promise(() => undefined);
    const work = verb === "keep" ? memory.keep(turn) : memory.find("acme", ["x"]);
    await clock.advance(1000);
    await work;
    await memory.keep({ ...turn, anchor: "b" });
    expect(await memory.find("acme", ["c", "b"])).toEqual(new Map([["b", thoughts]]));
    expect([state.asked, state.failures]).toEqual([1, 1]);
    state.answer = () => Promise.resolve();
    await clock.advance(5000);
    expect(await memory.find("acme", ["c"])).toEqual(new Map());
    expect(state.asked).toBe(2);
  },
);

test("a database that fails is told of once and left alone for a while", async () => {
  const { clock, state, memory } = openMemory();
  state.answer = () => Promise.reject(new Error("down"));
  await Promise.all(["a", "b", "c"].map((anchor) => memory.keep({ ...turn, anchor })));
  expect(state.failures).toBe(1);
  await memory.find("acme", ["d"]);
  expect(state.asked).toBe(3);
  await clock.advance(5000);
  await memory.find("acme", ["d"]);
  expect([state.asked, state.failures]).toEqual([4, 2]);
});

test("what waits for a silent database is bounded, and known all the same", async () => {
  const { state, memory } = openMemory();
  state.answer = () => new Promise(() => undefined);
  const large: TurnThoughts = [{ type: "reasoning", kind: "raw", text: "x".repeat(1_000_000) }];
  const anchors = Array.from({ length: 40 }, (_, index) => `a${index}`);
  const kept = anchors.map((anchor) =>
    memory.keep({ ...turn, anchor, thoughts: large, bytesMax: 2_000_000 }),
  );
  expect(state.asked).toBeLessThan(30);
  await kept.at(-1);
  expect(memory.find("acme", ["a39"])).toEqual(new Map([["a39", large]]));
});
