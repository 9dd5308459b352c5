/**
 * Token counting: asked of the upstream where it counts, else estimated here and marked `x-xjp-estimated: true`.
 * It passes the same gate as an answer does, because it may reach an upstream (properties P23).
 */
import type { OutgoingReply } from "#lib/http-server.ts";
import type { Call, Target } from "#connectors/connector.ts";
import { asObject, parseJson } from "#lib/json.ts";
import type { Chat } from "#model/chat.ts";
import { estimateTokens } from "#model/estimate-tokens.ts";
import { Failure } from "#model/failure.ts";
import { admit } from "./admit.ts";
import { answerAside } from "./aside.ts";
import { authenticate } from "./authenticate.ts";
import { Deadlines } from "./deadlines.ts";
import { requestLine } from "./decode.ts";
import type { Exchange, Inbound } from "./exchange.ts";
import { isOk, OUR_HEADERS } from "./post.ts";
import { readBody, takeBody } from "./read-body.ts";
import { recall } from "./recall.ts";
import { route } from "./route.ts";
import { pickProtocol } from "./send.ts";
import { readUpstreamText } from "./upstream-text.ts";
import type { Route, World } from "./world.ts";

const HEADERS = { "content-type": "application/json", ...OUR_HEADERS };

export function countTokens(world: World, inbound: Inbound): Promise<OutgoingReply> {
  let isEstimated = false;
  const counting = inbound.protocol.client.counting;
  return answerAside(
    world,
    inbound,
    async (exchange) => {
      if (!counting) throw new Failure("not_found", "This API has no token counting call.");
      await authenticate(world, exchange);
      await admit(world, exchange);
      takeBody(exchange, await readBody(world, exchange));
      if (exchange.protocolName === "openai-responses") await recall(world, exchange);
      const chat = (exchange.chat = counting.decodeRequest(exchange.raw, requestLine(world, exchange)));
      const plan = (exchange.route = route(world, exchange, chat));
      const counted = await countUpstream(world, exchange, chat, plan);
      isEstimated = counted === undefined;
      return counting.encodeReply(counted ?? estimateTokens(chat));
    },
    () => (isEstimated ? { "x-xjp-estimated": "true" } : {}),
  );
}

/** The first target that counts and answers. A target that fails is passed over: an estimate is better than an error. */
async function countUpstream(
  world: World,
  exchange: Exchange,
  chat: Chat,
  plan: Route,
): Promise<number | undefined> {
  for (const target of plan.targets) {
    const counted = await askTarget(world, exchange, { chat, plan, target });
    if (counted !== undefined) return counted;
    if (exchange.client.isCancelled) throw new Failure("cancelled", "The client closed the connection.");
  }
  return undefined;
}

interface Asking {
  readonly chat: Chat;
  readonly plan: Route;
  readonly target: Target;
}

async function askTarget(
  world: World,
  exchange: Exchange,
  { chat, plan, target }: Asking,
): Promise<number | undefined> {
  const name = pickProtocol(target, chat.protocol);
  const { counting } = world.protocols[name].upstream;
  const nowMs = world.clock.monotonicMs();
  const permit = counting && world.health.of(target.id).acquire(nowMs);
  if (!counting || !permit) return undefined;
  const deadlines = new Deadlines(world.clock, exchange.client, {
    startedMs: exchange.startedMs,
    shutdown: world.shutdown,
    totalMs: Math.min(plan.timeouts.totalMs, plan.timeouts.firstTokenMs),
  });
  deadlines.enter("total", Number.POSITIVE_INFINITY);
  try {
    const call: Call = { target, protocol: name, operation: "count", cancellation: deadlines.cancellation };
    const { connector } = target;
    const dialect = connector.dialect(target, name);
    const body =
      name === chat.protocol
        ? counting.patchRequest(exchange.raw, dialect)
        : counting.encodeRequest(chat, dialect);
    const address = await connector.address(call);
    const reply = await world.http.request({
      url: address.url,
      method: "POST",
      headers: [HEADERS, address.headers],
      body: JSON.stringify(connector.shape?.(body, call) ?? body),
      connectMs: plan.timeouts.connectMs,
      cancellation: deadlines.cancellation,
    });
    const text = await readUpstreamText(reply, deadlines);
    if (reply.status < 500) permit.succeed(world.clock.monotonicMs());
    else permit.fail(world.clock.monotonicMs());
    return isOk(reply) ? counting.decodeReply(asObject(parseJson(text))) : undefined;
  } catch {
    if (!exchange.client.isCancelled) permit.fail(world.clock.monotonicMs());
    // Told to nobody on purpose: the caller gets an estimate, marked as one.
    return undefined;
  } finally {
    exchange.waitedMs += world.clock.monotonicMs() - nowMs;
    permit.abandon();
    deadlines.stop();
  }
}
