/**
 * Step 11: books the request, once. Journal first, so that what a client saw complete is never lost; then the hold
 * goes back, then metrics and the log line.
 */
import type { Mutable } from "#lib/mutable.ts";
import type { Actual } from "#limits/admission.ts";
import { estimateTokens } from "#model/estimate-tokens.ts";
import { toFailure, type Failure } from "#model/failure.ts";
import type { CostSource, Outcome, UsageRecord } from "#model/usage-record.ts";
import { inputTotal, type Usage } from "#model/usage.ts";
import type { Attempt, Exchange } from "./exchange.ts";
import { costOfParts } from "./cost-of-parts.ts";
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
  const attempts: UsageRecord[] = [];
  for (const entry of exchange.attempts) {
    if (entry.reachedUpstream) attempts.push(book(world, exchange, entry, rate(exchange, entry)));
  }
  return { attempts, request: requestRecord(world, exchange, ending, attempts) };
}

function actualOf({ usage, costNanoUsd }: UsageRecord): Actual {
  const actual: Mutable<Actual> = {};
  if (usage.output !== undefined) actual.tokens = (inputTotal(usage) ?? 0) + usage.output;
  if (costNanoUsd !== undefined) actual.costNanoUsd = costNanoUsd;
  return actual;
}

function tell(world: World, exchange: Exchange, { attempts, request, bug }: Books, ending: Ending): void {
  world.telemetry.requestEnded(request, {
    attempts,
    overheadMs: Math.max(0, request.totalMs - upstreamMsOf(exchange)),
    keyPrefix: exchange.caller?.keyPrefix,
    failure: ending.failure ?? bug,
    modelLabel: modelLabel(exchange),
  });
}

/** All that was not the gateway's own time. */
function upstreamMsOf({ attempts, waitedMs }: Exchange): number {
  let sum = waitedMs;
  for (const entry of attempts) sum += entry.firstTokenMs ?? entry.totalMs ?? 0;
  return sum;
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

/** A record being filled in: two are made for every request, and fields set one by one are the cheap way. */
type Draft = Mutable<UsageRecord>;

function book(world: World, exchange: Exchange, entry: Attempt, { usage, cost }: Rated): UsageRecord {
  const record = draft(exchange, "attempt", `${exchange.id}.${entry.number}`);
  record.outcome = attemptOutcome(entry.failure);
  record.status = entry.status;
  record.usage = usage;
  record.costSource = cost.source;
  record.totalMs = rounded(entry.totalMs ?? world.clock.monotonicMs() - entry.startedMs);
  record.attempts = entry.number;
  record.target = entry.target.id;
  record.provider = entry.target.connector.name;
  if (entry.servedModel !== undefined) record.servedModel = entry.servedModel;
  if (entry.protocolOut) record.protocolOut = entry.protocolOut;
  if (entry.failure) record.errorKind = entry.failure.kind;
  if (cost.nanoUsd !== undefined) record.costNanoUsd = cost.nanoUsd;
  if (cost.version !== undefined) record.priceVersion = cost.version;
  if (entry.firstTokenMs !== undefined) record.firstTokenMs = rounded(entry.firstTokenMs);
  return record;
}

/** What a request's row and its attempts' have in common, and the fields every row has. */
function draft(exchange: Exchange, kind: UsageRecord["kind"], id: string): Draft {
  const { caller, route, chat } = exchange;
  return {
    kind,
    id,
    requestId: exchange.id,
    tenantId: caller?.tenantId ?? "",
    keyId: caller?.keyId ?? "",
    logicalModel: route?.logicalModel ?? "",
    protocolIn: exchange.protocolName,
    isStream: chat?.stream ?? false,
    createdAtMs: exchange.createdAtMs,
    outcome: "ok",
    status: 0,
    usage: NO_USAGE,
    costSource: "none",
    totalMs: 0,
    attempts: 0,
  };
}

const NO_USAGE: Usage = {};

/** To a hundredth: more digits of a millisecond are noise that would be written three times. */
function rounded(ms: number): number {
  return Math.round(ms * 100) / 100;
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
  const tags = readTags(exchange.headers.get("x-xjp-tags"));
  const record = draft(exchange, "request", exchange.id);
  record.outcome = ending.outcome;
  record.status = ending.status;
  record.usage = sumUsage(attempts);
  record.totalMs = rounded(world.clock.monotonicMs() - exchange.startedMs);
  record.attempts = exchange.attempts.length;
  addCost(record, attempts);
  if (last?.target !== undefined) record.target = last.target;
  if (last?.provider !== undefined) record.provider = last.provider;
  if (last?.servedModel !== undefined) record.servedModel = last.servedModel;
  if (last?.protocolOut) record.protocolOut = last.protocolOut;
  if (ending.failure) record.errorKind = ending.failure.kind;
  if (exchange.firstTokenMs !== undefined) record.firstTokenMs = rounded(exchange.firstTokenMs);
  if (tags) record.tags = tags;
  if (exchange.dropped.length > 0) record.dropped = exchange.dropped;
  return record;
}

/** As reported; where an answer was cut before its report, what was delivered, marked as an estimate. */
function usageOf(exchange: Exchange, entry: Attempt): Usage {
  const reported = entry.usage ?? NO_USAGE;
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
  const sale = saleOf(entry.target, exchange, entry.servedModel);
  const { prices } = exchange.settings;
  const cost: Cost =
    entry.earlierCalls.length === 0
      ? prices.cost(usage, sale)
      : costOfParts(usage, entry.earlierCalls, (call) => prices.cost(call, sale));
  return cost.source !== "unknown" && usage.estimated === true ? { ...cost, source: "estimated" } : cost;
}

function modelLabel({ route }: Exchange): string {
  if (!route) return "";
  return route.isListed ? route.logicalModel : "unlisted";
}

/** A request costs what its attempts cost; one unknown part makes the whole unknown. */
function addCost(record: Draft, attempts: readonly UsageRecord[]): void {
  if (attempts.length === 0) {
    record.costNanoUsd = 0;
    return;
  }
  let sum = 0;
  for (const { costNanoUsd } of attempts) {
    if (costNanoUsd === undefined) {
      record.costSource = "unknown";
      return;
    }
    sum += costNanoUsd;
  }
  const [first] = attempts;
  const told = attempts.length === 1 ? first : (attempts.findLast(isPaid) ?? first);
  record.costNanoUsd = atMost(sum);
  record.costSource = told?.costSource ?? "none";
  if (told?.priceVersion !== undefined) record.priceVersion = told.priceVersion;
}

function isPaid({ costSource }: UsageRecord): boolean {
  return costSource !== "none";
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
