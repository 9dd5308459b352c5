/**
 * What a request costs, exactly. Prices are integers of pico-USD, the sum is rounded once, half up, to nano-USD.
 * The order of trust: the operator's config, the price table, what the upstream itself reports; else unknown, which
 * is never 0: usage that was not reported has no cost either.
 */
import type { CostSource } from "#model/usage-record.ts";
import type { Usage } from "#model/usage.ts";
import { toRates, type PriceOverride } from "./price-override.ts";
import { createPriceTable, PRICE_TABLE_VERSION, type Sale } from "./price-table.ts";
import { rate, worstRate, type Rates, type WorstRequest } from "./rates.ts";

export type { Sale } from "./price-table.ts";
export type { WorstRequest } from "./rates.ts";

export interface PriceBook {
  cost(usage: Usage, sale: Sale): Cost;
  /** No less than the request can cost at this target, in nano-USD; undefined where no price is known. */
  worstCase(request: WorstRequest, sale: Sale): number | undefined;
}

export type Cost =
  | { readonly source: "unknown" }
  | {
      readonly source: Exclude<CostSource, "unknown">;
      readonly nanoUsd: number;
      /** `config`, `genai-prices@0.1.8`; absent for what the upstream reported. */
      readonly version?: string;
    };

export interface PriceBookOptions {
  /** Keyed by `connector/model`, or by model alone for every connector. */
  readonly overrides?: Readonly<Record<string, PriceOverride>>;
}

export function createPriceBook({ overrides = {} }: PriceBookOptions = {}): PriceBook {
  const configured = new Map(Object.entries(overrides).map(([name, price]) => [name, toRates(price)]));
  const table = createPriceTable();

  const find = (sale: Sale): Priced | undefined => {
    for (const name of namesOf(sale)) {
      const rates = configured.get(name);
      if (rates !== undefined) return { rates, source: "config", version: "config" };
    }
    const rates = table.find(sale);
    return rates && { rates, source: "price_table", version: PRICE_TABLE_VERSION };
  };

  return {
    cost(usage, sale) {
      const priced = find(sale);
      const sum = priced && rate(usage, priced.rates);
      if (priced === undefined || sum === undefined) return reported(usage);
      const isExact = usage.estimated !== true && !sum.isEstimated;
      return { nanoUsd: sum.nanoUsd, source: isExact ? priced.source : "estimated", version: priced.version };
    },
    worstCase(request, sale) {
      const priced = find(sale);
      return priced && worstRate(request, priced.rates);
    },
  };
}

interface Priced {
  readonly rates: Rates;
  readonly source: "config" | "price_table";
  readonly version: string;
}

/** The operator names what they configured; what answered comes second, for connectors that choose themselves. */
function namesOf({ provider, model, servedModel }: Sale): readonly string[] {
  const names = [`${provider}/${model}`, model];
  return servedModel === undefined ? names : [...names, `${provider}/${servedModel}`, servedModel];
}

function reported(usage: Usage): Cost {
  if (usage.costReportedNanoUsd === undefined) return { source: "unknown" };
  return { nanoUsd: Math.round(usage.costReportedNanoUsd), source: "upstream" };
}
