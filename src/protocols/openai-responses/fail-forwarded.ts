/**
 * The failure of a stream whose beginning were the upstream's own bytes. It ends as a stream of ours would: the
 * response the client saw created, now failed, numbered on behind the last event the client got. By a bare `error`
 * event some readers would wait on, or return the torso.
 */
import { asNumber, asObject, parseJson, type JsonObject } from "#lib/json.ts";
import { SseReader } from "#lib/sse.ts";
import type { Failure } from "#model/failure.ts";
import type { Forwarded } from "#protocols/protocol.ts";
import { failedFields } from "./failed-fields.ts";

export interface FailedEvent {
  readonly sequence: number;
  readonly fields: JsonObject;
}

/** Undefined where the client saw no response begin. */
export function failForwarded(failure: Failure, forwarded: Forwarded): FailedEvent | undefined {
  const created = eventsIn(forwarded.first).find((event) => asObject(event["response"]));
  const response = asObject(created?.["response"]);
  if (!response) return undefined;
  const sequences = eventsIn(forwarded.last).map((event) => asNumber(event["sequence_number"]) ?? -1);
  return { sequence: Math.max(-1, ...sequences) + 1, fields: failedFields(failure, response) };
}

function eventsIn(text: string): readonly JsonObject[] {
  return SseReader.readText(text)
    .map((frame) => asObject(parseJson(frame.data)))
    .filter((event) => event !== undefined);
}
