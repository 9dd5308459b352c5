/**
 * Tokens times prices, in integers. A price is pico-USD (1e-12) per million tokens; a bucket's cost in pico-USD
 * times a million is `tokens * price`; the buckets' sum is divided once, half up, into nano-USD.
 *
 * - Every token is in exactly one bucket: the parts of input and output that have a price of their own (audio,
 *   images, reasoning) are taken out of the rest; those without stay in it.
 * - A long prompt reprices the whole request: the tier is chosen by all prompt tokens, cached ones included.
 */
import { inputTotal, type Usage } from "#model/usage.ts";

export interface Rates {
  readonly input?: Rate;
  readonly cacheRead?: Rate;
  readonly cacheWrite?: Rate;
  readonly cacheWrite1h?: Rate;
  readonly audioInput?: Rate;
  readonly imageInput?: Rate;
  readonly output?: Rate;
  readonly reasoning?: Rate;
  readonly audioOutput?: Rate;
  readonly imageOutput?: Rate;
  /** Pico-USD each. */
  readonly webSearch?: bigint;
  readonly request?: bigint;
}

/** Pico-USD per million tokens. A tier holds for prompts longer than its start; the last that fits counts. */
export interface Rate {
  readonly base: bigint;
  readonly tiers: readonly { readonly start: number; readonly price: bigint }[];
}

export interface WorstRequest {
  /** Upper bound of the prompt's tokens. */
  readonly inputTokens: number;
  readonly outputTokensMax: number;
  /** As asked by the caller. */
  readonly serviceTier?: string;
}

export interface Sum {
  readonly nanoUsd: number;
  /** The provider's tier is not the one these prices are for; a customary factor was applied. */
  readonly isEstimated: boolean;
}

const MILLION = 1_000_000n;
const PICO_PER_NANO = 1_000n;
/** Anthropic's ratio of an hour-long cache write to plain input; nobody else sells them. */
const CACHE_1H_FACTOR = 2n;

/** Dollars to pico-USD, exactly to the twelfth decimal. Throws RangeError for what is no price. */
export function toPico(usd: number): bigint {
  if (!Number.isFinite(usd) || usd < 0) throw new RangeError(`not a price in USD: ${usd}`);
  return BigInt(usd.toFixed(12).replace(".", ""));
}

/** Undefined where the usage was not reported, or a bucket that holds tokens has no price. */
export function rate(usage: Usage, rates: Rates): Sum | undefined {
  const prompt = inputTotal(usage);
  if (prompt === undefined && usage.output === undefined) return undefined;
  const buckets = [...inputBuckets(usage, rates), ...outputBuckets(usage, rates)];
  let millionths =
    ((rates.request ?? 0n) + toCount(usage.webSearches ?? 0) * (rates.webSearch ?? 0n)) * MILLION;
  for (const { tokens, price } of buckets) {
    if (tokens <= 0) continue;
    if (price === undefined) return undefined;
    millionths += toCount(tokens) * priceAt(price, prompt ?? 0);
  }
  const { numerator, denominator, isStandard } = tierFactor(usage.serviceTier);
  const nanoUsd = divideHalfUp(millionths * numerator, MILLION * PICO_PER_NANO * denominator);
  return { nanoUsd: Number(nanoUsd), isEstimated: !isStandard };
}

/**
 * All prompt tokens in the dearest input bucket, all output in the dearest output bucket, at the dearest tier within
 * reach, rounded up. Hosted web searches are not in it: nobody can say beforehand how many there will be.
 */
export function worstRate(request: WorstRequest, rates: Rates): number | undefined {
  const { input, output } = rates;
  if (input === undefined || (output === undefined && request.outputTokensMax > 0)) return undefined;
  const inputs = [
    input,
    rates.cacheRead,
    rates.cacheWrite,
    hourRate(rates),
    rates.audioInput,
    rates.imageInput,
  ];
  const inputPrice = dearest(inputs, request);
  const outputPrice = dearest([output, rates.reasoning, rates.audioOutput, rates.imageOutput], request);
  const millionths =
    BigInt(Math.ceil(request.inputTokens)) * inputPrice +
    BigInt(Math.ceil(request.outputTokensMax)) * outputPrice +
    (rates.request ?? 0n) * MILLION;
  // A cheaper tier is a wish: a provider may serve the standard one, at its price.
  const asked = tierFactor(request.serviceTier);
  const { numerator, denominator } = asked.numerator < asked.denominator ? STANDARD : asked;
  const divisor = MILLION * PICO_PER_NANO * denominator;
  return Number((millionths * numerator + divisor - 1n) / divisor);
}

interface Bucket {
  readonly tokens: number;
  readonly price: Rate | undefined;
}

function inputBuckets(usage: Usage, rates: Rates): readonly Bucket[] {
  const write1h = Math.min(usage.cacheWrite1h ?? 0, usage.cacheWrite ?? 0);
  return [
    ...split(usage.input ?? 0, rates.input, [
      { tokens: usage.audioInput ?? 0, price: rates.audioInput },
      { tokens: usage.imageInput ?? 0, price: rates.imageInput },
    ]),
    { tokens: usage.cacheRead ?? 0, price: rates.cacheRead ?? rates.input },
    { tokens: (usage.cacheWrite ?? 0) - write1h, price: rates.cacheWrite ?? rates.input },
    { tokens: write1h, price: hourRate(rates) },
  ];
}

function outputBuckets(usage: Usage, rates: Rates): readonly Bucket[] {
  return split(usage.output ?? 0, rates.output, [
    { tokens: usage.reasoning ?? 0, price: rates.reasoning },
    { tokens: usage.audioOutput ?? 0, price: rates.audioOutput },
    { tokens: usage.imageOutput ?? 0, price: rates.imageOutput },
  ]);
}

/** Takes the parts that have their own price out of a total, never more than there is. */
function split(total: number, price: Rate | undefined, parts: readonly Bucket[]): readonly Bucket[] {
  const buckets: Bucket[] = [];
  let rest = total;
  for (const part of parts) {
    if (part.price === undefined) continue;
    const tokens = Math.min(part.tokens, rest);
    buckets.push({ tokens, price: part.price });
    rest -= tokens;
  }
  return [...buckets, { tokens: rest, price }];
}

/** A table that prices cache writes but not hour-long ones leaves them out; they are never the cheaper kind. */
function hourRate({ input, cacheWrite, cacheWrite1h }: Rates): Rate | undefined {
  if (cacheWrite1h !== undefined || cacheWrite === undefined || input === undefined)
    return cacheWrite1h ?? input;
  return {
    base: input.base * CACHE_1H_FACTOR,
    tiers: input.tiers.map((tier) => ({ start: tier.start, price: tier.price * CACHE_1H_FACTOR })),
  };
}

function priceAt(price: Rate, promptTokens: number): bigint {
  let current = price.base;
  for (const tier of price.tiers) if (promptTokens > tier.start) current = tier.price;
  return current;
}

/** The highest of the prices at any tier the prompt could reach. */
function dearest(prices: readonly (Rate | undefined)[], { inputTokens }: WorstRequest): bigint {
  let highest = 0n;
  for (const price of prices) {
    if (price === undefined) continue;
    const reachable = price.tiers.filter((tier) => inputTokens > tier.start).map((tier) => tier.price);
    for (const candidate of [price.base, ...reachable]) if (candidate > highest) highest = candidate;
  }
  return highest;
}

/** Counts come from upstreams: a fraction or a negative number must not cost the row. */
function toCount(reported: number): bigint {
  return BigInt(Math.max(0, Math.ceil(reported)));
}

interface TierFactor {
  readonly numerator: bigint;
  readonly denominator: bigint;
  readonly isStandard: boolean;
}

const STANDARD: TierFactor = { numerator: 1n, denominator: 1n, isStandard: true };

/** Tables list the standard tier. OpenAI and Google sell batch and flex at half of it and priority at about twice. */
function tierFactor(serviceTier: string | undefined): TierFactor {
  const tier = serviceTier?.toLowerCase();
  if (tier === "flex" || tier === "batch") return { numerator: 1n, denominator: 2n, isStandard: false };
  if (tier === "priority") return { numerator: 2n, denominator: 1n, isStandard: false };
  return STANDARD;
}

function divideHalfUp(value: bigint, divisor: bigint): bigint {
  return (value * 2n + divisor) / (divisor * 2n);
}
