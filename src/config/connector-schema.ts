/** One schema per connector type. `base_url` is written as the vendor's own SDK takes it. */
import { z } from "zod";
import { headerValue, httpUrl, nonEmptyText, secretText } from "./schema-parts.ts";

const PROTOCOLS = ["openai-chat", "openai-responses", "anthropic-messages", "gemini"] as const;
/** Set by the connector or by the sender; a configured one would break the call or leak past its hop. */
const OWN_HEADERS = new Set([
  "accept-encoding",
  "authorization",
  "connection",
  "content-length",
  "content-type",
  "host",
  "keep-alive",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "x-api-key",
  "x-goog-api-key",
]);

const headers = z
  .record(
    z
      .string()
      .regex(/^[A-Za-z0-9-]+$/, "Not a header name")
      .refine((name) => !OWN_HEADERS.has(name.toLowerCase()), "This header belongs to the connector"),
    headerValue,
  )
  .default({})
  .describe("Further request headers.");
const apiKey = secretText.describe("The provider's key.");

function baseUrl(byDefault: string): z.ZodPrefault<typeof httpUrl> {
  return httpUrl.prefault(byDefault).describe("Where the API is.");
}

const openrouter = z.strictObject({
  type: z.literal("openrouter"),
  base_url: baseUrl("https://openrouter.ai/api/v1"),
  api_key: apiKey,
  referer: httpUrl
    .refine((url) => /^[\x21-\x7e]+$/.test(url), "Must be printable ASCII, because it is sent in a header")
    .optional()
    .describe("Sent as `HTTP-Referer`: names this gateway to OpenRouter."),
  title: z
    .string()
    .regex(/^[\x20-\x7e]+$/, "Must be printable ASCII on one line")
    .default("XiaojinPro Gateway")
    .describe("Sent as `X-OpenRouter-Title`."),
  categories: z
    .array(z.string().regex(/^[a-z0-9-]+$/, "Use lower-case letters, digits and -"))
    .default([])
    .describe("Sent as `X-OpenRouter-Categories`."),
  provider: z
    .record(z.string(), z.json())
    .optional()
    .describe(
      "Provider preferences laid over every request's own (`order`, `data_collection`, `zdr`, `max_price`, ...).",
    ),
  allow_model_lists: z
    .boolean()
    .default(false)
    .describe(
      "Let requests name their own fallback models (`models`, `fallbacks`). Off, they are refused: such a list leads around the models a key is limited to.",
    ),
  headers,
});

const vertex = z.strictObject({
  type: z.literal("vertex"),
  base_url: httpUrl.optional().describe("Instead of the Google host that belongs to the region."),
  project: z
    .string()
    .regex(/^[a-z0-9:.-]+$/, "Not a Google Cloud project id")
    .optional()
    .describe("Google Cloud project. Without it, an `api_key` in express mode."),
  region: z
    .string()
    .regex(/^[a-z0-9-]+$/, "Not a location")
    .default("global")
    .describe("Location: a region, `global`, `us` or `eu`."),
  api_key: apiKey.optional().describe("Instead of application default credentials."),
  quota_project: z
    .string()
    .regex(/^[a-z0-9:.-]+$/, "Not a Google Cloud project id")
    .optional()
    .describe("Sent as `x-goog-user-project`: whose quota and bill."),
  api_version: z.enum(["v1", "v1beta1"]).default("v1").describe("Version in the path."),
  anthropic_version: nonEmptyText
    .default("vertex-2023-10-16")
    .describe("`anthropic_version` in the body of Claude calls."),
  model_aliases: z
    .record(z.string(), nonEmptyText)
    .default({})
    .describe("Model ids as Vertex spells them, beside the built-in table (`claude-sonnet-4-5` and so on)."),
  headers,
});

const clewdr = z.strictObject({
  type: z.literal("clewdr"),
  base_url: baseUrl("http://127.0.0.1:8484"),
  api_key: apiKey.optional().describe("Clewdr's API password."),
  path_prefix: z
    .enum(["/code/v1", "/v1"])
    .default("/code/v1")
    .describe("`/code/v1` is the full Messages API; `/v1` is the web chat: text and base64 images only."),
  headers,
});

const anthropic = z.strictObject({
  type: z.literal("anthropic"),
  base_url: baseUrl("https://api.anthropic.com"),
  api_key: apiKey,
  headers,
});

const openai = z.strictObject({
  type: z.literal("openai"),
  base_url: baseUrl("https://api.openai.com/v1"),
  api_key: apiKey,
  organization: nonEmptyText.optional().describe("Sent as `OpenAI-Organization`."),
  project: nonEmptyText.optional().describe("Sent as `OpenAI-Project`."),
  headers,
});

const gemini = z.strictObject({
  type: z.literal("gemini"),
  base_url: baseUrl("https://generativelanguage.googleapis.com"),
  api_key: apiKey,
  headers,
});

const openaiCompatible = z.strictObject({
  type: z.literal("openai-compatible"),
  base_url: httpUrl.describe("Ends in `/v1` for the OpenAI APIs; the bare origin for the other two."),
  api_key: apiKey.optional().describe("The provider's key, where it wants one."),
  protocol: z.enum(PROTOCOLS).default("openai-chat").describe("The API it speaks."),
  inlines_urls: z
    .boolean()
    .default(false)
    .describe("It cannot fetch media by URL: the gateway does, and sends the bytes."),
  headers,
});

const demo = z.strictObject({
  type: z.literal("demo"),
  base_url: httpUrl
    .optional()
    .describe("Bare origin of a simulated provider; absent, the built-in one is started."),
  protocol: z
    .enum(PROTOCOLS)
    .optional()
    .describe("Speak only this API to it, so that others must be translated."),
  headers,
});

export const connectorSchema = z.discriminatedUnion("type", [
  openrouter,
  vertex,
  clewdr,
  anthropic,
  openai,
  gemini,
  openaiCompatible,
  demo,
]);

export type ConnectorConfig = z.output<typeof connectorSchema>;
export type ConnectorType = ConnectorConfig["type"];
/** The configuration of one type. */
export type ConfigOf<Type extends ConnectorType> = Extract<ConnectorConfig, { readonly type: Type }>;
