import { describe, expect, test } from "bun:test";
import { Cancellation } from "#lib/cancellation.ts";
import { VirtualClock } from "#lib/virtual-clock.ts";
import { Failure } from "#model/failure.ts";
import { Deadlines } from "./deadlines.ts";

function open(totalMs = 100_000) {
  const clock = new VirtualClock();
  const client = new Cancellation();
  const deadlines = new Deadlines(clock, client, { startedMs: 0, totalMs });
  const code = () => {
    const reason: unknown = deadlines.cancellation.reason;
    return reason instanceof Failure ? (reason.detail.code ?? reason.kind) : undefined;
  };
  return { clock, client, deadlines, code };
}

describe("each deadline fires alone and on time", () => {
  test("first token", async () => {
    const { clock, deadlines, code } = open();
    deadlines.enter("first_token", 30_000);
    await clock.advance(29_999);
    expect(code()).toBeUndefined();
    await clock.advance(1);
    expect(code()).toBe("first_token");
  });

  test("idle counts from the last byte, however many came before", async () => {
    const { clock, deadlines, code } = open();
    deadlines.enter("idle", 5_000);
    for (let chunk = 0; chunk < 10; chunk++) {
      deadlines.startWaiting(clock.monotonicMs());
      await clock.advance(4_000);
      deadlines.stopWaiting();
    }
    deadlines.startWaiting(clock.monotonicMs());
    await clock.advance(4_999);
    expect(code()).toBeUndefined();
    await clock.advance(1);
    expect(code()).toBe("idle");
  });

  test("idle does not run while nobody waits: a slow client is not a silent upstream", async () => {
    const { clock, deadlines, code } = open();
    deadlines.enter("idle", 5_000);
    deadlines.startWaiting(clock.monotonicMs());
    deadlines.stopWaiting();
    await clock.advance(60_000);
    expect(code()).toBeUndefined();
    deadlines.startWaiting(clock.monotonicMs());
    await clock.advance(5_000);
    expect(code()).toBe("idle");
  });

  test("bytes without content do not put off the first token", async () => {
    const { clock, deadlines, code } = open();
    deadlines.enter("first_token", 3_000);
    deadlines.startWaiting(clock.monotonicMs());
    await clock.advance(2_000);
    deadlines.stopWaiting();
    deadlines.startWaiting(clock.monotonicMs());
    await clock.advance(1_000);
    expect(code()).toBe("first_token");
  });

  test("total counts from the request's begin, over all phases", async () => {
    const { clock, deadlines, code } = open(10_000);
    deadlines.enter("idle", 8_000);
    deadlines.startWaiting(clock.monotonicMs());
    await clock.advance(7_000);
    deadlines.startWaiting(clock.monotonicMs());
    await clock.advance(3_000);
    expect(code()).toBe("total");
  });

  test("a client that leaves ends the wait at once", () => {
    const { client, deadlines, code } = open();
    deadlines.enter("first_token", 30_000);
    client.cancel(undefined);
    expect(code()).toBe("cancelled");
  });
});

test("a stopped watch leaves no timer and hears nothing more", async () => {
  const { clock, client, deadlines, code } = open();
  deadlines.enter("first_token", 1_000);
  deadlines.stop();
  client.cancel(undefined);
  await clock.advance(200_000);
  expect(code()).toBeUndefined();
  expect(clock.pending).toBe(0);
});

describe("a watch that is taken up again for the next call", () => {
  test("counts the request's total from its beginning", async () => {
    const { clock, deadlines, code } = open(10_000);
    deadlines.enter("idle", 100_000);
    await clock.advance(6_000);
    deadlines.stop();
    deadlines.resume();
    await clock.advance(3_999);
    expect(code()).toBeUndefined();
    await clock.advance(1);
    expect(code()).toBe("total");
  });

  test("sees the client that left in between, or leaves now", () => {
    for (const isGoneBefore of [true, false]) {
      const { client, deadlines, code } = open();
      deadlines.enter("idle", 5_000);
      deadlines.stop();
      if (isGoneBefore) client.cancel(undefined);
      expect(code()).toBeUndefined();
      deadlines.resume();
      client.cancel(undefined);
      expect(code()).toBe("cancelled");
      deadlines.stop();
    }
  });
});
