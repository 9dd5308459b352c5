/** Gemini on AI Studio. The key goes in a header: in the query it would end up in logs. */
import type { ConfigOf } from "#config/connector-schema.ts";
import { configHeaders } from "./config-headers.ts";
import type { Connector } from "./connector.ts";
import { operationUrl } from "./operation-url.ts";

export function createGemini(name: string, config: ConfigOf<"gemini">): Connector {
  const headers = { ...configHeaders(config), "x-goog-api-key": config.api_key.reveal() };
  return {
    name,
    type: config.type,
    baseUrl: config.base_url,
    protocols: () => ["gemini"],
    dialect: ({ model }) => ({ model, vendor: "google", route: name, host: "aistudio" }),
    address: ({ target, protocol, operation }) => ({
      url: operationUrl({ baseUrl: config.base_url, protocol, operation, model: target.model }),
      headers,
    }),
    // Only newer models fetch public URLs; bytes are taken by all.
    inlinesUrls: true,
  };
}
