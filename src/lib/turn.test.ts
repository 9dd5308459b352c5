import { describe, expect, test } from "bun:test";
import { Turn, type Sender, type Task } from "./turn.ts";

interface Told {
  readonly turn: Turn;
  readonly events: string[];
  /** Each throws what was thrown. */
  readonly errors: readonly (() => void)[];
  /** Ends the turn; false where nobody asked for its end. */
  end(): boolean;
}

function open(): Told {
  const ends: (() => void)[] = [];
  const errors: (() => void)[] = [];
  const turn = new Turn({ atEnd: (work) => void ends.push(work), apart: (work) => void errors.push(work) });
  return {
    turn,
    events: [],
    errors,
    end() {
      const end = ends.shift();
      end?.();
      return end !== undefined;
    },
  };
}

/** Takes three steps and then has something to send. */
function walk({ turn, events }: Told, name: string): Task & Sender {
  const walker = {
    work: () => void steps(),
    send: () => void events.push(`${name} sent`),
  };
  async function steps() {
    for (let step = 1; step <= 3; step++) {
      events.push(`${name}${step}`);
      await Promise.resolve();
    }
    turn.addSender(walker);
  }
  return walker;
}

test("what came in one turn takes each step together, and then all is sent", () => {
  const told = open();
  for (const name of ["a", "b", "c"]) told.turn.add(walk(told, name));
  expect(told.events).toEqual([]);
  told.end();
  expect(told.events).toEqual(
    ["a1", "b1", "c1", "a2", "b2", "c2", "a3", "b3", "c3"].concat("a sent", "b sent", "c sent"),
  );
  expect(told.end()).toBe(false);
});

test("what only waits to be sent goes out at the turn's end, once", () => {
  const told = open();
  told.turn.addSender(walk(told, "a"));
  told.turn.addSender(walk(told, "b"));
  expect(told.end()).toBe(true);
  expect(told.events).toEqual(["a sent", "b sent"]);
  expect(told.end()).toBe(false);
});

describe("what comes up at a turn's end waits for the next", () => {
  test("a task that another began", () => {
    const told = open();
    const second = walk(told, "b");
    told.turn.add({ work: () => void Promise.resolve().then(() => told.turn.add(second)) });
    told.end();
    expect(told.events).toEqual([]);
    expect(told.end()).toBe(true);
    expect(told.events).toContain("b sent");
  });

  test("a task and a message of somebody who has just sent", () => {
    const told = open();
    const second = walk(told, "b");
    told.turn.addSender({
      send() {
        told.turn.add(second);
        told.turn.addSender({ send: () => void told.events.push("later") });
      },
    });
    told.end();
    expect(told.events).toEqual([]);
    expect(told.end()).toBe(true);
    expect(told.events).toEqual(["b1", "b2", "b3", "later", "b sent"]);
    expect(told.end()).toBe(false);
  });
});

test("by itself a turn ends before the loop waits for more", async () => {
  const turn = new Turn();
  const { promise, resolve } = Promise.withResolvers<string>();
  turn.add({ work: () => turn.addSender({ send: () => resolve("sent") }) });
  const late = new Promise<string>((done) => setTimeout(() => done("late"), 1_000));
  expect(await Promise.race([promise, late])).toBe("sent");
});

test("who throws holds up nobody, and is heard of", () => {
  const told = open();
  const fail = () => {
    throw new Error("a bug");
  };
  told.turn.add({ work: fail });
  told.turn.add(walk(told, "b"));
  told.turn.addSender({ send: fail });
  told.end();
  expect(told.events).toEqual(["b1", "b2", "b3", "b sent"]);
  expect(told.errors).toHaveLength(2);
  expect(told.errors[0]).toThrow("a bug");
  told.turn.addSender(walk(told, "c"));
  expect(told.end()).toBe(true);
});

test("whoever awaits its end has all that came before worked on and sent", async () => {
  const told = open();
  told.turn.add(walk(told, "a"));
  const ended = told.turn.ended().then(() => told.events.push("ended"));
  told.end();
  await ended;
  expect(told.events).toEqual(["a1", "a2", "a3", "a sent", "ended"]);
});
