/** The simulated provider: all four APIs, so that everything can be tried and tested without an account. */
import type { ConfigOf } from "#config/connector-schema.ts";
import type { ProtocolName } from "#model/chat.ts";
import { Failure } from "#model/failure.ts";
import { configHeaders } from "./config-headers.ts";
import type { ConnectorEnvironment } from "./connector-environment.ts";
import type { Connector } from "./connector.ts";
import { operationUrl } from "./operation-url.ts";

export function createDemo(
  name: string,
  config: ConfigOf<"demo">,
  environment: ConnectorEnvironment,
): Connector {
  const headers = configHeaders(config);
  const protocols = config.protocol === undefined ? ALL : [config.protocol];
  return {
    name,
    type: config.type,
    ...(config.base_url !== undefined && { baseUrl: config.base_url }),
    protocols: () => protocols,
    dialect: ({ model }, protocol) => ({ model, vendor: VENDORS[protocol], route: name, host: "demo" }),
    address: ({ target, protocol, operation }) => {
      const origin = config.base_url ?? environment.demoUrl;
      if (origin === undefined) throw new Failure("no_target", "The built-in demo upstream is not running.");
      const baseUrl = protocol.startsWith("openai-") && !/\/v\d+$/.test(origin) ? `${origin}/v1` : origin;
      return { url: operationUrl({ baseUrl, protocol, operation, model: target.model }), headers };
    },
  };
}

const ALL: readonly ProtocolName[] = ["openai-chat", "openai-responses", "anthropic-messages", "gemini"];
/** It plays the vendor of whichever API it is asked in. */
const VENDORS = {
  "openai-chat": "openai",
  "openai-responses": "openai",
  "anthropic-messages": "anthropic",
  gemini: "google",
} as const;
