/**
 * What a request costs, exactly. Prices are integers of pico-USD, the sum is rounded once, half up, to nano-USD.
 * The order of trust: the operator's config, the price table, what the upstream itself reports; else unknown, which
 * is never 0: usage that was not reported has no cost either.
 */
import { RecentMap } from "#store/recent-map.ts";
import type { CostSource } from "#model/usage-record.ts";
import type { Usage } from "#model/usage.ts";
import { toRates, type PriceOverride } from "./price-override.ts";
import { createPriceTable, PRICE_TABLE_VERSION, REMEMBERED_MAX, type Sale } from "./price-table.ts";
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
  const configured = new Overrides(overrides);
  const table = createPriceTable();
  return {
    cost(usage, sale) {
      const override = configured.find(sale);
      const rates = override ?? table.find(sale);
      const sum = rates && rate(usage, rates);
      if (sum === undefined) return reported(usage);
      const isExact = usage.estimated !== true && !sum.isEstimated;
      return {
        nanoUsd: sum.nanoUsd,
        source: isExact ? (override ? "config" : "price_table") : "estimated",
        version: override ? "config" : PRICE_TABLE_VERSION,
      };
    },
    worstCase(request, sale) {
      const rates = configured.find(sale) ?? table.find(sale);
      return rates && worstRate(request, rates);
    },
  };
}

/** The operator's own prices. */
class Overrides {
  readonly #byName: ReadonlyMap<string, Rates>;
  /** By connector, then by model, so that no request has to put the two names together. */
  readonly #found = new Map<string, RecentMap<string, Found>>();

  constructor(overrides: Readonly<Record<string, PriceOverride>>) {
    this.#byName = new Map(Object.entries(overrides).map(([name, price]) => [name, toRates(price)]));
  }

  /** The operator names what they configured; what answered comes second, for connectors that choose themselves. */
  find({ provider, model, servedModel }: Sale): Rates | undefined {
    if (this.#byName.size === 0) return undefined;
    const asked = this.#of(provider, model);
    return asked === undefined && servedModel !== undefined ? this.#of(provider, servedModel) : asked;
  }

  #of(provider: string, model: string): Rates | undefined {
    let found = this.#found.get(provider);
    if (!found) this.#found.set(provider, (found = new RecentMap(REMEMBERED_MAX)));
    let known = found.get(model);
    if (!known) {
      known = { rates: this.#byName.get(`${provider}/${model}`) ?? this.#byName.get(model) };
      found.set(model, known);
    }
    return known.rates;
  }
}

interface Found {
  readonly rates: Rates | undefined;
}

function reported(usage: Usage): Cost {
  if (usage.costReportedNanoUsd === undefined) return { source: "unknown" };
  return { nanoUsd: Math.round(usage.costReportedNanoUsd), source: "upstream" };
}
