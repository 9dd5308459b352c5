/**
 * The benchmark's fast path: answers of `demo-lorem-N` as finished bytes, made once for each shape of request. They share
 * their ids, so nothing but reading the request is left to do.
 */
import { answer } from "./answer.ts";
import type { Conversation } from "./conversation.ts";
import type { DemoModel } from "./demo-models.ts";
import type { Dialect } from "./dialect.ts";
import type { Framing } from "./generate.ts";
import type { LoggedRequest } from "./request-log.ts";
import { sendSteps, type SendStep } from "./send-answer.ts";
import { countInput } from "./tokens.ts";

const SHAPES_MAX = 64;

interface Shape {
  /** All of it, for answers without delay. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** With the delays between, for the others. */
  readonly steps: readonly SendStep[];
}

interface LoremJob {
  readonly conversation: Conversation;
  readonly model: DemoModel;
  readonly dialect: Dialect;
  readonly frame: Framing;
  readonly entry: LoggedRequest;
}

export class LoremCache {
  readonly #shapes = new Map<string, Shape>();

  send(job: LoremJob): Response {
    const { conversation, frame, entry, model } = job;
    const shape = this.#findShape(job);
    const headers = conversation.isStream ? frame.headers : JSON_HEADERS;
    if (conversation.isStream && model.chunkDelayMs > 0)
      return sendSteps({ status: 200, headers }, shape.steps, entry);
    entry.finish();
    return new Response(shape.bytes, { headers });
  }

  #findShape(job: LoremJob): Shape {
    const key = keyOf(job);
    const known = this.#shapes.get(key);
    if (known) return known;
    const made = makeShape(job);
    const oldest = this.#shapes.keys().next();
    if (this.#shapes.size >= SHAPES_MAX && oldest.done !== true) this.#shapes.delete(oldest.value);
    this.#shapes.set(key, made);
    return made;
  }
}

const JSON_HEADERS = { "content-type": "application/json" };

/** Everything the answer depends on. */
function keyOf({ conversation, frame }: LoremJob): string {
  return [
    conversation.api,
    conversation.house,
    conversation.model,
    conversation.isStream,
    conversation.wantsStreamUsage,
    conversation.mayCallParallel,
    conversation.cache,
    conversation.outputTokensMax,
    countInput(conversation),
    frame.headers["content-type"],
    ...conversation.stopSequences,
  ].join("|");
}

function makeShape({ conversation, dialect, frame, model }: LoremJob): Shape {
  const encoder = new TextEncoder();
  const reply = answer(conversation, model, "lorem");
  if (!conversation.isStream) {
    return { bytes: encoder.encode(JSON.stringify(dialect.writeReply(conversation, reply))), steps: [] };
  }
  const frames = frame.wrap(dialect.writeFrames(conversation, reply));
  const steps = frames.flatMap(({ step, text }): SendStep[] => {
    const send: SendStep = { do: "send", bytes: encoder.encode(text) };
    return step === "content" ? [send, { do: "wait", ms: model.chunkDelayMs }] : [send];
  });
  return { bytes: encoder.encode(frames.map((each) => each.text).join("")), steps };
}
