/**
 * An answer longer than one upstream call gives (Gemini's `CONTINUATION`): asks for the next part with the token of the
 * one before, and joins the parts, so that every client gets one answer. All calls belong to one attempt: their tokens
 * are summed, each is held for before it is made, and the request's deadlines go on.
 *
 *   part --continuation, may go on--> same request + token --> part --> ... --> end
 *     |                                         | fails
 *     +--PARTS_MAX, or the hold is refused      +--> ends as a stream that broke, or as a failed attempt
 *          --> end, told as cut by length
 *
 * A caller of Gemini's own API that sends a token drives this itself and is left alone.
 */
import type { JsonObject } from "#lib/json.ts";
import type { HttpReply } from "#lib/http-client.ts";
import { estimateTokens } from "#model/estimate-tokens.ts";
import type { Chat } from "#model/chat.ts";
import type { ChatEvent } from "#model/chat-event.ts";
import { Failure, toFailure } from "#model/failure.ts";
import type { Usage } from "#model/usage.ts";
import type { Continuing, Dialect, Protocol } from "#protocols/protocol.ts";
import { addUsage } from "./add-usage.ts";
import { holdAnother } from "./admit.ts";
import type { Attempt, Exchange } from "./exchange.ts";
import { PartJoiner } from "./join-parts.ts";
import { isOk, post, reasonOf, refusalOf, type Outgoing, type Sending } from "./post.ts";
import { isContent } from "./reply-events.ts";
import { parseUpstreamBody, readUpstreamText } from "./upstream-text.ts";
import { UpstreamStream, type Step, type StepListener, type StepSource } from "./upstream-stream.ts";
import type { World } from "./world.ts";

/** Upstream calls for one answer. Google's parts are 32,768 tokens and more. */
const PARTS_MAX = 8;

export interface PartRequest extends Omit<Sending, "outgoing"> {
  readonly prepared: Outgoing & {
    readonly protocol: Protocol;
    readonly dialect: Dialect;
    readonly isNative: boolean;
    readonly chat: Chat;
  };
}

interface Context extends PartRequest {
  readonly world: World;
  readonly exchange: Exchange;
  readonly attempt: Attempt;
}

/** How to ask for further parts, where the upstream gives any and asking is ours. */
function continuingOf({ prepared, exchange }: Context): Continuing | undefined {
  const { continuing } = prepared.protocol.upstream;
  if (!continuing || (prepared.chat.choices ?? 1) > 1) return undefined;
  return prepared.isNative && continuing.isCallers(exchange.raw) ? undefined : continuing;
}

/** A caller's token asks for the rest of one provider's answer: another would begin anew, and the client append that. */
export function refuseForeignToken({ upstream }: Protocol, raw: JsonObject): void {
  if (upstream.continuing?.isCallers(raw) !== true) return;
  throw new Failure("unsupported", "The answer to go on with is another provider's. Leave the token out.", {
    param: "continuationToken",
  });
}

/** The stream itself where its API knows no parts. */
export function continueStream(stream: UpstreamStream, context: Context): StepSource {
  const continuing = continuingOf(context);
  return continuing ? new JoinedStream(stream, continuing, context) : stream;
}

/** Whether the upstream has more of this answer. */
export function goesOn(events: readonly ChatEvent[]): boolean {
  return tokenIn(events) !== undefined;
}

/** The events of the whole answer, or undefined where these stand as they are. */
export async function continueWhole(
  first: readonly ChatEvent[],
  context: Context,
): Promise<readonly ChatEvent[] | undefined> {
  const continuing = continuingOf(context);
  if (!continuing) return undefined;
  const parts = new Parts(continuing, context);
  const joined: ChatEvent[] = [];
  let events = first;
  try {
    for (let token = parts.nextToken(events); token !== undefined; token = parts.nextToken(events)) {
      joined.push(...parts.breakOff(events));
      events = await readPart(parts, token, context);
    }
  } catch (error) {
    parts.bookCut();
    throw error;
  }
  // A caller of the same API gets the only part as it came, its token with it.
  if (parts.joiner.isFirst && context.prepared.isNative) return undefined;
  return [...joined, ...parts.end(events)];
}

async function readPart(parts: Parts, token: string, context: Context): Promise<readonly ChatEvent[]> {
  const reply = await parts.ask(token);
  const body = parseUpstreamBody(await readUpstreamText(reply, context.deadlines));
  const { protocol, dialect, chat } = context.prepared;
  const events = protocol.upstream.decodeReply(body, dialect, chat);
  const last = events.at(-1);
  if (last?.type !== "error") return events;
  parts.joiner.learnUsage(events);
  throw last.failure;
}

/** Asking for parts, and what they come to. */
class Parts {
  readonly joiner = new PartJoiner();
  readonly #continuing: Continuing;
  readonly #context: Context;
  /** Whether the current call was answered, so that it will be charged. */
  #isAnswered = true;
  #isEnded = false;

  constructor(continuing: Continuing, context: Context) {
    this.#continuing = continuing;
    this.#context = context;
  }

  /** The token to go on with; undefined where this part is the last, or the last that is paid for. */
  nextToken(events: readonly ChatEvent[]): string | undefined {
    const token = tokenIn(events);
    if (token === undefined || this.joiner.finished.length + 1 >= PARTS_MAX) return undefined;
    const { world, exchange, attempt } = this.#context;
    this.joiner.learnUsage(events);
    attempt.usage = this.joiner.total;
    try {
      holdAnother(world, exchange, attempt.target, attempt.usage?.output ?? 0);
      return token;
    } catch (error) {
      if (error instanceof Failure) return undefined;
      throw error;
    }
  }

  breakOff(events: readonly ChatEvent[]): readonly ChatEvent[] {
    const { attempt } = this.#context;
    const joined = this.joiner.breakOff(events, this.#inputGuess());
    attempt.usage = this.joiner.total;
    attempt.earlierCalls = this.joiner.finished;
    // What is estimated from bytes concerns the call under way.
    attempt.outputBytes = 0;
    this.#isAnswered = false;
    return joined;
  }

  /** The last part. Where there would be more, the answer says that it was cut. */
  end(events: readonly ChatEvent[]): readonly ChatEvent[] {
    this.#isEnded = true;
    const joined = this.joiner.join(events).map(toldAsCut);
    if (this.joiner.isFirst || this.joiner.isCounted) return joined;
    // Without a count of its own the last part would be booked as if it had cost nothing.
    const usage = this.joiner.cutTotal(this.#inputGuess());
    return joined.flatMap<ChatEvent>((event) =>
      event.type === "end" ? [{ type: "usage", usage }, event] : [event],
    );
  }

  async ask(token: string): Promise<HttpReply> {
    const { world, attempt, prepared, ...sending } = this.#context;
    const outgoing = { ...prepared, bodyText: this.#continuing.askOn(prepared.bodyText, token) };
    const reply = await post(world, attempt, { ...sending, outgoing });
    attempt.status = reply.status;
    // Its headers may come in the very turn in which the request was given up.
    sending.deadlines.cancellation.throwIfCancelled();
    if (!isOk(reply) || reply.status === 204) throw oursToTell(await refusalOf(world, reply, sending));
    this.#isAnswered = true;
    return reply;
  }

  /** Books the part that was cut off by what was delivered of it. */
  bookCut(): void {
    if (this.joiner.isFirst || this.#isEnded) return;
    const { attempt } = this.#context;
    attempt.usage = this.#isAnswered ? this.joiner.cutTotal(this.#inputGuess()) : this.joiner.total;
  }

  /** Every call reads the request and all that was written so far. */
  #inputGuess(): number {
    return estimateTokens(this.#context.prepared.chat) + (this.joiner.total?.output ?? 0);
  }
}

class JoinedStream implements StepSource {
  readonly #parts: Parts;
  readonly #continuing: Continuing;
  readonly #context: Context;
  #stream: UpstreamStream;
  #token: string | undefined;
  #hasContent = false;
  #waitedBefore = 0;

  constructor(stream: UpstreamStream, continuing: Continuing, context: Context) {
    this.#stream = stream;
    stream.onStep = this.#onStep;
    this.#continuing = continuing;
    this.#context = context;
    this.#parts = new Parts(continuing, context);
  }

  get waitedMs(): number {
    return this.#waitedBefore + this.#stream.waitedMs;
  }

  pull(listener: StepListener): void {
    const token = this.#token;
    if (token === undefined) return this.#stream.pull(listener);
    return void this.#startPart(token).then((failed) =>
      failed ? listener(failed) : this.#stream.pull(listener),
    );
  }

  readonly #onStep = (step: Step): Step => {
    const { joiner } = this.#parts;
    this.#hasContent ||= step.events.some(isContent);
    if (step.isEnd) return this.#endPart(step);
    if (joiner.isFirst) {
      joiner.watch(step.events);
      return step;
    }
    const events = joiner.join(step.events);
    if (!step.failure) return this.#toStep(step, { events, goesOn: false });
    this.#parts.bookCut();
    return this.#toStep(step, { events: events.filter(({ type }) => type !== "usage"), goesOn: false });
  };

  cancel(reason: Failure): void {
    this.#parts.bookCut();
    this.#stream.cancel(reason);
  }

  #endPart(step: Step): Step {
    if (this.#parts.joiner.isFirst && !goesOn(step.events)) return step;
    this.#token = this.#parts.nextToken(step.events);
    if (this.#token === undefined) {
      const events = this.#parts.end(step.events);
      return this.#toStep(step, { events, goesOn: false });
    }
    // Between two calls the request's time goes on, and its client may leave.
    this.#context.deadlines.resume();
    const events = this.#parts.breakOff(step.events);
    return { ...this.#toStep(step, { events, goesOn: true }), isEnd: false };
  }

  /** The step that tells of the failure, where the next part does not come. */
  async #startPart(token: string): Promise<Step | undefined> {
    const { world, deadlines, prepared, route } = this.#context;
    this.#token = undefined;
    const startedMs = world.clock.monotonicMs();
    deadlines.enter("first_token", route.timeouts.firstTokenMs);
    try {
      const reply = await this.#parts.ask(token);
      const decoder = prepared.protocol.upstream.createStreamDecoder(prepared.dialect, prepared.chat);
      this.#waitedBefore += this.#stream.waitedMs + world.clock.monotonicMs() - startedMs;
      const { isNative } = prepared;
      this.#stream = new UpstreamStream(reply, decoder, { deadlines, clock: world.clock, isNative });
      this.#stream.onStep = this.#onStep;
    } catch (error) {
      const failure = toFailure(reasonOf(error, this.#context));
      this.#parts.bookCut();
      return { events: [], text: "", isKeepAlive: false, isVoid: false, failure, isEnd: false };
    }
    // Before anything was sent the first token is still awaited, however many calls that takes.
    if (this.#hasContent) deadlines.enter("idle", route.timeouts.idleMs);
    return undefined;
  }

  #toStep(step: Step, part: { readonly events: readonly ChatEvent[]; readonly goesOn: boolean }): Step {
    const { id, isFirst, before } = this.#parts.joiner;
    // A part that broke off is among those before by now; one under way adds what it reports.
    const total = (usage: Usage) => (part.goesOn ? (before ?? usage) : addUsage(before, usage));
    if (isFirst) return { ...step, events: part.events };
    return {
      ...step,
      events: part.events,
      text:
        step.text === "" ? "" : this.#continuing.joinEvents(step.text, { id, goesOn: part.goesOn, total }),
    };
  }
}

function toldAsCut(event: ChatEvent): ChatEvent {
  return event.type === "finish" && event.continuation !== undefined ? { ...event, reason: "length" } : event;
}

function tokenIn(events: readonly ChatEvent[]): string | undefined {
  for (const event of events) if (event.type === "finish") return event.continuation;
  return undefined;
}

/** The request with the token was ours: what is wrong with it is not the caller's fault. */
function oursToTell(failure: Failure): Failure {
  if (failure.blame !== "client" || failure.kind === "content_policy") return failure;
  return new Failure("upstream_broken", "The upstream did not go on with its answer.", { cause: failure });
}
