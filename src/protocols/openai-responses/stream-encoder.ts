/** The event stream to a client: every event named and numbered from 0, none left out of the count. */
import type { JsonObject } from "#lib/json.ts";
import { formatSse } from "#lib/sse.ts";
import type { ChatEvent } from "#model/chat-event.ts";
import { Failure } from "#model/failure.ts";
import { openaiErrorObject } from "#protocols/openai-errors.ts";
import type { Envelope, Forwarded, StreamEncoder } from "#protocols/protocol.ts";
import { failForwarded } from "./fail-forwarded.ts";
import { ReplyWriter } from "./reply-writer.ts";

export function createStreamEncoder(envelope: Envelope): StreamEncoder {
  return new ResponsesStreamEncoder(envelope);
}

/** An answer's text is told once more at its end, so it is held until then: that needs a bound. */
const CHARS_MAX = 64 * 1024 * 1024;

class ResponsesStreamEncoder implements StreamEncoder {
  readonly #writer: ReplyWriter;
  #text = "";
  #sequence = 0;
  #chars = 0;

  constructor(envelope: Envelope) {
    this.#writer = new ReplyWriter(envelope, (type, fields) => {
      this.#text += eventText(type, this.#sequence++, fields);
    });
  }

  /** Throws `upstream_broken` where the answer is too large to hold. */
  push(event: ChatEvent): string {
    if (event.type === "delta" || event.type === "transcript") this.#chars += event.text.length;
    if (this.#chars > CHARS_MAX && event.type !== "error") {
      throw new Failure("upstream_broken", "The upstream's answer is too large to hold.");
    }
    this.#writer.push(event);
    const text = this.#text;
    this.#text = "";
    return text;
  }
}

/**
 * An error where no encoder knows the stream's state, in the native lane. Where no answer has begun it is a bare error:
 * the flat form the types describe, and the nested one older SDKs look for.
 */
export function encodeStreamFailure(failure: Failure, _requestId: string, forwarded?: Forwarded): string {
  const failed = forwarded && failForwarded(failure, forwarded);
  if (failed) return eventText("response.failed", failed.sequence, failed.fields);
  const error = openaiErrorObject(failure);
  const { code, message, param } = error;
  return eventText("error", 0, { code, message, param, error });
}

function eventText(type: string, sequence: number, fields: JsonObject): string {
  return formatSse(JSON.stringify({ type, sequence_number: sequence, ...fields }), type);
}
