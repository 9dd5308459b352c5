/**
 * Step 10: the answer, whole or as a stream, in the client's API. It is booked before the client gets its last byte,
 * and a stream that breaks ends with the API's own error, never with something that looks like its end.
 */
import { Failure, toFailure } from "#model/failure.ts";
import { jsonReply, type BodySink, type OutgoingReply, type PouredBody } from "#lib/http-server.ts";
import { asObject, parseJson } from "#lib/json.ts";
import { SseReader } from "#lib/sse.ts";
import { finalResponse } from "#protocols/openai-responses/stored-items.ts";
import { foldReply } from "#model/reply.ts";
import type { RateLimit } from "#limits/admission.ts";
import type { Envelope, StreamEncoder } from "#protocols/protocol.ts";
import { callerOf } from "./admit.ts";
import type { Attempt, Exchange } from "./exchange.ts";
import { ForwardedText } from "./forwarded-text.ts";
import { answerHeaders, failureHeaders } from "./headers.ts";
import { keepResponse } from "./keep-response.ts";
import { keepThoughts, watchThoughts, type ThoughtWatch } from "./keep-thoughts.ts";
import { note } from "./reply-events.ts";
import { chatOf, type Answer, type StreamAnswer, type WholeAnswer } from "./send.ts";
import { settle } from "./settle.ts";
import type { Step } from "./upstream-stream.ts";
import type { World } from "./world.ts";

export function respond(
  world: World,
  exchange: Exchange,
  answer: Answer,
): OutgoingReply | Promise<OutgoingReply> {
  noteAnswered(world, exchange);
  return answer.kind === "whole"
    ? respondWhole(world, exchange, answer)
    : respondStream(world, exchange, answer);
}

/** There is something to promise the client. */
export function noteAnswered(world: World, exchange: Exchange): void {
  exchange.firstTokenMs = world.clock.monotonicMs() - exchange.startedMs;
}

/** The refusal in the client's own dialect. Also the end of requests whose client has left. */
export function refuse(world: World, exchange: Exchange, failure: Failure): OutgoingReply {
  const outcome =
    failure.kind === "cancelled" ? "client_cancelled" : failure.blame === "client" ? "refused" : "failed";
  let told = failure;
  const encodedFirst = exchange.inbound.protocol.client.encodeFailure(failure, exchange.id);
  try {
    settle(world, exchange, {
      outcome,
      status: failure.kind === "cancelled" ? 499 : encodedFirst.status,
      failure,
    });
  } catch (error) {
    told = toFailure(error);
  }
  const encoded =
    told === failure ? encodedFirst : exchange.inbound.protocol.client.encodeFailure(told, exchange.id);
  const headers = failureHeaders(exchange, rateLimitOf(world, exchange));
  return jsonReply(encoded.status, encoded.body, { ...headers, ...encoded.headers });
}

/** Also of who was not let in: that is when it matters most. */
function rateLimitOf(world: World, { admission, caller }: Exchange): RateLimit | undefined {
  if (admission) return admission.rateLimit;
  return caller && world.limiter.rateLimit(caller, world.clock.nowMs());
}

function respondWhole(
  world: World,
  exchange: Exchange,
  answer: WholeAnswer,
): OutgoingReply | Promise<OutgoingReply> {
  const { attempt, events, nativeText } = answer;
  const client = exchange.inbound.protocol.client;
  const text =
    nativeText ?? JSON.stringify(client.encodeReply(foldReply(events), envelope(world, exchange, attempt)));
  const kept = exchange.keeping
    ? keepResponse(world, exchange, attempt, asObject(parseJson(text)))
    : keepThoughts(world, exchange, attempt, events);
  return kept
    ? kept.then(() => sendWhole(world, exchange, attempt, text))
    : sendWhole(world, exchange, attempt, text);
}

function sendWhole(world: World, exchange: Exchange, attempt: Attempt, text: string): OutgoingReply {
  const record = settle(world, exchange, { outcome: "ok", status: 200 });
  const headers = answerHeaders(exchange, attempt, record?.costNanoUsd);
  headers["content-type"] = "application/json";
  return { status: 200, headers, body: text };
}

function respondStream(world: World, exchange: Exchange, answer: StreamAnswer): OutgoingReply {
  const headers = answerHeaders(exchange, answer.attempt);
  headers["content-type"] = "text/event-stream; charset=utf-8";
  headers["cache-control"] = "no-cache, no-transform";
  headers["x-accel-buffering"] = "no";
  return { status: 200, headers, body: new StreamPump(world, exchange, answer) };
}

const MS_PER_SECOND = 1000;

/** Turns upstream steps into the client's text. Owns the attempt from the commit point to the booking. */
class StreamPump implements PouredBody {
  readonly #world: World;
  readonly #exchange: Exchange;
  readonly #answer: StreamAnswer;
  /** Absent in the native lane. */
  readonly #encoder: StreamEncoder | undefined;
  readonly #forwarded = new ForwardedText();
  readonly #head: Step[];
  readonly #thoughts: ThoughtWatch | undefined;
  /** What came after the answer's finish: held back until it is booked. */
  #tail = "";
  /** Of several choices, those not yet finished: only behind the last finish is the rest held back. */
  #choicesOpen: number;
  #hasFinish = false;
  #lastWords = "";
  #sink: BodySink | undefined;
  isFinished = false;
  /** The client left: there is nothing to write to, nor to close. */
  hasNoReader = false;

  constructor(world: World, exchange: Exchange, answer: StreamAnswer) {
    this.#world = world;
    this.#exchange = exchange;
    this.#answer = answer;
    this.#head = [...answer.head];
    this.#thoughts = watchThoughts(exchange);
    this.#encoder = answer.isNative
      ? undefined
      : exchange.inbound.protocol.client.createStreamEncoder(envelope(world, exchange, answer.attempt));
    this.#choicesOpen = chatOf(exchange).choices ?? 1;
    answer.onExpired((failure) => this.#expire(failure));
    exchange.client.onCancel(this.#onGone);
  }

  /** Writes the answer to its end. The next chunk is read when the client has room for it. */
  begin(sink: BodySink): void {
    this.#sink = sink;
    this.#pour();
  }

  onRoom(): void {
    this.#pour();
  }

  /**
   * Goes on for as long as nothing has to be waited for. From the upstream's socket to the client's there is no promise:
   * for every chunk it would cost as much as reading an event.
   */
  #pour(): void {
    while (!this.isFinished) {
      const step = this.#head.shift();
      if (!step) return this.#answer.pull(this.#onStep);
      if (!this.#emit(this.#advance(step))) return;
    }
    this.#emit(this.#takeLastWords());
  }

  readonly #onStep = (step: Step): void => {
    if (this.#emit(this.#read(step))) this.#pour();
  };

  #read(step: Step): string | Promise<string> {
    if (this.isFinished) return this.#takeLastWords();
    try {
      for (const event of step.events) note(this.#answer.attempt, event);
    } catch (error) {
      return this.#onBug(error);
    }
    return this.#advance(step);
  }

  /** Whether to go on at once. */
  #emit(text: string | Promise<string>): boolean {
    if (typeof text !== "string") {
      void text.then((later) => {
        if (this.#emit(later)) this.#pour();
      });
      return false;
    }
    const sink = this.#sink;
    if (this.hasNoReader || !sink) return false;
    if (this.isFinished) {
      sink.end(text);
      return false;
    }
    return text === "" || sink.write(text);
  }

  /** A bug of ours must not leave the client waiting, nor the request unbooked: it ends the stream like any failure. */
  readonly #onBug = (error: unknown): string =>
    this.isFinished ? this.#takeLastWords() : this.#fail(toFailure(error), "");

  /** The error of a deadline that passed while the client was not reading. */
  #takeLastWords(): string {
    const words = this.#lastWords;
    this.#lastWords = "";
    return words;
  }

  clientLeft(): void {
    this.hasNoReader = true;
    if (this.isFinished) return;
    const failure = new Failure("cancelled", "The client closed the connection.");
    this.#cancelForClient(failure);
    this.#end({ failure });
  }

  #cancelForClient(failure: Failure): void {
    const { clock, telemetry } = this.#world;
    const goneAtMs = clock.monotonicMs();
    this.#answer.cancel(failure);
    telemetry.upstreamCancelled((clock.monotonicMs() - goneAtMs) / MS_PER_SECOND);
  }

  readonly #onGone = (): void => this.clientLeft();

  /** A deadline passed, or the drain did. It is booked now, whether or not the client reads on. */
  #expire(failure: Failure): void {
    if (!this.isFinished) this.#lastWords = this.#fail(failure, "");
  }

  #advance(step: Step): string | Promise<string> {
    try {
      return this.#take(step);
    } catch (error) {
      return this.#onBug(error);
    }
  }

  #take(step: Step): string | Promise<string> {
    const text = this.#write(step);
    this.#thoughts?.push(step.events);
    for (const event of step.events) if (event.type === "finish") this.#choicesOpen -= 1;
    this.#hasFinish ||= this.#choicesOpen <= 0;
    if (step.failure) return this.#fail(step.failure, text);
    if (!this.#hasFinish && !step.isEnd) {
      if (text !== "" && !step.isVoid) this.#forwarded.note(text);
      return text === "" ? this.#keepAlive(step) : text;
    }
    this.#tail += text;
    if (!step.isEnd) return "";
    if (this.#exchange.keeping) return this.#keepThenFinish();
    // The client may send the calls back as soon as it has the last event, so that waits for the thoughts' row.
    const kept = this.#thoughts?.keep(this.#world, this.#answer.attempt);
    if (!kept) return this.#finish();
    return kept.then(() => (this.isFinished ? this.#takeLastWords() : this.#finish()), this.#onBug);
  }

  /** The client may refer to the answer as soon as it has its last event, so that waits until the answer is kept. */
  async #keepThenFinish(): Promise<string> {
    try {
      const response = finalResponse(SseReader.readText(this.#tail));
      await keepResponse(this.#world, this.#exchange, this.#answer.attempt, response);
    } catch (error) {
      return this.#onBug(error);
    }
    return this.isFinished ? this.#takeLastWords() : this.#finish();
  }

  #finish(): string {
    const broken = this.#end({});
    return broken ? this.#errorText(broken, "") : this.#tail;
  }

  #write(step: Step): string {
    const writer = this.#encoder;
    if (!writer) return step.text;
    let text = "";
    for (const event of step.events) if (event.type !== "error") text += writer.push(event);
    return text;
  }

  #keepAlive(step: Step): string {
    if (!step.isKeepAlive || this.#answer.isNative) return "";
    return this.#exchange.inbound.protocol.client.keepAlive;
  }

  /** The text so far is true and goes out; the finish and what follows it are not, and do not. */
  #fail(failure: Failure, text: string): string {
    this.#answer.cancel(failure);
    this.#end({ failure });
    return this.#errorText(failure, this.#hasFinish ? "" : text);
  }

  #errorText(failure: Failure, before: string): string {
    // An encoder in mid-stream knows more than the protocol does: event numbers, what is open.
    const own = this.#encodeFailure(failure);
    const { protocol } = this.#exchange.inbound;
    const text =
      own === ""
        ? protocol.client.encodeStreamFailure(failure, this.#exchange.id, this.#forwarded.endingWith(before))
        : own;
    return before + text;
  }

  /** Nothing where the encoder cannot: the failure may be its own. */
  #encodeFailure(failure: Failure): string {
    try {
      return this.#encoder?.push({ type: "error", failure }) ?? "";
    } catch {
      return "";
    }
  }

  /** Books the request, once. Gives the failure where booking itself failed: then nothing may look complete. */
  #end({ failure }: { readonly failure?: Failure }): Failure | undefined {
    if (this.isFinished) return undefined;
    this.isFinished = true;
    this.#exchange.client.off(this.#onGone);
    const { attempt } = this.#answer;
    attempt.totalMs = this.#world.clock.monotonicMs() - attempt.startedMs;
    if (failure) attempt.failure = failure;
    // The breaker counted its first token as a success; a break after it has to count too.
    if (failure?.blame === "upstream")
      this.#world.health.of(attempt.target.id).noteFailure(this.#world.clock.monotonicMs());
    this.#exchange.waitedMs += this.#answer.waitedMs();
    try {
      settle(this.#world, this.#exchange, endingOf(failure));
      return undefined;
    } catch (error) {
      return toFailure(error);
    }
  }
}

function endingOf(failure: Failure | undefined) {
  if (!failure) return { outcome: "ok", status: 200 } as const;
  if (failure.kind === "cancelled") return { outcome: "client_cancelled", status: 499, failure } as const;
  return { outcome: "failed", status: failure.status, failure } as const;
}

function envelope(world: World, exchange: Exchange, attempt: Attempt): Envelope {
  const { tenantId } = callerOf(exchange);
  return {
    id: exchange.id,
    createdAtSeconds: Math.floor(exchange.createdAtMs / 1000),
    model: attempt.servedModel ?? attempt.target.model,
    chat: chatOf(exchange),
    ...(exchange.keeping && {
      isKept: true,
      ...(exchange.keeping.previousId !== undefined && { previousId: exchange.keeping.previousId }),
    }),
    seal: (opaque) => world.sealer.seal(opaque, tenantId),
  };
}
