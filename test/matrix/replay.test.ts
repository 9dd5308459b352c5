/** Sixteen pairs over real traffic: what an upstream said is what the official SDK of any client API reads (P1, P8, P12, P14). */
import { describe, expect, test } from "bun:test";
import { apis } from "./rooms.ts";
import { recordedAnswers, replay } from "./replay.ts";

describe.each(apis)("a recorded answer of %s", (upstream) => {
  describe.each(apis)("to a client of %s", (client) => {
    test.each(recordedAnswers(upstream).map((recording) => [recording.id, recording] as const))(
      "%s",
      async (_, recording) => {
        const { problems } = await replay(upstream, client, recording);
        expect(problems).toEqual([]);
      },
    );
  });
});
