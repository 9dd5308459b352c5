/** What the price book needs to know of a target. */
import type { Target } from "#connectors/connector.ts";
import type { Sale } from "#ledger/price.ts";
import type { Exchange } from "./exchange.ts";

export function saleOf({ connector, model }: Target, exchange: Pick<Exchange, "createdAtMs">): Sale {
  return {
    provider: connector.name,
    connectorType: connector.type,
    model,
    ...(connector.baseUrl !== undefined && { baseUrl: connector.baseUrl }),
    atMs: exchange.createdAtMs,
  };
}
