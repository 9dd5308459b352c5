/**
 * Step 7: tries targets until one answers. Every fault before the commit point only costs an attempt; the failure
 * table decides where another may help.
 *
 *   pick a target that may be tried now -> send -> answered: done
 *        ^                                   | failed
 *        |   nowhere: throw; next: exclude the target; same: let it rest, try others first
 *        +-----------------------------------+
 *
 * Invariants: at most `attemptsMax` attempts; a target in its pause or with an open breaker is not touched; repeats
 * on one target are paid from the retry budget; every permit is returned.
 */
import type { Target } from "#connectors/connector.ts";
import type { Permit } from "#health/breaker.ts";
import type { TargetHealth } from "#health/target-health.ts";
import { backoffDelayMs } from "#lib/backoff.ts";
import { sleep } from "#lib/clock.ts";
import { Failure, toFailure } from "#model/failure.ts";
import { holdAnother } from "./admit.ts";
import { Attempt, type Exchange } from "./exchange.ts";
import type { Route, World } from "./world.ts";

interface Candidate {
  readonly target: Target;
  readonly health: TargetHealth;
  /** Failures of this target in this request. */
  failures: number;
  notBeforeMs: number;
  isExcluded: boolean;
}

interface Pick {
  readonly candidate: Candidate;
  readonly permit: Permit;
  /** When it was picked, monotonic. */
  readonly nowMs: number;
}

interface Progress {
  readonly candidates: readonly Candidate[];
  lastFailure: Failure | undefined;
  /** "Go to a larger model, once." */
  hasMovedForContext: boolean;
  hasRenewedToken: boolean;
}

/** One try at one target. Throws whatever went wrong before there was something to promise the client. */
export type Send<Answer> = (
  world: World,
  exchange: Exchange,
  attempt: Attempt,
  route: Route,
) => Promise<Answer>;

export async function attempt<Answer>(
  world: World,
  exchange: Exchange,
  route: Route,
  send: Send<Answer>,
): Promise<Answer> {
  const progress: Progress = {
    candidates: route.targets.map((target) => {
      const health = world.health.of(target.id, route);
      return { target, health, failures: 0, notBeforeMs: 0, isExcluded: false };
    }),
    lastFailure: undefined,
    hasMovedForContext: false,
    hasRenewedToken: false,
  };
  for (;;) {
    const picked = await pickNext(world, exchange, route, progress);
    const { candidate, permit } = picked;
    holdNext(world, exchange, progress, picked);
    if (candidate.failures === 0) candidate.health.retries.earn();
    const entry = new Attempt(exchange.attempts.length + 1, candidate.target, picked.nowMs);
    exchange.attempts.push(entry);
    try {
      const answer = await send(world, exchange, entry, route);
      permit.succeed(world.clock.monotonicMs());
      if (entry.firstTokenMs !== undefined) candidate.health.observeFirstToken(entry.firstTokenMs);
      return answer;
    } catch (error) {
      const failure = toFailure(error);
      entry.failure = failure;
      entry.totalMs = world.clock.monotonicMs() - entry.startedMs;
      learn(world, entry, picked, failure);
      decide(world, route, progress, { candidate, failure });
    } finally {
      permit.abandon();
    }
  }
}

/** What earlier attempts cost is spent, so the next one is held on top of it, or not made. */
function holdNext(world: World, exchange: Exchange, progress: Progress, { candidate, permit }: Pick): void {
  if (exchange.attempts.length === 0) return;
  try {
    holdAnother(world, exchange, candidate.target);
  } catch (error) {
    permit.abandon();
    throw progress.lastFailure ?? error;
  }
}

/** The next target, at once where one may be tried now. */
function pickNext(world: World, exchange: Exchange, route: Route, progress: Progress): Pick | Promise<Pick> {
  return pick(world, exchange, route, progress) ?? pickLater(world, exchange, route, progress);
}

/** The next target that may be tried now, if there is one. Throws where no more attempts are allowed. */
function pick(world: World, exchange: Exchange, route: Route, progress: Progress): Pick | undefined {
  if (exchange.attempts.length >= route.retry.attemptsMax) throw exhausted(progress);
  return pickReady(progress.candidates, world.clock.monotonicMs());
}

/** Waits for one where that is worth it. Throws where nothing is left to try. */
async function pickLater(world: World, exchange: Exchange, route: Route, progress: Progress): Promise<Pick> {
  for (;;) {
    const nowMs = world.clock.monotonicMs();
    const open = progress.candidates.filter((candidate) => !candidate.isExcluded);
    const worth = open.filter((candidate) => isWorthWaiting(candidate, route, nowMs));
    const atMs = earliestMs(worth, nowMs);
    // All waits together, or a first token could be awaited for ever: longer is the silence that deadline forbids.
    const isTooLong = exchange.waitedMs + atMs - nowMs > route.timeouts.firstTokenMs;
    if (isTooLong || atMs >= exchange.startedMs + route.timeouts.totalMs)
      throw exhausted(progress, earliestMs(open, nowMs) - nowMs);
    await sleepUnlessGone(world, exchange, atMs - nowMs);
    const picked = pick(world, exchange, route, progress);
    if (picked) return picked;
  }
}

/**
 * A pause is for this request to sit out: somebody said when it ends. An open breaker says only that the target was ill,
 * and who waits for it keeps a client in silence that could have been told; no longer than a retry would wait.
 */
function isWorthWaiting({ health }: Candidate, { retry }: Route, nowMs: number): boolean {
  return health.breaker.availableAtMs(nowMs) - nowMs <= retry.backoffMaxMs;
}

function earliestMs(candidates: readonly Candidate[], nowMs: number): number {
  return Math.min(...candidates.map((candidate) => readyAtMs(candidate, nowMs)));
}

function pickReady(candidates: readonly Candidate[], nowMs: number): Pick | undefined {
  for (const candidate of candidates) {
    if (candidate.isExcluded || nowMs < candidate.notBeforeMs) continue;
    const { health } = candidate;
    const permit = health.acquire(nowMs);
    if (!permit) continue;
    if (candidate.failures === 0 || health.retries.spend()) return { candidate, permit, nowMs };
    permit.abandon();
    candidate.isExcluded = true;
  }
  return undefined;
}

function readyAtMs({ notBeforeMs, health }: Candidate, nowMs: number): number {
  return Math.max(notBeforeMs, health.availableAtMs(nowMs));
}

async function sleepUnlessGone(world: World, exchange: Exchange, waitMs: number): Promise<void> {
  const sinceMs = world.clock.monotonicMs();
  try {
    await sleep(world.clock, Math.max(1, waitMs), exchange.client);
  } catch (error) {
    throw new Failure("cancelled", "The client closed the connection.", { cause: error });
  } finally {
    exchange.waitedMs += world.clock.monotonicMs() - sinceMs;
  }
}

/** What the failure says about the target's health, beyond this request. */
function learn(world: World, entry: Attempt, { candidate, permit }: Pick, failure: Failure): void {
  const nowMs = world.clock.monotonicMs();
  const { retryAfterMs } = failure.detail;
  if (failure.blame === "upstream" && retryAfterMs !== undefined) {
    candidate.health.pause(nowMs, retryAfterMs);
  }
  switch (verdictOf(entry, failure)) {
    case "well":
      permit.succeed(nowMs);
      return;
    case "ill":
      permit.fail(nowMs);
      return;
    case "unknown":
      permit.abandon();
  }
}

/**
 * A target that was never asked has shown nothing: neither a client's bad media nor a lost token server may open its
 * breaker, nor close it. Nor does an empty answer, which a conversation can provoke.
 */
function verdictOf(entry: Attempt, failure: Failure): "well" | "ill" | "unknown" {
  if (!entry.reachedUpstream || failure.kind === "upstream_empty" || failure.kind === "cancelled")
    return "unknown";
  // It says when to come back: it is alive, and its pause keeps us away without the breaker.
  if (failure.kind === "upstream_rate_limited" && failure.detail.retryAfterMs !== undefined) return "unknown";
  if (failure.blame === "upstream") return "ill";
  return failure.blame === "client" && entry.status !== 0 ? "well" : "unknown";
}

/** Where another try may help; throws the failure where nowhere. */
function decide(
  world: World,
  route: Route,
  progress: Progress,
  failed: { readonly candidate: Candidate; readonly failure: Failure },
): void {
  const { candidate, failure } = failed;
  progress.lastFailure = moreTelling(progress.lastFailure, failure);
  candidate.failures += 1;
  switch (failure.retry) {
    case "nowhere":
      throw failure;
    case "next":
      candidate.isExcluded = !mayRenewToken(candidate, progress, failure);
      if (failure.kind !== "context_length") return;
      if (progress.hasMovedForContext) throw failure;
      progress.hasMovedForContext = true;
      return;
    case "same": {
      const delayMs = backoffDelayMs(candidate.failures, route.retry, world.random());
      candidate.notBeforeMs = world.clock.monotonicMs() + Math.max(delayMs, failure.detail.retryAfterMs ?? 0);
    }
  }
}

/** A 401 on a token we cached may only mean that it was revoked early: once, a fresh one is tried. */
function mayRenewToken(candidate: Candidate, progress: Progress, failure: Failure): boolean {
  if (failure.detail.upstreamStatus !== 401 || progress.hasRenewedToken) return false;
  progress.hasRenewedToken = true;
  return candidate.target.connector.forgetToken?.() === true;
}

/** Of several failures the client gets the last that an upstream itself gave. */
function moreTelling(earlier: Failure | undefined, later: Failure): Failure {
  return earlier && later.kind === "unsupported" ? earlier : later;
}

function exhausted(progress: Progress, waitMs?: number): Failure {
  const last = progress.lastFailure;
  const known = waitMs !== undefined && Number.isFinite(waitMs) ? { retryAfterMs: Math.ceil(waitMs) } : {};
  if (!last) {
    return new Failure(
      "no_target",
      "Every provider of this model is resting after failures. Try again later.",
      known,
    );
  }
  if (last.blame !== "upstream" || last.detail.retryAfterMs !== undefined) return last;
  return new Failure(last.kind, last.message, { ...last.detail, ...known });
}
