/** Anthropic's own API. */
import type { ConfigOf } from "#config/connector-schema.ts";
import { configHeaders } from "./config-headers.ts";
import type { Connector } from "./connector.ts";
import { operationUrl } from "./operation-url.ts";
import { refusal } from "./refusal.ts";

export function createAnthropic(name: string, config: ConfigOf<"anthropic">): Connector {
  const headers = { ...configHeaders(config), "x-api-key": config.api_key.reveal() };
  return {
    name,
    type: config.type,
    baseUrl: config.base_url,
    protocols: () => ["anthropic-messages"],
    dialect: ({ model }) => ({ model, vendor: "anthropic", route: name, host: "anthropic" }),
    address: ({ target, protocol, operation }) => ({
      url: operationUrl({ baseUrl: config.base_url, protocol, operation, model: target.model }),
      headers,
    }),
    refuses: (_, features) => refusal("Anthropic", features, CLAUDE_REFUSES),
  };
}

/** What no Claude model takes, wherever it is served. */
export const CLAUDE_REFUSES = {
  video: "send frames as images, or use a Gemini model",
  audio: "send a transcript as text, or use a Gemini model",
} as const;
