/**
 * The benchmark's fast path: answers of `demo-lorem-N` as finished bytes, made once for each shape of request.
 * They share their ids. A request that was seen before, to the letter, is not even parsed.
 */
import { answer } from "./answer.ts";
import type { Conversation, Frame } from "./conversation.ts";
import type { DemoModel } from "./demo-models.ts";
import type { Dialect } from "./dialect.ts";
import type { Framing } from "./generate.ts";
import type { LoggedRequest } from "./request-log.ts";
import { sendPaced } from "./send-answer.ts";
import { prefillOf } from "./conversation.ts";
import { countInput } from "./tokens.ts";

const SHAPES_MAX = 64;
const REQUESTS_MAX = 256;
const REQUEST_CHARS_MAX = 8192;

interface Shape {
  readonly model: string;
  readonly headers: Readonly<Record<string, string>>;
  /** All of it, for answers without delay. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** A token each, for the others. */
  readonly pieces: readonly Uint8Array[];
  readonly delayMs: number;
}

interface LoremJob {
  readonly conversation: Conversation;
  readonly model: DemoModel;
  readonly dialect: Dialect;
  readonly frame: Framing;
  readonly entry: LoggedRequest;
  /** URL and body, from `toRequestKey`. */
  readonly requestKey: string | undefined;
}

export class LoremCache {
  readonly #shapes = new Map<string, Shape>();
  readonly #requests = new Map<string, Shape>();

  send(job: LoremJob): Response {
    const shape = this.#findShape(job);
    if (job.requestKey !== undefined) keep(this.#requests, job.requestKey, shape, REQUESTS_MAX);
    return sendShape(shape, job.entry);
  }

  /** The answer to a request seen before, or undefined. */
  replay(requestKey: string, entry: LoggedRequest): Response | undefined {
    const shape = this.#requests.get(requestKey);
    return shape && sendShape(shape, entry);
  }

  #findShape(job: LoremJob): Shape {
    const key = toShapeKey(job);
    const known = this.#shapes.get(key);
    if (known) return known;
    const made = makeShape(job);
    keep(this.#shapes, key, made, SHAPES_MAX);
    return made;
  }
}

/** Everything the answer depends on, or undefined where the request is not worth remembering. */
export function toRequestKey(request: Request, body: string): string | undefined {
  if (body.length > REQUEST_CHARS_MAX || request.headers.has("x-demo-fault")) return undefined;
  return `${request.url}\n${body}`;
}

/** The oldest entry makes room. */
function keep(map: Map<string, Shape>, key: string, shape: Shape, entriesMax: number): void {
  const oldest = map.keys().next();
  if (map.size >= entriesMax && oldest.done !== true) map.delete(oldest.value);
  map.set(key, shape);
}

function sendShape(shape: Shape, entry: LoggedRequest): Response {
  entry.noteModel(shape.model);
  const { headers, pieces, delayMs } = shape;
  if (pieces.length > 0) return sendPaced({ status: 200, headers, pieces, delayMs }, entry);
  entry.finish();
  return new Response(shape.bytes, { headers });
}

/** What the answer depends on besides the wording of the request. */
function toShapeKey({ conversation, frame }: LoremJob): string {
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
    prefillOf(conversation),
    ...conversation.stopSequences,
  ].join("|");
}

const JSON_HEADERS = { "content-type": "application/json" };
const NO_BYTES = new Uint8Array();

function makeShape({ conversation, dialect, frame, model }: LoremJob): Shape {
  const encoder = new TextEncoder();
  const reply = answer(conversation, model, "lorem");
  const head = { model: conversation.model, delayMs: model.chunkDelayMs };
  if (!conversation.isStream) {
    const bytes = encoder.encode(JSON.stringify(dialect.writeReply(conversation, reply)));
    return { ...head, headers: JSON_HEADERS, bytes, pieces: [] };
  }
  const { headers } = frame;
  const frames = frame.wrap(dialect.writeFrames(conversation, reply));
  if (model.chunkDelayMs === 0) {
    return { ...head, headers, bytes: encoder.encode(frames.map((each) => each.text).join("")), pieces: [] };
  }
  return { ...head, headers, bytes: NO_BYTES, pieces: toPieces(frames).map((text) => encoder.encode(text)) };
}

/** A token each; what opens the answer goes with the first, and what closes it comes as one piece behind the last. */
function toPieces(frames: readonly Frame[]): readonly string[] {
  const firstToken = frames.findIndex((frame) => frame.step === "content");
  const lastToken = frames.findLastIndex((frame) => frame.step === "content");
  const texts = frames.map((frame) => frame.text);
  return [
    texts.slice(0, firstToken + 1).join(""),
    ...texts.slice(firstToken + 1, lastToken + 1),
    texts.slice(lastToken + 1).join(""),
  ].filter((text) => text !== "");
}
