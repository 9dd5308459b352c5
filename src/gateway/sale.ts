/** What the price book needs to know of a target. */
import type { Target } from "#connectors/connector.ts";
import type { Mutable } from "#lib/mutable.ts";
import type { Sale } from "#ledger/price.ts";
import type { Exchange } from "./exchange.ts";

export function saleOf(
  { connector, model }: Target,
  exchange: Pick<Exchange, "createdAtMs">,
  servedModel?: string,
): Sale {
  const sale: Mutable<Sale> = {
    provider: connector.name,
    connectorType: connector.type,
    model,
    atMs: exchange.createdAtMs,
  };
  if (connector.baseUrl !== undefined) sale.baseUrl = connector.baseUrl;
  if (servedModel !== undefined) sale.servedModel = servedModel;
  return sale;
}
