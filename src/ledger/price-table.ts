/**
 * The bundled price table (`@pydantic/genai-prices`, offline) as integer rates. Only the library's lookup is used:
 * its sums are floating point.
 *
 * An upstream is priced by what it is, never by what its name resembles: a local server that serves something
 * called `gpt-4o` has no known price.
 */
import { calcPrice, findProvider, type ModelPrice, type Provider } from "@pydantic/genai-prices";
import { RecentMap } from "#store/recent-map.ts";
import project from "../../package.json" with { type: "json" };
import { toPico, usdPrice } from "./cost-sum.ts";
import type { Rate, Rates } from "./rates.ts";

export const PRICE_TABLE_VERSION = `genai-prices@${project.dependencies["@pydantic/genai-prices"]}`;

export interface PriceTable {
  find(sale: Sale): Rates | undefined;
}

/** What was bought, from whom and when. */
export interface Sale {
  /** The connector's name in config. */
  readonly provider: string;
  /** Its type: `anthropic`, `vertex`, `openai-compatible`, ... */
  readonly connectorType: string;
  /** As asked of the upstream. */
  readonly model: string;
  /** What the answer said served it. */
  readonly servedModel?: string;
  /** Tells which public provider an `openai-compatible` connector speaks to. */
  readonly baseUrl?: string;
  readonly atMs: number;
}

/** Connector types that are one public provider. Clewdr has no bill of its own: it is valued as what it saves. */
const PROVIDER_OF_TYPE: Readonly<Record<string, string>> = {
  anthropic: "anthropic",
  clewdr: "anthropic",
  openai: "openai",
  gemini: "google",
  vertex: "google",
  openrouter: "openrouter",
};

/** Models looked up are remembered; upstreams choose the names they answer with, so not for ever. */
export const REMEMBERED_MAX = 5_000;

export function createPriceTable(): PriceTable {
  /** By connector's name. */
  const sellers = new Map<string, Seller>();
  const sellerOf = (sale: Sale): Seller => {
    const known = sellers.get(sale.provider);
    if (known?.connectorType === sale.connectorType && known.baseUrl === sale.baseUrl) return known;
    const seller = new Seller(sale);
    sellers.set(sale.provider, seller);
    return seller;
  };
  return {
    find(sale) {
      const seller = sellerOf(sale);
      const { model, servedModel } = sale;
      // What served the request, unless that is only a shorter name of what was asked (`x:free` served as `x`).
      const isOther = servedModel !== undefined && !model.startsWith(servedModel);
      const served = isOther ? seller.list(servedModel) : UNLISTED;
      const listing = served === UNLISTED ? seller.list(model) : served;
      return listing(sale.atMs);
    },
  };
}

/** A model's rates at a time: some change on a date, some with the hour. */
type Listing = (atMs: number) => Rates | undefined;

const UNLISTED: Listing = () => undefined;

/** Whom a connector buys from. It keeps its type and place as long as the configuration lives. */
class Seller {
  readonly connectorType: string;
  readonly baseUrl: string | undefined;
  readonly #provider: Provider | undefined;
  readonly #listings = new RecentMap<string, Listing>(REMEMBERED_MAX);

  constructor(sale: Sale) {
    this.connectorType = sale.connectorType;
    this.baseUrl = sale.baseUrl;
    this.#provider = providerOf(sale);
  }

  list(model: string): Listing {
    if (this.#provider === undefined) return UNLISTED;
    const known = this.#listings.get(model);
    if (known) return known;
    const listing = lookUp(this.#provider, model) ?? UNLISTED;
    this.#listings.set(model, listing);
    return listing;
  }
}

function providerOf({ provider, connectorType, baseUrl }: Sale): Provider | undefined {
  const known = Object.hasOwn(PROVIDER_OF_TYPE, connectorType) ? PROVIDER_OF_TYPE[connectorType] : undefined;
  if (known !== undefined) return findProvider({ providerId: known });
  if (connectorType !== "openai-compatible") return undefined;
  if (baseUrl !== undefined) return findProvider({ providerApiUrl: baseUrl });
  const named = findProvider({ providerId: provider });
  return named?.id === provider ? named : undefined;
}

function lookUp(provider: Provider, model: string): Listing | undefined {
  const found = calcPrice({}, model, { provider });
  if (found === null) return undefined;
  const isFree = found.model.id.endsWith(":free");
  if (!Array.isArray(found.model.prices)) {
    const rates = toRates(found.model_price, isFree);
    return () => rates;
  }
  const alone = { ...provider, fallback_model_providers: [], models: [found.model] };
  const converted = new WeakMap<ModelPrice, { readonly rates: Rates | undefined }>();
  return (atMs) => {
    const at = calcPrice({}, model, { provider: alone, timestamp: new Date(atMs) });
    if (at === null) return undefined;
    const entry = converted.get(at.model_price) ?? { rates: toRates(at.model_price, isFree) };
    converted.set(at.model_price, entry);
    return entry.rates;
  };
}

/** The table writes both "free" and "we do not know" as no prices; only the name tells them apart. */
function toRates(price: ModelPrice, isFree: boolean): Rates | undefined {
  if (Object.keys(price).length === 0) return isFree ? FREE : undefined;
  const bucket = (name: string, field: keyof Rates) => {
    const rate = toRate(price[name]);
    return rate === undefined ? {} : { [field]: rate };
  };
  return {
    ...bucket("input_mtok", "input"),
    ...bucket("cache_read_mtok", "cacheRead"),
    ...bucket("cache_write_mtok", "cacheWrite"),
    ...bucket("cache_write_1h_mtok", "cacheWrite1h"),
    ...bucket("input_audio_mtok", "audioInput"),
    ...bucket("input_image_mtok", "imageInput"),
    ...bucket("output_mtok", "output"),
    ...bucket("output_reasoning_mtok", "reasoning"),
    ...bucket("output_audio_mtok", "audioOutput"),
    ...bucket("output_image_mtok", "imageOutput"),
    ...perThousand(price["web_searches_kcount"], "webSearch"),
    ...perThousand(price["requests_kcount"], "request"),
  };
}

const NOTHING: Rate = { base: usdPrice(0), tiers: [] };
const FREE: Rates = { input: NOTHING, output: NOTHING };

function toRate(price: ModelPrice[string]): Rate | undefined {
  if (price === undefined) return undefined;
  if (typeof price === "number") return { base: usdPrice(price), tiers: [] };
  const tiers = price.tiers.map(({ start, price: usd }) => ({ start, price: usdPrice(usd) }));
  return { base: usdPrice(price.base), tiers: tiers.sort((left, right) => left.start - right.start) };
}

function perThousand(price: ModelPrice[string], field: "webSearch" | "request"): Rates {
  return typeof price === "number" ? { [field]: toPico(price) / 1_000n } : {};
}
