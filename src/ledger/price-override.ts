/** Prices an operator writes into config, in dollars per million tokens. */
import { toPico, usdPrice } from "./cost-sum.ts";
import type { Rate, Rates } from "./rates.ts";

export interface PriceOverride {
  readonly input_usd_per_mtok: number;
  readonly output_usd_per_mtok: number;
  /** Absent: the input's price. */
  readonly cache_read_usd_per_mtok?: number | undefined;
  /** Absent: the input's price. */
  readonly cache_write_usd_per_mtok?: number | undefined;
  /** Absent: twice the input's price where cache writes have one (the usual ratio), else the input's price. */
  readonly cache_write_1h_usd_per_mtok?: number | undefined;
  /** Per request, beside the tokens. */
  readonly request_usd?: number | undefined;
}

export function toRates(price: PriceOverride): Rates {
  const { cache_read_usd_per_mtok, cache_write_usd_per_mtok, cache_write_1h_usd_per_mtok, request_usd } =
    price;
  return {
    input: flat(price.input_usd_per_mtok),
    output: flat(price.output_usd_per_mtok),
    ...(cache_read_usd_per_mtok !== undefined && { cacheRead: flat(cache_read_usd_per_mtok) }),
    ...(cache_write_usd_per_mtok !== undefined && { cacheWrite: flat(cache_write_usd_per_mtok) }),
    ...(cache_write_1h_usd_per_mtok !== undefined && { cacheWrite1h: flat(cache_write_1h_usd_per_mtok) }),
    ...(request_usd !== undefined && { request: toPico(request_usd) }),
  };
}

function flat(usdPerMtok: number): Rate {
  return { base: usdPrice(usdPerMtok), tiers: [] };
}
