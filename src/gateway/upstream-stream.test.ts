import { expect, test } from "bun:test";
import type { HttpReply } from "#lib/http-client.ts";
import { Cancellation } from "#lib/cancellation.ts";
import { VirtualClock } from "#lib/virtual-clock.ts";
import type { StreamDecoder } from "#protocols/protocol.ts";
import { Deadlines } from "./deadlines.ts";
import { nextStep, UpstreamStream, type Step } from "./upstream-stream.ts";

/** A body of these pieces, each there when it is asked for. */
function replyOf(pieces: readonly string[]): HttpReply & { isClosed: boolean } {
  const left = [...pieces];
  return {
    status: 200,
    headers: new Headers(),
    isClosed: false,
    pull(reader) {
      const piece = left.shift();
      if (piece === undefined) return reader.onEnd();
      return reader.onPiece(Buffer.from(piece), 0, Buffer.byteLength(piece));
    },
    text: () => "",
    close() {
      this.isClosed = true;
    },
  };
}

const bug = (): never => {
  throw new Error("a bug of ours");
};
const quiet: StreamDecoder = { push: () => [], end: () => [{ type: "end" }] };

const bugs: readonly (readonly [string, Partial<StreamDecoder>, ((step: Step) => Step) | undefined])[] = [
  ["reading an event", { push: bug }, undefined],
  ["judging what is forwarded", { isHidden: bug }, undefined],
  ["judging the end", { end: bug }, undefined],
  ["joining parts", {}, bug],
];

test.each(bugs)(
  "a bug in %s ends the stream as a failure, and closes the upstream",
  async (_, given, onStep) => {
    const clock = new VirtualClock();
    const deadlines = new Deadlines(clock, new Cancellation(), { startedMs: 0, totalMs: 1_000 });
    deadlines.enter("idle", 100);
    const reply = replyOf(["data: {}\n\n"]);
    const stream = new UpstreamStream(reply, { ...quiet, ...given }, { deadlines, clock, isNative: true });
    stream.onStep = onStep;
    let step = await nextStep(stream);
    if (!step.failure) step = await nextStep(stream);
    expect(step.failure).toMatchObject({ kind: "internal" });
    expect(step.isEnd).toBe(false);
    expect(reply.isClosed).toBe(true);
    expect(clock.pending).toBe(0);
  },
);
