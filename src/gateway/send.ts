/**
 * Step 8: one attempt. Encodes the request for the target's API, addresses it, and reads on until there is something
 * to promise the client: the first content of a stream, or a whole answer. Whatever goes wrong before that is thrown,
 * and the client never learns of it if another target answers.
 */
import type { Call, Target } from "#connectors/connector.ts";
import { featuresOf } from "#connectors/features.ts";
import type { Chat, ProtocolName } from "#model/chat.ts";
import type { ChatEvent } from "#model/chat-event.ts";
import { Failure } from "#model/failure.ts";
import type { HttpReply } from "#lib/http-client.ts";
import type { Dialect, EncodedRequest, Protocol } from "#protocols/protocol.ts";
import { spliceJson } from "#lib/splice-json.ts";
import { continueStream, continueWhole, goesOn, refuseForeignToken } from "./continue-reply.ts";
import { Deadlines } from "./deadlines.ts";
import type { Attempt, Exchange } from "./exchange.ts";
import { enterWhole, giveUp, isOk, post, refusalOf, type Outgoing, type Sending } from "./post.ts";
import { ownLosses } from "./own-losses.ts";
import { isContent, isEmptyReply, note } from "./reply-events.ts";
import { parseUpstreamBody, readUpstreamText } from "./upstream-text.ts";
import { nextStep, UpstreamStream, type Step, type StepSource } from "./upstream-stream.ts";
import type { Route, World } from "./world.ts";

export type Answer = WholeAnswer | StreamAnswer;

export interface WholeAnswer {
  readonly kind: "whole";
  readonly attempt: Attempt;
  readonly events: readonly ChatEvent[];
  /** The upstream's own text, where the client speaks the same API. */
  readonly nativeText?: string;
}

export interface StreamAnswer {
  readonly kind: "stream";
  readonly attempt: Attempt;
  readonly isNative: boolean;
  /** Steps read before the first content. */
  readonly head: readonly Step[];
  /** Calls back when a deadline passes, also while nobody reads. */
  onExpired(listener: (failure: Failure) => void): void;
  /** As a StepSource does. */
  readonly pull: StepSource["pull"];
  readonly cancel: StepSource["cancel"];
  /** Time spent waiting for the upstream's bytes since the answer was handed over. */
  waitedMs(): number;
}

interface Prepared extends Outgoing {
  readonly protocol: Protocol;
  readonly dialect: Dialect;
  readonly isNative: boolean;
  readonly chat: Chat;
  readonly dropped: readonly string[];
}

/** Events before the first content: real ones are a handful. */
const HEAD_EVENTS_MAX = 10_000;

export async function send(
  world: World,
  exchange: Exchange,
  attempt: Attempt,
  route: Route,
): Promise<Answer> {
  const deadlines = new Deadlines(world.clock, exchange.client, {
    startedMs: exchange.startedMs,
    shutdown: world.shutdown,
    totalMs: route.timeouts.totalMs,
  });
  try {
    const chat = chatOf(exchange);
    if (chat.stream) deadlines.enter("first_token", route.timeouts.firstTokenMs);
    else enterWhole(deadlines, attempt, route);
    const call: Call = {
      target: attempt.target,
      protocol: pickProtocol(attempt.target, exchange.protocolName),
      operation: chat.stream ? "stream" : "whole",
      cancellation: deadlines.cancellation,
    };
    const prepared = await prepare(world, exchange, call);
    exchange.dropped = prepared.dropped;
    attempt.protocolOut = prepared.protocol.name;
    const reply = await post(world, attempt, { outgoing: prepared, call, deadlines, route });
    attempt.status = reply.status;
    return await read(world, attempt, { exchange, prepared, call, deadlines, route, reply });
  } catch (error) {
    throw giveUp(world, attempt, { deadlines, route }, error);
  }
}

export function chatOf(exchange: Exchange): Chat {
  if (!exchange.chat) throw new Error("no chat: decode runs first");
  return exchange.chat;
}

/** The client's own API where the upstream speaks it, else the upstream's best. */
export function pickProtocol(target: Target, asked: ProtocolName): ProtocolName {
  const spoken = target.connector.protocols(target);
  const found = spoken.includes(asked) ? asked : spoken[0];
  if (!found) throw new Error(`connector ${target.connector.name} speaks no API`);
  return found;
}

/** Gives no promise where no media have to be fetched first. */
function prepare(world: World, exchange: Exchange, call: Call): Prepared | Promise<Prepared> {
  const { connector } = call.target;
  const asked = chatOf(exchange);
  const refusal = connector.refuses?.(call, featuresOf(asked));
  if (refusal) throw refusal;
  const isNative = call.protocol === asked.protocol;
  if (!isNative) refuseForeignToken(world.protocols[asked.protocol], exchange.raw);
  const inlines = connector.inlinesUrls === true || (call.protocol === "gemini" && !isNative);
  if (!inlines) return encode(world, exchange, call, asked);
  return exchange.settings
    .inlineMedia(asked, call.cancellation.signal)
    .then((chat) => encode(world, exchange, call, chat));
}

function encode(world: World, exchange: Exchange, call: Call, chat: Chat): Prepared {
  const { connector } = call.target;
  const protocol = world.protocols[call.protocol];
  const dialect = connector.dialect(call.target, call.protocol);
  const asked = chatOf(exchange);
  const isNative = call.protocol === asked.protocol;
  // Media we had to fetch are only in the canonical form, so such a request is encoded from it.
  const isPatch = isNative && chat === asked;
  const encodeForm = (form: Chat) =>
    isPatch
      ? protocol.upstream.patchRequest(exchange.raw, form, dialect)
      : protocol.upstream.encodeRequest(form, dialect);
  const encoded = encodeForm(chat);
  refuseLossIfStrict(exchange, { dropped: ownLosses(exchange, chat, encoded, encodeForm) });
  const body = connector.shape?.(encoded.body, call) ?? encoded.body;
  return {
    protocol,
    dialect,
    isNative,
    chat,
    // Splicing leaves every byte we do not own as the client wrote it: long integers, spacing, key order.
    bodyText: isPatch ? spliceJson(exchange.text, exchange.parsed, body) : JSON.stringify(body),
    headers: encoded.headers,
    dropped: encoded.dropped,
  };
}

export function refuseLossIfStrict(exchange: Exchange, encoded: Pick<EncodedRequest, "dropped">): void {
  if (encoded.dropped.length === 0 || !exchange.isStrict) return;
  throw new Failure(
    "unsupported",
    `The model's provider cannot express: ${encoded.dropped.join(", ")}. Leave it out, or drop \`x-xjp-strict\`.`,
    { param: encoded.dropped[0] ?? "", code: "unsupported_parameter" },
  );
}

interface Reading extends Omit<Sending, "outgoing"> {
  readonly exchange: Exchange;
  readonly prepared: Prepared;
  readonly reply: HttpReply;
}

/** Gives no promise where a whole answer came together with its head. */
function read(world: World, attempt: Attempt, reading: Reading): Answer | Promise<Answer> {
  const { reply, prepared, deadlines } = reading;
  if (!isOk(reply) || reply.status === 204) return refuse(world, reading);
  if (prepared.chat.stream && !isJson(reply)) {
    const { dialect, chat, isNative } = prepared;
    const decoder = prepared.protocol.upstream.createStreamDecoder(dialect, chat);
    const stream = new UpstreamStream(reply, decoder, { deadlines, clock: world.clock, isNative });
    const joined = continueStream(stream, { ...reading, world, attempt });
    return readToContent(world, attempt, joined, reading);
  }
  const text = readUpstreamText(reply, deadlines);
  return typeof text === "string"
    ? readWhole(world, attempt, reading, text)
    : text.then((late) => readWhole(world, attempt, reading, late));
}

function isJson({ headers }: HttpReply): boolean {
  return headers.get("content-type")?.includes("json") === true;
}

async function refuse(world: World, reading: Reading): Promise<never> {
  throw await refusalOf(world, reading.reply, reading);
}

function readWhole(world: World, attempt: Attempt, reading: Reading, text: string): Answer | Promise<Answer> {
  const { protocol, dialect, chat } = reading.prepared;
  const events = protocol.upstream.decodeReply(parseUpstreamBody(text), dialect, chat);
  if (!goesOn(events)) return toAnswer(world, attempt, reading, { events, text });
  return continueWhole(events, { ...reading, world, attempt }).then((joined) =>
    toAnswer(world, attempt, reading, joined ? { events: joined } : { events, text }),
  );
}

interface Whole {
  readonly events: readonly ChatEvent[];
  /** Absent where it was joined from several. */
  readonly text?: string;
}

function toAnswer(
  world: World,
  attempt: Attempt,
  { prepared, deadlines, call }: Reading,
  { events, text }: Whole,
): Answer {
  for (const event of events) note(attempt, event);
  const last = events.at(-1);
  if (last?.type === "error") throw last.failure;
  if (isEmptyReply(events)) throw emptyReply();
  attempt.firstTokenMs = world.clock.monotonicMs() - attempt.startedMs;
  deadlines.stop();
  if (call.operation === "stream") return streamOf(attempt, events);
  if (!prepared.isNative || text === undefined) return { kind: "whole", attempt, events };
  return { kind: "whole", attempt, events, nativeText: text };
}

/** A server that ignores `stream` answers whole; the client asked for a stream and gets one, in a single step. */
function streamOf(attempt: Attempt, events: readonly ChatEvent[]): StreamAnswer {
  const step: Step = {
    events,
    text: "",
    isKeepAlive: false,
    isVoid: false,
    failure: undefined,
    isEnd: true,
  };
  return {
    kind: "stream",
    attempt,
    isNative: false,
    head: [step],
    onExpired: () => undefined,
    pull: (listener) => listener(step),
    cancel: () => undefined,
    waitedMs: () => 0,
  };
}

/** The commit point: reads until content comes, so that every earlier fault is only a failed attempt. */
async function readToContent(
  world: World,
  attempt: Attempt,
  stream: StepSource,
  { prepared, deadlines, route }: Reading,
): Promise<StreamAnswer> {
  const head: Step[] = [];
  const events: ChatEvent[] = [];
  let hasContent = false;
  let isEnd = false;
  let count = 0;
  while (!hasContent && !isEnd) {
    const step = await nextStep(stream);
    for (const event of step.events) note(attempt, event);
    hasContent = step.events.some(isContent);
    if (step.failure && !hasContent) throw step.failure;
    isEnd = step.isEnd;
    // Comments before the first content are for nobody, and may come without end. An event that means nothing to us
    // is one its own API's client may count on.
    if (step.isVoid || (step.isKeepAlive && !prepared.isNative)) continue;
    head.push(step);
    for (const event of step.events) events.push(event);
    count += Math.max(1, step.events.length);
    if (count > HEAD_EVENTS_MAX && !hasContent) {
      throw new Failure("upstream_broken", "The upstream sends events without end and no content.");
    }
  }
  if (isEnd && isEmptyReply(events)) throw emptyReply();
  attempt.firstTokenMs = world.clock.monotonicMs() - attempt.startedMs;
  if (!isEnd) deadlines.enter("idle", route.timeouts.idleMs);
  const waitedBefore = stream.waitedMs;
  return {
    kind: "stream",
    attempt,
    isNative: prepared.isNative,
    head,
    onExpired: (listener) => {
      deadlines.onExpired = listener;
    },
    pull: (listener) => stream.pull(listener),
    cancel: (reason) => stream.cancel(reason),
    waitedMs: () => stream.waitedMs - waitedBefore,
  };
}

function emptyReply(): Failure {
  return new Failure("upstream_empty", "The upstream finished without any text, tool call or refusal.");
}
