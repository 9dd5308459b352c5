/** Every recorded answer of an API, whole and streamed, with one leaf after the other replaced, as our rooms read it. */
import type { ChatEvent } from "#model/chat-event.ts";
import type { ProtocolName } from "#model/chat.ts";
import { Failure } from "#model/failure.ts";
import { askingChat, decodeChunks, dialectOf, rooms } from "../matrix/rooms.ts";
import { readRecordings } from "../recording.ts";
import { eachTwisted, eachTwistedStream, expectRealFailure, type Twist } from "./expect-real.ts";
import { orFailure } from "./hostile-values.ts";

/** Long streams repeat the shapes of short ones. */
const STREAM_CHARS_MAX = 60_000;

type Check = (events: readonly ChatEvent[], place: string) => void;

/** Where a room refuses the answer, its failure has to be a real one. */
export function eachTwistedAnswer(api: ProtocolName, twist: Twist, check: Check): void {
  for (const { response } of readRecordings(api)) {
    if (response.status !== 200 || !response.body) continue;
    eachTwisted(response.body, twist, (twisted, place) => {
      const events = orFailure(() =>
        rooms[api].upstream.decodeReply(twisted, dialectOf(api), askingChat(api)),
      );
      if (events instanceof Failure) expectRealFailure(api, events, place);
      else check(events, place);
    });
  }
}

export function eachTwistedRecordedStream(api: ProtocolName, twist: Twist, check: Check): void {
  for (const { response } of readRecordings(api)) {
    if (response.sse === undefined || response.sse.length > STREAM_CHARS_MAX) continue;
    eachTwistedStream(response.sse, twist, (twisted, place) => check(decodeChunks(api, [twisted]), place));
  }
}
