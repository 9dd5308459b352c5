/**
 * Step 11: books the request, once. Journal first, so that what a client saw complete is never lost; then the hold
 * goes back, then metrics and the log line.
 */
import type { Actual } from "#limits/admission.ts";
import { estimateTokens } from "#model/estimate-tokens.ts";
import { toFailure, type Failure } from "#model/failure.ts";
import type { CostSource, Outcome, UsageRecord } from "#model/usage-record.ts";
import { inputTotal, type Usage } from "#model/usage.ts";
import type { Attempt, Exchange } from "./exchange.ts";
import { countFields, type Counts } from "./keep-counts.ts";
import { saleOf } from "./sale.ts";
import type { World } from "./world.ts";

export interface Ending {
  readonly outcome: Outcome;
  /** What the client got, or would have got. */
  readonly status: number;
  readonly failure?: Failure;
}

/** Bytes per token where nobody counted: an estimate, and marked as one. */
const BYTES_PER_TOKEN = 4;

/**
 * Gives the request's record, or undefined where it was booked before. Throws `unavailable` where the journal cannot
 * be written: an answer without its record must not look complete. Whatever throws, the slot and the hold go back.
 */
export function settle(world: World, exchange: Exchange, ending: Ending): UsageRecord | undefined {
  if (exchange.isSettled) return undefined;
  exchange.isSettled = true;
  const { admission } = exchange;
  let books: Books | undefined;
  try {
    books = toBooks(world, exchange, ending);
    const { attempts, request } = books;
    if (admission) world.journal.settle([...attempts, request]);
    // Refused before any upstream: it counts for no day, now as after a restart.
    if (ending.outcome === "refused" && attempts.length === 0) admission?.refund();
    admission?.settle(actualOf(request), world.clock.nowMs());
    return request;
  } finally {
    admission?.[Symbol.dispose]();
    if (books) tell(world, exchange, books, ending);
  }
}

interface Books {
  readonly attempts: readonly UsageRecord[];
  readonly request: UsageRecord;
  /** What went wrong while the request was rated. */
  readonly bug?: Failure;
}

/** A request that cannot be rated is booked all the same, at an unknown cost: a bug of ours must not hide it. */
function toBooks(world: World, exchange: Exchange, ending: Ending): Books {
  try {
    return write(world, exchange, ending, rateAttempt);
  } catch (error) {
    const unrated = { usage: { estimated: true }, cost: { source: "unknown" } } as const;
    return { ...write(world, exchange, ending, () => unrated), bug: toFailure(error) };
  }
}

function write(world: World, exchange: Exchange, ending: Ending, rate: typeof rateAttempt): Books {
  const attempts = exchange.attempts
    .filter((entry) => entry.reachedUpstream)
    .map((entry) => book(world, exchange, entry, rate(exchange, entry)));
  return { attempts, request: requestRecord(world, exchange, ending, attempts) };
}

function actualOf({ usage, costNanoUsd }: UsageRecord): Actual {
  return {
    ...(usage.output !== undefined && { tokens: (inputTotal(usage) ?? 0) + usage.output }),
    ...(costNanoUsd !== undefined && { costNanoUsd }),
  };
}

function tell(world: World, exchange: Exchange, { attempts, request, bug }: Books, ending: Ending): void {
  world.telemetry.requestEnded(request, {
    attempts,
    overheadMs: Math.max(0, request.totalMs - exchange.upstreamMs),
    keyPrefix: exchange.caller?.keyPrefix,
    failure: ending.failure ?? bug,
    modelLabel: modelLabel(exchange),
  });
}

/** What the attempts so far will be booked at. An unknown cost counts as nothing, as it does in the ledger. */
export function owedSoFar(exchange: Exchange): { readonly tokens: number; readonly costNanoUsd: number } {
  let [tokens, costNanoUsd] = [0, 0];
  for (const entry of exchange.attempts) {
    if (!entry.reachedUpstream) continue;
    const { usage, cost } = rateAttempt(exchange, entry);
    tokens += (inputTotal(usage) ?? 0) + (usage.output ?? 0);
    costNanoUsd += cost.nanoUsd ?? 0;
  }
  return { tokens, costNanoUsd };
}

interface Rated {
  readonly usage: Usage;
  readonly cost: Cost;
}

function rateAttempt(exchange: Exchange, entry: Attempt): Rated {
  const usage = usageOf(exchange, entry);
  return { usage, cost: price(exchange, entry, usage) };
}

function book(world: World, exchange: Exchange, entry: Attempt, { usage, cost }: Rated): UsageRecord {
  return {
    ...common(exchange, usage),
    kind: "attempt",
    id: `${exchange.id}.${entry.number}`,
    target: entry.target.id,
    provider: entry.target.connector.name,
    ...(entry.servedModel !== undefined && { servedModel: entry.servedModel }),
    ...(entry.protocolOut && { protocolOut: entry.protocolOut }),
    outcome: attemptOutcome(entry.failure),
    status: entry.status,
    ...(entry.failure && { errorKind: entry.failure.kind }),
    ...(cost.nanoUsd !== undefined && { costNanoUsd: cost.nanoUsd }),
    costSource: cost.source,
    ...(cost.version !== undefined && { priceVersion: cost.version }),
    ...(entry.firstTokenMs !== undefined && { firstTokenMs: entry.firstTokenMs }),
    totalMs: entry.totalMs ?? world.clock.monotonicMs() - entry.startedMs,
    attempts: entry.number,
  };
}

function attemptOutcome(failure: Failure | undefined): Outcome {
  if (!failure) return "ok";
  return failure.kind === "cancelled" ? "client_cancelled" : "failed";
}

function requestRecord(
  world: World,
  exchange: Exchange,
  ending: Ending,
  attempts: readonly UsageRecord[],
): UsageRecord {
  const last = attempts.at(-1);
  const tags = readTags(exchange.inbound.request.headers.get("x-xjp-tags"));
  return {
    ...common(exchange, sumUsage(attempts)),
    kind: "request",
    id: exchange.id,
    ...(last?.target !== undefined && { target: last.target }),
    ...(last?.provider !== undefined && { provider: last.provider }),
    ...(last?.servedModel !== undefined && { servedModel: last.servedModel }),
    ...(last?.protocolOut && { protocolOut: last.protocolOut }),
    outcome: ending.outcome,
    status: ending.status,
    ...(ending.failure && { errorKind: ending.failure.kind }),
    ...sumCost(attempts),
    ...(exchange.firstTokenMs !== undefined && { firstTokenMs: exchange.firstTokenMs }),
    totalMs: world.clock.monotonicMs() - exchange.startedMs,
    attempts: exchange.attempts.length,
    ...(tags && { tags }),
    ...(exchange.dropped.length > 0 && { dropped: exchange.dropped }),
  };
}

function common(exchange: Exchange, usage: Usage) {
  return {
    requestId: exchange.id,
    tenantId: exchange.caller?.tenantId ?? "",
    keyId: exchange.caller?.keyId ?? "",
    logicalModel: exchange.route?.logicalModel ?? "",
    protocolIn: exchange.protocolName,
    isStream: exchange.chat?.stream ?? false,
    usage,
    createdAtMs: exchange.createdAtMs,
  };
}

/** As reported; where an answer was cut before its report, what was delivered, marked as an estimate. */
function usageOf(exchange: Exchange, entry: Attempt): Usage {
  const reported = entry.usage ?? {};
  if (entry.status === 0 && entry.outputBytes === 0) return reported;
  if (entry.status >= 300) return reported;
  const isCut = entry.failure !== undefined;
  const estimatedOutput = Math.ceil(entry.outputBytes / BYTES_PER_TOKEN);
  const hasOutput = reported.output !== undefined && (!isCut || reported.output >= estimatedOutput);
  const hasInput = inputTotal(reported) !== undefined;
  if (hasOutput && hasInput) return reported;
  return {
    ...reported,
    ...(!hasInput && { input: estimateInput(exchange) }),
    ...(!hasOutput && { output: estimatedOutput }),
    estimated: true,
  };
}

function estimateInput({ chat, text }: Exchange): number {
  return chat ? estimateTokens(chat) : Math.ceil(Buffer.byteLength(text) / BYTES_PER_TOKEN);
}

interface Cost {
  readonly nanoUsd?: number;
  readonly source: CostSource;
  readonly version?: string;
}

function price(exchange: Exchange, entry: Attempt, usage: Usage): Cost {
  // An error answer generated nothing; neither did a connection that never stood.
  if (usage.output === undefined && inputTotal(usage) === undefined && entry.failure)
    return { nanoUsd: 0, source: "none" };
  const cost = exchange.settings.prices.cost(usage, {
    ...saleOf(entry.target, exchange),
    ...(entry.servedModel !== undefined && { servedModel: entry.servedModel }),
  });
  return cost.source !== "unknown" && usage.estimated === true ? { ...cost, source: "estimated" } : cost;
}

function modelLabel({ route }: Exchange): string {
  if (!route) return "";
  return route.isListed ? route.logicalModel : "unlisted";
}

/** A request costs what its attempts cost; one unknown part makes the whole unknown. */
function sumCost(
  attempts: readonly UsageRecord[],
): Pick<UsageRecord, "costNanoUsd" | "costSource" | "priceVersion"> {
  if (attempts.length === 0) return { costNanoUsd: 0, costSource: "none" };
  const unknown = attempts.find((record) => record.costNanoUsd === undefined);
  if (unknown) return { costSource: "unknown" };
  const told = attempts.findLast((record) => record.costSource !== "none") ?? attempts[0];
  return {
    costNanoUsd: atMost(attempts.reduce((sum, record) => sum + (record.costNanoUsd ?? 0), 0)),
    costSource: told?.costSource ?? "none",
    ...(told?.priceVersion !== undefined && { priceVersion: told.priceVersion }),
  };
}

function sumUsage(attempts: readonly UsageRecord[]): Usage {
  const [first] = attempts;
  if (first && attempts.length === 1) return first.usage;
  const total: Counts = {};
  for (const { usage } of attempts) {
    for (const name of countFields) {
      const value = usage[name];
      if (value !== undefined) total[name] = atMost((total[name] ?? 0) + value);
    }
  }
  const serviceTier = attempts.at(-1)?.usage.serviceTier;
  const isEstimated = attempts.some((record) => record.usage.estimated === true);
  return {
    ...total,
    ...(serviceTier !== undefined && { serviceTier }),
    ...(isEstimated && { estimated: true }),
  };
}

/** What the ledger's columns hold exactly: counter and row must agree even on absurd numbers. */
function atMost(sum: number): number {
  return Math.min(sum, Number.MAX_SAFE_INTEGER);
}

const TAGS_MAX = 16;
const TAG_CHARS_MAX = 128;

/** `x-xjp-tags: a=b,c=d`, bounded: a header must not grow the table without end. */
function readTags(text: string | null): Readonly<Record<string, string>> | undefined {
  if (text === null || text === "") return undefined;
  const pairs = text
    .split(",")
    .slice(0, TAGS_MAX)
    .map((pair) => pair.split("=", 2).map((side) => side.trim().slice(0, TAG_CHARS_MAX)))
    .filter(([name]) => name !== undefined && name !== "")
    .map(([name = "", value = ""]) => [name, value] as const);
  return pairs.length === 0 ? undefined : Object.fromEntries(pairs);
}
