/**
 * The configuration file's shape: types, defaults and the words of the reference page, in one place. Unknown fields
 * are errors, because a misspelt limit that is silently ignored is no limit. Field names are those of the YAML.
 */
import { z } from "zod";
import { connectorSchema } from "./connector-schema.ts";
import { nonEmptyText, secretText, timeoutMs } from "./schema-parts.ts";

const MINUTE_MS = 60_000;
const MEBIBYTE = 1024 * 1024;

const serverSchema = z.strictObject({
  host: nonEmptyText
    .default("0.0.0.0")
    .describe("Address of the data port. The environment's `HOST` comes before it."),
  port: z
    .int()
    .min(0)
    .max(65_535)
    .default(8080)
    .describe("The data port; 0 takes any free one. The environment's `PORT` comes before it."),
  body_bytes_max: z
    .int()
    .positive()
    .default(64 * MEBIBYTE)
    .describe("Largest request body, after decompression; larger ones get 413."),
  body_timeout_ms: timeoutMs(120_000, "How long a request's body may take to arrive."),
  drain_delay_ms: z
    .int()
    .min(0)
    .default(0)
    .describe(
      "After SIGTERM, how long the port stays open while `/readyz` says draining, so that a balancer learns of it first.",
    ),
  drain_ms: timeoutMs(30_000, "How long open answers may go on after SIGTERM before they are cut."),
});

const databaseSchema = z.strictObject({
  url: z
    .string()
    .regex(/^(?:postgres(?:ql)?:\/\/.+|sqlite:.+)$/, "Write postgres://... or sqlite:PATH")
    .default("sqlite:./data/xjp.db")
    .describe(
      "`postgres://user:password@host/name`, or `sqlite:PATH`. The environment's `DATABASE_URL` comes before it.",
    ),
});

const journalSchema = z.strictObject({
  folder: nonEmptyText
    .default("./data/journal")
    .describe("Where usage records wait until they are in the database."),
  fsync: z
    .enum(["group", "never"])
    .default("group")
    .describe(
      "`group` syncs to disk many records at once; `never` trusts the kernel (safe against a killed process, not against a power cut).",
    ),
  fsync_interval_ms: timeoutMs(100, "Longest wait of a record for its group's sync."),
});

const timeoutsSchema = z.strictObject({
  connect: timeoutMs(5_000, "Until the upstream takes the connection."),
  first_token: timeoutMs(
    2 * MINUTE_MS,
    "Until the first content; then the next target is tried, unseen by the client.",
  ),
  idle: timeoutMs(2 * MINUTE_MS, "Longest silence in the middle of a stream."),
  whole: z
    .int()
    .positive()
    .optional()
    .describe(
      "Longest attempt at an answer that is not streamed, which shows no sign of life before it is complete. By default half of `total` while another target is waiting.",
    ),
  total: timeoutMs(20 * MINUTE_MS, "The whole request, all attempts together."),
});

const retrySchema = z.strictObject({
  attempts_max: z
    .int()
    .min(1)
    .max(20)
    .default(4)
    .describe("Attempts over all targets together; 1 never retries."),
  backoff_ms: timeoutMs(250, "First wait before trying the same target again; it doubles, with jitter."),
  backoff_max_ms: timeoutMs(
    4_000,
    "Longest such wait, and the longest that a request waits for an open breaker. A provider's `Retry-After` may be longer.",
  ),
});

const breakerSchema = z.strictObject({
  failure_ratio: z
    .number()
    .gt(0)
    .max(1)
    .default(0.5)
    .describe("Share of failed attempts that opens the breaker."),
  requests_min: z.int().min(1).default(5).describe("Attempts in the window before the share counts."),
  window_ms: timeoutMs(30_000, "How far back attempts count."),
  cooldown_ms: timeoutMs(5_000, "How long an open breaker waits before one probe."),
  cooldown_max_ms: timeoutMs(MINUTE_MS, "The wait doubles with each failed probe, up to this."),
});

const targetSchema = z.strictObject({
  connector: nonEmptyText.describe("Name of a connector above."),
  model: nonEmptyText.describe("The model's id as that upstream knows it."),
  weight: z.number().positive().default(1).describe("Share under `strategy: weighted`."),
  publisher: nonEmptyText
    .optional()
    .describe("Vertex only: whose model. By default `anthropic` for `claude-...`, else `google`."),
});

const modelSchema = z.strictObject({
  strategy: z
    .enum(["priority", "weighted", "latency", "cost"])
    .default("priority")
    .describe(
      "Order of the targets: as written, by random share, fastest first token first, or cheapest first. The others follow as fallbacks.",
    ),
  targets: z.array(targetSchema).min(1).describe("Where the model is served."),
  timeouts_ms: timeoutsSchema.prefault({}).describe("Deadlines in milliseconds."),
  retry: retrySchema.prefault({}).describe("How often and how patiently attempts are repeated."),
  breaker: breakerSchema.prefault({}).describe("When a failing target is left alone."),
  aliases: z.array(nonEmptyText).default([]).describe("Further names clients may ask for."),
});

const usdPerMillion = z.number().min(0);
const priceSchema = z.strictObject({
  input_usd_per_mtok: usdPerMillion.describe("USD per million input tokens, cache excluded."),
  output_usd_per_mtok: usdPerMillion.describe("USD per million output tokens, reasoning included."),
  cache_read_usd_per_mtok: usdPerMillion
    .optional()
    .describe("Tokens read from a cache; the input price by default."),
  cache_write_usd_per_mtok: usdPerMillion
    .optional()
    .describe("Tokens written to a cache; the input price by default."),
  cache_write_1h_usd_per_mtok: usdPerMillion
    .optional()
    .describe(
      "Tokens written to a cache for an hour; twice the input price by default where cache writes have a price of their own, else the input price.",
    ),
  request_usd: usdPerMillion.optional().describe("USD per request, on top."),
});

const logSchema = z.strictObject({
  level: z
    .enum(["trace", "debug", "info", "warn", "error", "fatal", "silent"])
    .default("info")
    .describe("Least important line written. The environment's `LOG_LEVEL` comes before it."),
});

const metricsSchema = z.strictObject({
  token: secretText.optional().describe("Bearer token the scraper must show; open where absent."),
});

const mediaSchema = z.strictObject({
  fetch_urls: z
    .boolean()
    .default(true)
    .describe(
      "Fetch images and documents given by URL for upstreams that cannot; off, such requests are refused.",
    ),
  allow_hosts: z
    .array(nonEmptyText)
    .default([])
    .describe(
      "Hosts (`name` or `name:port`) that may be fetched although their address is private. Empty is safest.",
    ),
  bytes_max: z
    .int()
    .positive()
    .default(20 * MEBIBYTE)
    .describe("Largest file fetched."),
  timeout_ms: timeoutMs(10_000, "Longest fetch of one file."),
});

const limitsSchema = z.strictObject({
  unknown_price_ceiling_usd: z
    .number()
    .positive()
    .optional()
    .describe(
      "What one request is taken to cost at most where nobody knows the model's price. Without it, keys with a budget may not use such models.",
    ),
});

const responsesSchema = z.strictObject({
  ttl_hours: z
    .number()
    .min(0)
    .max(720)
    .default(72)
    .describe(
      "How long an answer can be referred to by `previous_response_id` and fetched. 0: nothing is kept. At OpenAI: 720.",
    ),
  input_bytes_max: z
    .int()
    .min(0)
    .default(8 * 1024 * 1024)
    .describe("Longest input that is kept with its answer."),
});

const reasoningMemorySchema = z.strictObject({
  ttl_minutes: z
    .number()
    .min(0)
    .max(1440)
    .default(60)
    .describe("How long the reasoning of an answer with tool calls is kept, encrypted. 0: none is."),
  turn_bytes_max: z.int().min(0).default(MEBIBYTE).describe("Most reasoning of one answer that is kept."),
  rows_max: z
    .int()
    .min(0)
    .default(100_000)
    .describe("Answers whose reasoning is kept at a time; each sweep removes the oldest past that."),
});

export const configSchema = z.strictObject({
  server: serverSchema.prefault({}).describe("The data port."),
  database: databaseSchema.prefault({}).describe("Keys, tenants, limits and usage."),
  journal: journalSchema.prefault({}).describe("The write-ahead file of usage records."),
  connectors: z
    .record(z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, "Use letters, digits, - and _"), connectorSchema)
    .default({})
    .describe("Upstreams by name. The name is the `provider` of metrics and usage rows."),
  models: z
    .record(nonEmptyText, modelSchema)
    .default({})
    .describe("Logical models by the name clients ask for."),
  unlisted_models: z
    .enum(["auto", "allow", "refuse"])
    .default("auto")
    .describe(
      "Whether models that are not listed are routed by their name (`connector/model`, `claude-...`, `gpt-...`, `gemini-...`). `auto`: only while `models` is empty.",
    ),
  prices: z
    .record(z.string().regex(/^[^/]+\/.+$/, "Write connector/model"), priceSchema)
    .default({})
    .describe("Prices by `connector/model` as in a target, before the built-in table."),
  limits: limitsSchema.prefault({}).describe("Rules for every key."),
  media: mediaSchema.prefault({}).describe("Media that clients name by URL."),
  responses: responsesSchema.prefault({}).describe("Answers kept for clients of the Responses API."),
  reasoning_memory: reasoningMemorySchema
    .prefault({})
    .describe("Reasoning kept for Chat Completions clients that send tool calls back without it."),
  log: logSchema.prefault({}).describe("Log lines."),
  metrics: metricsSchema.prefault({}).describe("Prometheus metrics."),
});

export type Config = z.output<typeof configSchema>;
export type ModelConfig = z.output<typeof modelSchema>;
export type MediaConfig = z.output<typeof mediaSchema>;
export type BreakerConfig = z.output<typeof breakerSchema>;

/** What a model has that configures nothing but its targets. */
export const modelDefaults: Omit<ModelConfig, "targets"> = modelSchema.omit({ targets: true }).parse({});

/** For editors: the schema of the file as written. */
export function configJsonSchema(): object {
  return z.toJSONSchema(configSchema, { io: "input" });
}
