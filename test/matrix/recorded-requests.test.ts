/** No word of any recorded conversation is lost on the way to any upstream (P8, P11). */
import { describe, expect, test } from "bun:test";
import { apis } from "./rooms.ts";
import { recordedRequests, sendRecorded } from "./recorded-requests.ts";

describe.each(apis)("a recorded request of %s", (client) => {
  test.each(recordedRequests(client).map((recording) => [recording.id, recording] as const))(
    "says every word to upstreams of all four APIs, or is refused: %s",
    (_, recording) => {
      for (const upstream of apis) {
        const { lost } = sendRecorded(client, upstream, recording);
        expect({ upstream, lost }).toEqual({ upstream, lost: [] });
      }
    },
  );
});
