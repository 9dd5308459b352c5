/**
 * Step 11: books the request, once. Journal first, so that what a client saw complete is never lost; then the hold
 * goes back, then metrics and the log line.
 */
import type { Failure } from "#model/failure.ts";
import type { CostSource, Outcome, UsageRecord } from "#model/usage-record.ts";
import { inputTotal, type Usage } from "#model/usage.ts";
import type { Attempt, Exchange } from "./exchange.ts";
import { saleOf } from "./sale.ts";
import type { World } from "./world.ts";

export interface Ending {
  readonly outcome: Outcome;
  /** What the client got, or would have got. */
  readonly status: number;
  readonly failure?: Failure;
}

/** Characters per token where nobody counted: an estimate, and marked as one. */
const CHARS_PER_TOKEN = 4;

/**
 * Gives the request's record, or undefined where it was booked before. Throws `unavailable` where the journal cannot
 * be written: an answer without its record must not look complete.
 */
export function settle(world: World, exchange: Exchange, ending: Ending): UsageRecord | undefined {
  if (exchange.isSettled) return undefined;
  exchange.isSettled = true;
  const booked = exchange.attempts
    .filter((entry) => entry.reachedUpstream)
    .map((entry) => book(world, exchange, entry));
  const request = requestRecord(world, exchange, ending, booked);
  try {
    if (exchange.admission) world.journal.settle([...booked, request]);
    // Refused before any upstream: it counts for nothing, now as after a restart.
    if (ending.outcome === "refused" && booked.length === 0) exchange.admission?.refund();
    exchange.admission?.settle(
      {
        ...(request.usage.output !== undefined && {
          tokens: (inputTotal(request.usage) ?? 0) + request.usage.output,
        }),
        ...(request.costNanoUsd !== undefined && { costNanoUsd: request.costNanoUsd }),
      },
      world.clock.nowMs(),
    );
    return request;
  } finally {
    exchange.admission?.[Symbol.dispose]();
    world.telemetry.requestEnded(request, {
      attempts: booked,
      overheadMs: Math.max(0, request.totalMs - exchange.upstreamMs),
      keyPrefix: exchange.caller?.keyPrefix,
      failure: ending.failure,
      modelLabel: modelLabel(exchange),
    });
  }
}

/** What the attempts so far will be booked at. An unknown cost counts as nothing, as it does in the ledger. */
export function owedSoFar(exchange: Exchange): { readonly tokens: number; readonly costNanoUsd: number } {
  let [tokens, costNanoUsd] = [0, 0];
  for (const entry of exchange.attempts) {
    if (!entry.reachedUpstream) continue;
    const usage = usageOf(exchange, entry);
    tokens += (inputTotal(usage) ?? 0) + (usage.output ?? 0);
    costNanoUsd += price(exchange, entry, usage).nanoUsd ?? 0;
  }
  return { tokens, costNanoUsd };
}

function book(world: World, exchange: Exchange, entry: Attempt): UsageRecord {
  const usage = usageOf(exchange, entry);
  const cost = price(exchange, entry, usage);
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
  if (entry.status === 0 && entry.outputChars === 0) return reported;
  if (entry.status >= 300) return reported;
  const isCut = entry.failure !== undefined;
  const estimatedOutput = Math.ceil(entry.outputChars / CHARS_PER_TOKEN);
  const hasOutput = reported.output !== undefined && (!isCut || reported.output >= estimatedOutput);
  const hasInput = inputTotal(reported) !== undefined;
  if (hasOutput && hasInput) return reported;
  return {
    ...reported,
    ...(!hasInput && { input: Math.ceil(exchange.text.length / CHARS_PER_TOKEN) }),
    ...(!hasOutput && { output: estimatedOutput }),
    estimated: true,
  };
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
    costNanoUsd: attempts.reduce((sum, record) => sum + (record.costNanoUsd ?? 0), 0),
    costSource: told?.costSource ?? "none",
    ...(told?.priceVersion !== undefined && { priceVersion: told.priceVersion }),
  };
}

const summed = [
  "input",
  "cacheRead",
  "cacheWrite",
  "cacheWrite1h",
  "output",
  "reasoning",
  "audioInput",
  "audioOutput",
  "imageInput",
  "imageOutput",
  "toolPrompt",
  "predictionAccepted",
  "predictionRejected",
  "webSearches",
  "costReportedNanoUsd",
] as const satisfies readonly (keyof Usage)[];

function sumUsage(attempts: readonly UsageRecord[]): Usage {
  const [first] = attempts;
  if (first && attempts.length === 1) return first.usage;
  const total: { -readonly [Name in (typeof summed)[number]]?: number } = {};
  for (const { usage } of attempts) {
    for (const name of summed) {
      const value = usage[name];
      if (value !== undefined) total[name] = (total[name] ?? 0) + value;
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
