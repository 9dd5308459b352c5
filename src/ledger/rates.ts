/**
 * Which tokens are paid at which price. The sum of all buckets is exact (cost-sum.ts) and rounded once, half up, to
 * nano-USD.
 *
 * - Every token is in exactly one bucket: the parts of input and output that have a price of their own (audio,
 *   images, reasoning) are taken out of the rest; those without stay in it.
 * - A long prompt reprices the whole request: the tier is chosen by all prompt tokens, cached ones included.
 */
import { inputTotal, type Usage } from "#model/usage.ts";
import { CostSum, toPrice, type Factor, type Price } from "./cost-sum.ts";

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

/** A tier holds for prompts longer than its start; the last that fits counts. */
export interface Rate {
  readonly base: Price;
  readonly tiers: readonly { readonly start: number; readonly price: Price }[];
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

/** Anthropic's ratio of an hour-long cache write to plain input; nobody else sells them. */
const CACHE_1H_FACTOR = 2n;

/** Undefined where the usage was not reported, or a bucket that holds tokens has no price. */
export function rate(usage: Usage, rates: Rates): Sum | undefined {
  const prompt = inputTotal(usage);
  if (prompt === undefined && usage.output === undefined) return undefined;
  const bill = new Bill(prompt ?? 0);
  if (rates.request !== undefined) bill.sum.addEach(1, rates.request);
  if (rates.webSearch !== undefined) bill.sum.addEach(toCount(usage.webSearches ?? 0), rates.webSearch);
  addInput(bill, usage, rates);
  addOutput(bill, usage, rates);
  if (!bill.isPriced) return undefined;
  const factor = tierFactor(usage.serviceTier);
  return { nanoUsd: bill.sum.total(factor, "half_up"), isEstimated: factor !== STANDARD };
}

/**
 * All prompt tokens in the dearest input bucket, all output in the dearest output bucket, at the dearest tier within
 * reach, rounded up. Hosted web searches are not in it: nobody can say beforehand how many there will be.
 */
export function worstRate(request: WorstRequest, rates: Rates): number | undefined {
  const { input, output } = rates;
  if (input === undefined || (output === undefined && request.outputTokensMax > 0)) return undefined;
  const dearest = dearestOf(rates);
  const sum = new CostSum();
  sum.addTokens(Math.ceil(request.inputTokens), priceAt(dearest.input, request.inputTokens));
  sum.addTokens(Math.ceil(request.outputTokensMax), priceAt(dearest.output, request.inputTokens));
  if (rates.request !== undefined) sum.addEach(1, rates.request);
  // A cheaper tier is a wish: a provider may serve the standard one, at its price.
  const asked = tierFactor(request.serviceTier);
  return sum.total(asked === CHEAP ? STANDARD : asked, "up");
}

/** A request's cost as it is added up, bucket by bucket. */
class Bill {
  readonly sum = new CostSum();
  /** False once a bucket that holds tokens has no price. */
  isPriced = true;
  readonly #promptTokens: number;

  constructor(promptTokens: number) {
    this.#promptTokens = promptTokens;
  }

  add(tokens: number, price: Rate | undefined): void {
    if (tokens <= 0) return;
    if (price === undefined) this.isPriced = false;
    else this.sum.addTokens(toCount(tokens), priceAt(price, this.#promptTokens));
  }

  /** Takes a part that has its own price out of a total, never more than there is. Gives what is left. */
  takeOut(total: number, tokens: number | undefined, price: Rate | undefined): number {
    if (tokens === undefined || price === undefined) return total;
    const part = Math.min(tokens, total);
    this.add(part, price);
    return total - part;
  }
}

function addInput(bill: Bill, usage: Usage, rates: Rates): void {
  let plain = bill.takeOut(usage.input ?? 0, usage.audioInput, rates.audioInput);
  plain = bill.takeOut(plain, usage.imageInput, rates.imageInput);
  bill.add(plain, rates.input);
  bill.add(usage.cacheRead ?? 0, rates.cacheRead ?? rates.input);
  const written = usage.cacheWrite ?? 0;
  if (written <= 0) return;
  const write1h = Math.min(usage.cacheWrite1h ?? 0, written);
  bill.add(written - write1h, rates.cacheWrite ?? rates.input);
  bill.add(write1h, hourRate(rates));
}

function addOutput(bill: Bill, usage: Usage, rates: Rates): void {
  let plain = bill.takeOut(usage.output ?? 0, usage.reasoning, rates.reasoning);
  plain = bill.takeOut(plain, usage.audioOutput, rates.audioOutput);
  plain = bill.takeOut(plain, usage.imageOutput, rates.imageOutput);
  bill.add(plain, rates.output);
}

/** A table that prices cache writes but not hour-long ones leaves them out; they are never the cheaper kind. */
function hourRate({ input, cacheWrite, cacheWrite1h }: Rates): Rate | undefined {
  if (cacheWrite1h !== undefined || cacheWrite === undefined || input === undefined)
    return cacheWrite1h ?? input;
  return {
    base: hourPrice(input.base),
    tiers: input.tiers.map((tier) => ({ start: tier.start, price: hourPrice(tier.price) })),
  };
}

function hourPrice({ pico }: Price): Price {
  return toPrice(pico * CACHE_1H_FACTOR);
}

function priceAt(price: Rate, promptTokens: number): Price {
  let current = price.base;
  for (const tier of price.tiers) if (promptTokens > tier.start) current = tier.price;
  return current;
}

interface Dearest {
  readonly input: Rate;
  readonly output: Rate;
}

/** Rates live as long as their configuration, and every request asks for the dearest of them. */
const dearestByRates = new WeakMap<Rates, Dearest>();

function dearestOf(rates: Rates): Dearest {
  const known = dearestByRates.get(rates);
  if (known) return known;
  const { input, cacheRead, cacheWrite, audioInput, imageInput } = rates;
  const dearest = {
    input: ceilingOf([input, cacheRead, cacheWrite, hourRate(rates), audioInput, imageInput]),
    output: ceilingOf([rates.output, rates.reasoning, rates.audioOutput, rates.imageOutput]),
  };
  dearestByRates.set(rates, dearest);
  return dearest;
}

/** One rate that is, for every prompt, the highest of these at any tier the prompt could reach. */
function ceilingOf(prices: readonly (Rate | undefined)[]): Rate {
  const known = prices.filter((price) => price !== undefined);
  const base = highest(known.map((price) => price.base));
  const steps = known.flatMap((price) => price.tiers);
  const tiers = steps
    .toSorted((left, right) => left.start - right.start)
    .map(({ start }) => {
      const reached = steps.filter((step) => step.start <= start).map((step) => step.price);
      return { start, price: highest([base, ...reached]) };
    });
  return { base, tiers };
}

function highest(prices: readonly Price[]): Price {
  return prices.reduce((most, price) => (price.pico > most.pico ? price : most), toPrice(0n));
}

/** Counts come from upstreams: a fraction or a negative number must not cost the row. */
function toCount(reported: number): number {
  return Math.max(0, Math.ceil(reported));
}

const STANDARD: Factor = { numerator: 1, denominator: 1 };
const CHEAP: Factor = { numerator: 1, denominator: 2 };
const DEAR: Factor = { numerator: 2, denominator: 1 };

/** Tables list the standard tier. OpenAI and Google sell batch and flex at half of it and priority at about twice. */
function tierFactor(serviceTier: string | undefined): Factor {
  if (serviceTier === undefined) return STANDARD;
  const tier = serviceTier.toLowerCase();
  if (tier === "flex" || tier === "batch") return CHEAP;
  return tier === "priority" ? DEAR : STANDARD;
}
