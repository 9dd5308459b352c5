/**
 * Clewdr: Claude through subscriptions, in Anthropic's format. `/code/v1` is the real API; `/v1` is the web chat,
 * which would drop tools, documents and images by URL without a word, so they are refused here instead.
 *
 * It answers some failures with a redirect status that means none: send with `redirect: "manual"`.
 */
import type { ConfigOf } from "#config/connector-schema.ts";
import { asArray, asObject, asString, type Json, type JsonObject } from "#lib/json.ts";
import { CLAUDE_REFUSES } from "./anthropic.ts";
import { explainClewdr } from "./clewdr-failure.ts";
import { configHeaders } from "./config-headers.ts";
import type { Connector, Feature } from "./connector.ts";
import { countingUnsupported } from "./operation-url.ts";
import { refusal } from "./refusal.ts";

export function createClewdr(name: string, config: ConfigOf<"clewdr">): Connector {
  const key = config.api_key?.reveal();
  // Its routes differ in which of the two they read; both are always fine.
  const headers = {
    ...configHeaders(config),
    ...(key !== undefined && { "x-api-key": key, authorization: `Bearer ${key}` }),
  };
  const isWeb = config.path_prefix === "/v1";
  const refused = isWeb ? WEB_REFUSES : CODE_REFUSES;
  // A base URL that already carries the prefix is taken as meant.
  const base = config.base_url.endsWith(config.path_prefix)
    ? config.base_url
    : `${config.base_url}${config.path_prefix}`;
  return {
    name,
    type: config.type,
    baseUrl: config.base_url,
    protocols: () => ["anthropic-messages"],
    dialect: ({ model }) => ({ model, vendor: "anthropic", route: name, host: "clewdr" }),
    address: ({ operation }) => {
      if (operation !== "count") return { url: `${base}/messages`, headers };
      if (isWeb) throw countingUnsupported();
      return { url: `${base}/messages/count_tokens`, headers };
    },
    shape: (body, { operation }) => (operation === "whole" ? avoidCannedAnswer(body) : body),
    refuses: (_, features) => refusal("Clewdr", features, refused),
    explain: explainClewdr,
  };
}

const CODE_REFUSES: Readonly<Partial<Record<Feature, string>>> = CLAUDE_REFUSES;
const WEB_REFUSES: Readonly<Partial<Record<Feature, string>>> = {
  ...CLAUDE_REFUSES,
  tools: "its web chat would drop them; set path_prefix: /code/v1, or use another target",
  document: "its web chat would drop them; set path_prefix: /code/v1, or send the text",
  document_url: "its web chat would drop them; set path_prefix: /code/v1, or send the text",
  image_url: "its web chat would drop them; send the image as base64, or set path_prefix: /code/v1",
};

const CANNED_PROMPT = "Hi";

/**
 * A whole request whose only message is "Hi" gets a canned text from Clewdr and never reaches a model. The added
 * line end means nothing to a model and makes it a real request.
 */
function avoidCannedAnswer(body: JsonObject): JsonObject {
  const [message, ...others] = asArray(body["messages"]);
  const only = others.length === 0 ? asObject(message) : undefined;
  if (!only || only["role"] !== "user" || textOf(only["content"]) !== CANNED_PROMPT) return body;
  return { ...body, messages: [{ ...only, content: `${CANNED_PROMPT}\n` }] };
}

/** The text of a message that is nothing but one bare text. */
function textOf(content: Json | undefined): string | undefined {
  const [block, ...others] = asArray(content);
  if (block === undefined || others.length > 0) return asString(content);
  const { type, text, ...more } = asObject(block) ?? {};
  return type === "text" && Object.keys(more).length === 0 ? asString(text) : undefined;
}
