/** The event stream to a client: every event named and numbered from 0, none left out of the count. */
import type { JsonObject } from "#lib/json.ts";
import { formatSse } from "#lib/sse.ts";
import type { ChatEvent } from "#model/chat-event.ts";
import type { Failure } from "#model/failure.ts";
import { openaiErrorObject } from "#protocols/openai-errors.ts";
import type { Envelope, StreamEncoder } from "#protocols/protocol.ts";
import { ReplyWriter } from "./reply-writer.ts";

export function createStreamEncoder(envelope: Envelope): StreamEncoder {
  return new ResponsesStreamEncoder(envelope);
}

class ResponsesStreamEncoder implements StreamEncoder {
  readonly #writer: ReplyWriter;
  #text = "";
  #sequence = 0;

  constructor(envelope: Envelope) {
    this.#writer = new ReplyWriter(envelope, (type, fields) => {
      this.#text += eventText(type, this.#sequence++, fields);
    });
  }

  push(event: ChatEvent): string {
    this.#writer.push(event);
    const text = this.#text;
    this.#text = "";
    return text;
  }
}

/**
 * An error where no encoder knows the stream's state, in the native lane: the flat form the types describe, and the
 * nested one older SDKs look for. The true number is unknown there; readers stop at the error and do not compare.
 */
export function encodeStreamFailure(failure: Failure): string {
  const error = openaiErrorObject(failure);
  const { code, message, param } = error;
  return eventText("error", 0, { code, message, param, error });
}

function eventText(type: string, sequence: number, fields: JsonObject): string {
  return formatSse(JSON.stringify({ type, sequence_number: sequence, ...fields }), type);
}
