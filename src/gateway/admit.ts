/**
 * Steps 3 and 6: the gate, in two halves. `admit` is cheap and refuses a flood before a body is read; `reserve`
 * needs the body's size and its output bound and holds the worst case.
 */
import type { Target } from "#connectors/connector.ts";
import type { Mutable } from "#lib/mutable.ts";
import type { Admission, WorstCase } from "#limits/admission.ts";
import type { WorstRequest } from "#ledger/price.ts";
import { boundTokens } from "#model/bound-tokens.ts";
import type { Caller } from "#model/caller.ts";
import type { Chat } from "#model/chat.ts";
import { boundOutput, outputBound } from "./bound-output.ts";
import type { Exchange } from "./exchange.ts";
import { saleOf } from "./sale.ts";
import { owedSoFar } from "./settle.ts";
import type { Route, World } from "./world.ts";

/** More than anybody could pay for, and still a whole number when it is added up. */
const TOKENS_MAX = 2 ** 50;

/** Gives no promise where the key's sums are in memory, as nearly all are. */
export function admit(world: World, exchange: Exchange): void | Promise<void> {
  // The row's own time, so that row and counter agree on which day it is at midnight.
  const admitted = world.limiter.admit(callerOf(exchange), exchange.createdAtMs);
  const enter = (admission: Admission): void => {
    exchange.admission = admission;
  };
  return admitted instanceof Promise ? admitted.then(enter) : enter(admitted);
}

/** What bounds a request's tokens; of a `Chat` or of what else is asked for. */
export interface Bound extends Pick<
  Chat,
  "stream" | "outputTokensMax" | "choices" | "serviceTier" | "reasoning"
> {
  /** Where the input is known to hold more tokens than its text's length says. */
  readonly inputTokensMin?: number;
}

/** From here on the request may cost something, so it is on file: should we die, it becomes a row all the same. */
export function reserve(world: World, exchange: Exchange, bound: Bound, route: Route): void {
  const { keyId, tenantId, limits } = callerOf(exchange);
  if (limits.budget !== undefined || limits.tokensPerMinute !== undefined)
    hold(world, exchange, bound, route);
  world.journal.admitted({
    id: exchange.id,
    keyId,
    tenantId,
    logicalModel: route.logicalModel,
    protocol: exchange.protocolName,
    isStream: bound.stream,
    admittedAtMs: exchange.createdAtMs,
  });
}

function hold(world: World, exchange: Exchange, bound: Bound, route: Route): void {
  const { chat, recalled } = exchange;
  const text = recalled.length === 0 ? exchange.text : exchange.text + JSON.stringify(recalled);
  const outputTokensMax = outputBound(bound, route.targets);
  // What tokens a minute lack is paid back by waiting, money is not: only a budget bounds the answer itself.
  if (callerOf(exchange).limits.budget !== undefined) boundOutput(exchange, outputTokensMax);
  const worst: Mutable<WorstRequest> = {
    inputTokens: Math.max(bound.inputTokensMin ?? 0, boundTokens({ text, chat, targets: route.targets })),
    outputTokensMax: Math.min(outputTokensMax * (bound.choices ?? 1), TOKENS_MAX),
  };
  if (bound.serviceTier !== undefined) worst.serviceTier = bound.serviceTier;
  exchange.worstAttempt = worst;
  const worstCase: Mutable<WorstCase> = { tokens: worst.inputTokens + worst.outputTokensMax };
  const costNanoUsd = dearestOf(exchange, worst, route.targets);
  if (costNanoUsd !== undefined) worstCase.costNanoUsd = costNanoUsd;
  exchange.admission?.reserve(worstCase, world.clock.nowMs());
}

/** Undefined where one of the targets has no known price. */
function dearestOf(exchange: Exchange, worst: WorstRequest, targets: readonly Target[]): number | undefined {
  let dearest = 0;
  for (const target of targets) {
    const cost = costAtMost(exchange, worst, target);
    if (cost === undefined) return undefined;
    dearest = Math.max(dearest, cost);
  }
  return dearest;
}

/**
 * To be called before every attempt after the first: holds the next attempt's worst case at its target beside what
 * the earlier ones cost already. Throws `over_budget`, `price_unknown` or `rate_limited` (code `tpm`) where the caller's
 * limits do not cover another attempt; what was held before then stays, and the request must not be tried again.
 * `written`: output tokens there are already, where the call goes on with an answer: it reads them as its prompt.
 */
export function holdAnother(world: World, exchange: Exchange, target: Target, written = 0): void {
  const { worstAttempt, admission } = exchange;
  if (!worstAttempt || !admission) return;
  const worst = {
    ...worstAttempt,
    inputTokens: worstAttempt.inputTokens + written,
    outputTokensMax: Math.max(0, worstAttempt.outputTokensMax - written),
  };
  const owed = owedSoFar(exchange);
  // Attempts that cost nothing leave the first hold whole, and it covers every target.
  if (owed.tokens === 0 && owed.costNanoUsd === 0) return;
  const costNanoUsd = costAtMost(exchange, worst, target);
  admission.reserve(
    {
      tokens: owed.tokens + worst.inputTokens + worst.outputTokensMax,
      owedNanoUsd: owed.costNanoUsd,
      ...(costNanoUsd !== undefined && { costNanoUsd }),
    },
    world.clock.nowMs(),
  );
}

function costAtMost(exchange: Exchange, worst: WorstRequest, target: Target): number | undefined {
  return exchange.settings.prices.worstCase(worst, saleOf(target, exchange));
}

export function callerOf(exchange: Exchange): Caller {
  if (!exchange.caller) throw new Error("no caller: authenticate runs first");
  return exchange.caller;
}
