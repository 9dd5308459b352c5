import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Usage } from "#model/usage.ts";
import { createPriceBook, type Sale } from "./price.ts";
import { PRICE_TABLE_VERSION } from "./price-table.ts";

/** Long after every dated price used here began, and before the next known one. */
const AT_MS = Date.UTC(2026, 9, 15, 12);

function sale(connectorType: string, model: string, more: Partial<Sale> = {}): Sale {
  return { provider: connectorType, connectorType, model, atMs: AT_MS, ...more };
}

// Expected sums are written as micro-USD per bucket: tokens * USD per million.
const costs: readonly { name: string; usage: Usage; sale: Sale; microUsd: number }[] = [
  {
    name: "Claude Sonnet 4.5, every cache bucket: 3, 0.30, 3.75, 6, 15",
    usage: { input: 3, cacheRead: 1000, cacheWrite: 300, cacheWrite1h: 100, output: 7, reasoning: 5 },
    sale: sale("anthropic", "claude-sonnet-4-5-20250929"),
    microUsd: 3 * 3 + 1000 * 0.3 + 200 * 3.75 + 100 * 6 + 7 * 15,
  },
  {
    name: "Claude Sonnet 4.5 at exactly 200,000 prompt tokens: the short prices",
    usage: { input: 100_000, cacheRead: 100_000, output: 10 },
    sale: sale("anthropic", "claude-sonnet-4-5"),
    microUsd: 100_000 * 3 + 100_000 * 0.3 + 10 * 15,
  },
  {
    name: "Claude Sonnet 4.5 one token past 200,000, cached ones counted: all at the long prices 6, 0.60, 7.50, 22.50",
    usage: { input: 100_000, cacheRead: 100_000, cacheWrite: 1, output: 10 },
    sale: sale("anthropic", "claude-sonnet-4-5"),
    microUsd: 100_000 * 6 + 100_000 * 0.6 + 7.5 + 10 * 22.5,
  },
  {
    name: "Claude Opus 4.1 through Clewdr, at what it would have cost: 15, 1.50, 18.75, 75",
    usage: { input: 10, cacheRead: 20, cacheWrite: 40, output: 100 },
    sale: sale("clewdr", "claude-opus-4-1-20250805"),
    microUsd: 10 * 15 + 20 * 1.5 + 40 * 18.75 + 100 * 75,
  },
  {
    name: "Claude Sonnet 4.5 on Vertex, where an hour-long write is not listed: twice the input",
    usage: { input: 1, cacheWrite: 10, cacheWrite1h: 10, output: 1 },
    sale: sale("vertex", "claude-sonnet-4-5@20250929"),
    microUsd: 3 + 10 * 6 + 15,
  },
  {
    name: "GPT-5 with a cached prompt: 1.25, 0.125, 10; reasoning is part of the output",
    usage: { input: 24, cacheRead: 1024, output: 500, reasoning: 448 },
    sale: sale("openai", "gpt-5", { servedModel: "gpt-5-2025-08-07" }),
    microUsd: 24 * 1.25 + 1024 * 0.125 + 500 * 10,
  },
  {
    name: "GPT-4o: 2.50, 1.25, 10",
    usage: { input: 1000, cacheRead: 8, output: 30 },
    sale: sale("openai", "gpt-4o"),
    microUsd: 1000 * 2.5 + 8 * 1.25 + 30 * 10,
  },
  {
    name: "Gemini 2.5 Pro past 200,000: 2.50, 0.25, 15",
    usage: { input: 150_000, cacheRead: 50_001, output: 100, reasoning: 90 },
    sale: sale("gemini", "gemini-2.5-pro"),
    microUsd: 150_000 * 2.5 + 50_001 * 0.25 + 100 * 15,
  },
  {
    name: "Gemini 2.5 Flash with audio in the prompt: 0.30, audio 1, 2.50",
    usage: { input: 300, audioInput: 200, output: 4 },
    sale: sale("vertex", "gemini-2.5-flash"),
    microUsd: 100 * 0.3 + 200 * 1 + 4 * 2.5,
  },
  {
    name: "Claude on OpenRouter: 3, 15",
    usage: { input: 17, output: 9 },
    sale: sale("openrouter", "anthropic/claude-sonnet-4.5"),
    microUsd: 17 * 3 + 9 * 15,
  },
  {
    name: "web searches at 10 USD per thousand beside the tokens",
    usage: { input: 1, output: 1, webSearches: 3 },
    sale: sale("anthropic", "claude-haiku-4-5"),
    microUsd: 1 + 5 + 3 * 10_000,
  },
  {
    name: "a free model is free, which is known",
    usage: { input: 1000, output: 1000 },
    sale: sale("openrouter", "deepseek/deepseek-r1:free", { servedModel: "deepseek/deepseek-r1" }),
    microUsd: 0,
  },
  {
    name: "an explicit 0 costs 0",
    usage: { input: 0, output: 0 },
    sale: sale("openai", "gpt-4o"),
    microUsd: 0,
  },
  {
    name: "a compatible server known by its address",
    usage: { input: 10, output: 10 },
    sale: sale("openai-compatible", "llama-3.3-70b-versatile", {
      provider: "fast",
      baseUrl: "https://api.groq.com/openai/v1",
    }),
    microUsd: 10 * 0.59 + 10 * 0.79,
  },
];

describe("the price table", () => {
  for (const row of costs) {
    test(row.name, () => {
      expect(createPriceBook().cost(row.usage, row.sale)).toEqual({
        nanoUsd: Math.round(row.microUsd * 1000),
        source: "price_table",
        version: PRICE_TABLE_VERSION,
      });
    });
  }

  test("survives counts an upstream got wrong", () => {
    const usage = { input: -5, output: 1.2, cacheRead: -1, webSearches: 0.5 };
    expect(createPriceBook().cost(usage, sale("openai", "gpt-4o"))).toMatchObject({
      nanoUsd: 20_000 + 10_000_000,
    });
  });

  test("names its version", () => {
    expect(PRICE_TABLE_VERSION).toMatch(/^genai-prices@\d+\.\d+\.\d+$/);
  });

  test("follows a price that changed on a date", () => {
    const book = createPriceBook();
    const usage = { input: 1_000_000, output: 0 };
    const before = book.cost(usage, sale("openai", "o3", { atMs: Date.UTC(2025, 5, 9, 23) }));
    const after = book.cost(usage, sale("openai", "o3", { atMs: Date.UTC(2025, 5, 10) }));
    expect([before, after]).toMatchObject([{ nanoUsd: 10_000_000_000 }, { nanoUsd: 2_000_000_000 }]);
  });
});

describe("an unknown price is unknown, never 0", () => {
  const unknown: readonly { name: string; usage: Usage; sale: Sale }[] = [
    {
      name: "for a model nobody lists",
      usage: { input: 5, output: 5 },
      sale: sale("anthropic", "claude-nobody-9"),
    },
    {
      name: "for a local server whose model is called gpt-4o",
      usage: { input: 5, output: 5 },
      sale: sale("openai-compatible", "gpt-4o", { provider: "local", baseUrl: "http://127.0.0.1:9000/v1" }),
    },
    {
      name: "for a server whose name only resembles a provider",
      usage: { input: 5, output: 5 },
      sale: sale("openai-compatible", "gpt-4o", { provider: "my-openai" }),
    },
    {
      name: "for a connector type that is a field of every object",
      usage: { input: 5, output: 5 },
      sale: sale("constructor", "gpt-4o"),
    },
    { name: "where usage was not reported", usage: {}, sale: sale("openai", "gpt-4o") },
    {
      name: "for a listed model without prices that is not called free",
      usage: { input: 5, output: 5 },
      sale: sale("openrouter", "google/lyria-3-pro-preview"),
    },
    {
      name: "where a bucket that holds tokens has no price",
      usage: { input: 5, output: 5 },
      sale: sale("openai", "text-embedding-3-small"),
    },
  ];
  for (const row of unknown) {
    test(row.name, () => {
      expect(createPriceBook().cost(row.usage, row.sale)).toEqual({ source: "unknown" });
    });
  }

  test("unless the upstream itself says what it charged", () => {
    const usage = { input: 5, output: 5, costReportedNanoUsd: 123 };
    expect(createPriceBook().cost(usage, sale("openrouter", "openrouter/auto"))).toEqual({
      source: "upstream",
      nanoUsd: 123,
    });
    expect(createPriceBook().cost(usage, sale("openrouter", "openai/gpt-4o"))).toMatchObject({
      source: "price_table",
    });
  });

  test("and no worst case can be told", () => {
    const request = { inputTokens: 1, outputTokensMax: 1 };
    expect(createPriceBook().worstCase(request, sale("openrouter", "openrouter/auto"))).toBeUndefined();
  });
});

describe("prices from config", () => {
  const book = createPriceBook({
    overrides: {
      "local/my-model": { input_usd_per_mtok: 0.5, output_usd_per_mtok: 1.5, request_usd: 0.001 },
      "gpt-4o": {
        input_usd_per_mtok: 1,
        output_usd_per_mtok: 2,
        cache_read_usd_per_mtok: 0.1,
        cache_write_usd_per_mtok: 1.25,
      },
      "openai/gpt-4o": { input_usd_per_mtok: 7, output_usd_per_mtok: 8 },
      tiny: { input_usd_per_mtok: 0.0005, output_usd_per_mtok: 0.0015 },
    },
  });
  const rows = [
    {
      name: "match connector/model",
      sale: sale("openai-compatible", "my-model", { provider: "local" }),
      usage: { input: 2, output: 4 },
      nanoUsd: 2 * 500 + 4 * 1500 + 1_000_000,
    },
    {
      name: "match a plain model on any connector",
      sale: sale("anything", "gpt-4o"),
      usage: { input: 3, output: 1 },
      nanoUsd: 3 * 1000 + 2000,
    },
    {
      name: "prefer connector/model, over the table too",
      sale: sale("openai", "gpt-4o"),
      usage: { input: 1, output: 1 },
      nanoUsd: 15_000,
    },
    {
      name: "match what served a request routed by the upstream",
      sale: sale("x", "auto", { servedModel: "gpt-4o" }),
      usage: { output: 1 },
      nanoUsd: 2000,
    },
    {
      name: "price cache buckets, an hour-long write at twice the input",
      sale: sale("x", "gpt-4o"),
      usage: { cacheRead: 10, cacheWrite: 8, cacheWrite1h: 4 },
      nanoUsd: 10 * 100 + 4 * 1250 + 4 * 2000,
    },
    {
      name: "take the input's price for cache buckets without one",
      sale: sale("openai", "gpt-4o"),
      usage: { cacheRead: 1, cacheWrite: 2, cacheWrite1h: 1 },
      nanoUsd: 3 * 7000,
    },
    { name: "round the sum once, half up", sale: sale("x", "tiny"), usage: { input: 1 }, nanoUsd: 1 },
    {
      name: "round down below the half",
      sale: sale("x", "tiny"),
      usage: { input: 2, output: 1 },
      nanoUsd: 3,
    },
  ];
  for (const row of rows) {
    test(row.name, () => {
      expect(book.cost(row.usage, row.sale)).toEqual({
        nanoUsd: row.nanoUsd,
        source: "config",
        version: "config",
      });
    });
  }

  test("that are no prices are refused when the book is made", () => {
    for (const usd of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
      const overrides = { x: { input_usd_per_mtok: usd, output_usd_per_mtok: 1 } };
      expect(() => createPriceBook({ overrides })).toThrow(RangeError);
    }
  });
});

describe("estimates say so", () => {
  const rows = [
    { name: "tokens counted by us", usage: { input: 10, output: 10, estimated: true }, nanoUsd: 125_000 },
    {
      name: "half price for the flex tier",
      usage: { input: 10, output: 10, serviceTier: "flex" },
      nanoUsd: 62_500,
    },
    {
      name: "double for priority",
      usage: { input: 10, output: 10, serviceTier: "priority" },
      nanoUsd: 250_000,
    },
  ];
  for (const row of rows) {
    test(row.name, () => {
      expect(createPriceBook().cost(row.usage, sale("openai", "gpt-4o"))).toMatchObject({
        source: "estimated",
        nanoUsd: row.nanoUsd,
      });
    });
  }

  test("the standard tier by any of its names is exact", () => {
    for (const serviceTier of ["default", "standard", "auto", "on_demand"]) {
      const cost = createPriceBook().cost({ input: 10, output: 10, serviceTier }, sale("openai", "gpt-4o"));
      expect(cost).toMatchObject({ source: "price_table", nanoUsd: 125_000 });
    }
  });
});

describe("the worst case", () => {
  test("is every prompt token in the dearest bucket and every output token, rounded up", () => {
    const request = { inputTokens: 1000, outputTokensMax: 100 };
    expect(createPriceBook().worstCase(request, sale("anthropic", "claude-haiku-4-5"))).toBe(
      (1000 * 2 + 100 * 5) * 1000,
    );
    expect(createPriceBook().worstCase(request, sale("openai", "gpt-4o"))).toBe(
      (1000 * 2.5 + 100 * 10) * 1000,
    );
  });

  test("is never below what a request within its bounds costs", () => {
    const book = createPriceBook();
    const models = [
      sale("anthropic", "claude-sonnet-4-5"),
      sale("vertex", "claude-sonnet-4-5@20250929"),
      sale("gemini", "gemini-2.5-pro"),
      sale("gemini", "gemini-2.5-flash-image"),
      sale("openai", "gpt-5"),
      sale("openrouter", "anthropic/claude-sonnet-4.5"),
    ];
    const count = fc.nat(150_000);
    fc.assert(
      fc.property(
        fc.constantFrom(...models),
        fc.record({ input: count, cacheRead: count, cacheWrite: count, cacheWrite1h: count, output: count }),
        fc.record({ reasoning: count, imageOutput: count, audioInput: count }),
        fc.constantFrom("default", "priority", "flex"),
        (bought, tokens, parts, serviceTier) => {
          const usage = { ...tokens, ...parts, serviceTier };
          const inputTokens = tokens.input + tokens.cacheRead + tokens.cacheWrite;
          const worst = book.worstCase({ inputTokens, outputTokensMax: tokens.output, serviceTier }, bought);
          const cost = book.cost(usage, bought);
          if (cost.source === "unknown" || worst === undefined) throw new Error("these prices are known");
          expect(worst).toBeGreaterThanOrEqual(cost.nanoUsd);
        },
      ),
    );
  });
});
