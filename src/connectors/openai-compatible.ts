/** Any server that speaks one of the four APIs: config only, no code. */
import type { ConfigOf } from "#config/connector-schema.ts";
import type { ProtocolName } from "#model/chat.ts";
import type { Host } from "#protocols/protocol.ts";
import { configHeaders } from "./config-headers.ts";
import type { Connector } from "./connector.ts";
import { operationUrl } from "./operation-url.ts";
import { vendorOf } from "./vendor.ts";

export function createOpenaiCompatible(name: string, config: ConfigOf<"openai-compatible">): Connector {
  const headers = {
    ...configHeaders(config),
    ...(config.api_key && keyHeaders(config.protocol, config.api_key.reveal())),
  };
  const host = hostOf(config.base_url);
  return {
    name,
    type: config.type,
    baseUrl: config.base_url,
    protocols: () => [config.protocol],
    dialect: ({ model }) => ({ model, vendor: vendorOf(model), route: name, host }),
    address: ({ target, protocol, operation }) => ({
      url: operationUrl({ baseUrl: config.base_url, protocol, operation, model: target.model }),
      headers,
    }),
    inlinesUrls: config.inlines_urls || config.protocol === "gemini",
  };
}

function keyHeaders(protocol: ProtocolName, key: string): Readonly<Record<string, string>> {
  switch (protocol) {
    case "openai-chat":
    case "openai-responses":
      return { authorization: `Bearer ${key}` };
    case "anthropic-messages":
      // Servers that imitate this API differ in which of the two they read.
      return { "x-api-key": key, authorization: `Bearer ${key}` };
    case "gemini":
      return { "x-goog-api-key": key };
  }
}

/** Vendors whose dialects the protocols know quirks of. */
function hostOf(baseUrl: string): Host {
  const hostname = new URL(baseUrl).hostname;
  if (hostname === "deepseek.com" || hostname.endsWith(".deepseek.com")) return "deepseek";
  if (hostname === "mistral.ai" || hostname.endsWith(".mistral.ai")) return "mistral";
  return "compatible";
}
