/**
 * The part of an attempt that every kind of call shares: its deadlines, the request on the wire, and what it means
 * when it fails.
 */
import type { Address, Call } from "#connectors/connector.ts";
import type { HttpReply } from "#lib/http-client.ts";
import { HttpError } from "#lib/http-error.ts";
import { Failure } from "#model/failure.ts";
import type { Deadlines } from "./deadlines.ts";
import type { Attempt } from "./exchange.ts";
import { readUpstreamText } from "./upstream-text.ts";
import type { Route, World } from "./world.ts";

export interface Outgoing {
  readonly bodyText: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface Sending {
  readonly outgoing: Outgoing;
  readonly call: Call;
  readonly deadlines: Deadlines;
  readonly route: Route;
}

/** A compressed stream arrives in blocks, not in tokens. */
export const OUR_HEADERS = { "accept-encoding": "identity", "user-agent": "XiaojinPro-Gateway" } as const;
const JSON_HEADERS = { ...OUR_HEADERS, "content-type": "application/json", accept: "application/json" };
const STREAM_HEADERS = { ...JSON_HEADERS, accept: "text/event-stream" };
const MS_PER_SECOND = 1000;
/** How long a whole answer may take while another target is waiting its turn: half the request's time. */
const WHOLE_SHARE = 0.5;

/** The deadline of an answer that comes in one piece. */
export function enterWhole(deadlines: Deadlines, attempt: Attempt, route: Route): void {
  const { wholeMs, totalMs } = route.timeouts;
  const isLast = attempt.number >= route.targets.length;
  deadlines.enter("whole", wholeMs ?? (isLast ? Number.POSITIVE_INFINITY : totalMs * WHOLE_SHARE));
}

/**
 * Resolves when the answer's head is there. Throws, and rejects with, what our client or the connector says of a failure:
 * `reasonOf` tells what that means.
 */
export function post(world: World, attempt: Attempt, sending: Sending): Promise<HttpReply> {
  const { call } = sending;
  const addressed = call.target.connector.address(call);
  return addressed instanceof Promise
    ? addressed.then((address) => ask(world, attempt, sending, address))
    : ask(world, attempt, sending, addressed);
}

function ask(world: World, attempt: Attempt, sending: Sending, address: Address): Promise<HttpReply> {
  const { outgoing, call, deadlines, route } = sending;
  deadlines.cancellation.throwIfCancelled();
  const ours = call.operation === "stream" ? STREAM_HEADERS : JSON_HEADERS;
  attempt.reachedUpstream = true;
  return world.http.request({
    url: address.url,
    method: "POST",
    headers: [ours, outgoing.headers, address.headers],
    body: outgoing.bodyText,
    connectMs: route.timeouts.connectMs,
    cancellation: deadlines.cancellation,
  });
}

export function isOk({ status }: HttpReply): boolean {
  return status >= 200 && status < 300;
}

/** Why a call failed: what ended it, where it was given up, else what went wrong, in our words. */
export function reasonOf(
  error: unknown,
  { deadlines, route }: Pick<Sending, "deadlines" | "route">,
): unknown {
  if (deadlines.isOver) return deadlines.cancellation.reason;
  return error instanceof HttpError ? explain(error, route) : error;
}

/** What our own client says of a call that got no answer, or only part of one. */
export function explain(error: unknown, { timeouts }: Pick<Route, "timeouts">): Failure {
  if (error instanceof HttpError && error.kind === "connect_timeout") {
    const message = `The upstream took no connection within ${timeouts.connectMs} ms.`;
    return new Failure("timeout", message, { code: "connect" });
  }
  return new Failure("upstream_broken", "The upstream refused or broke the connection.", { cause: error });
}

/** What a refusal means, by the connector's own reading or its API's. */
export async function refusalOf(
  world: World,
  reply: HttpReply,
  { call, deadlines }: Pick<Sending, "call" | "deadlines">,
): Promise<Failure> {
  const text = await readUpstreamText(reply, deadlines);
  const answer = { status: reply.status, headers: reply.headers, text, nowMs: world.clock.nowMs() };
  const explained = call.target.connector.explain?.(answer);
  return explained ?? world.protocols[call.protocol].upstream.decodeFailure(answer);
}

/** Ends a failed attempt: its connection is closed, its watch is over. Gives what is to be thrown. */
export function giveUp(
  world: World,
  attempt: Attempt,
  sending: Pick<Sending, "deadlines" | "route">,
  error: unknown,
): unknown {
  const { deadlines } = sending;
  const failure = reasonOf(error, sending);
  deadlines.abort(
    failure instanceof Failure ? failure : new Failure("internal", "aborted", { cause: error }),
  );
  deadlines.stop();
  const { clientGoneAtMs } = deadlines;
  if (clientGoneAtMs !== undefined && attempt.reachedUpstream) {
    // Whatever was waiting on the upstream has just been rejected by its close.
    world.telemetry.upstreamCancelled((world.clock.monotonicMs() - clientGoneAtMs) / MS_PER_SECOND);
  }
  return failure;
}
