/** The list of connectors: whom the gateway can speak to. */
import type { ConnectorConfig } from "#config/connector-schema.ts";
import { createAnthropic } from "./anthropic.ts";
import { createClewdr } from "./clewdr.ts";
import type { ConnectorEnvironment } from "./connector-environment.ts";
import type { Connector } from "./connector.ts";
import { createDemo } from "./demo.ts";
import { createGemini } from "./gemini.ts";
import { createOpenaiCompatible } from "./openai-compatible.ts";
import { createOpenai } from "./openai.ts";
import { createOpenrouter } from "./openrouter.ts";
import { createVertex } from "./vertex.ts";

export function createConnector(
  name: string,
  config: ConnectorConfig,
  environment: ConnectorEnvironment,
): Connector {
  switch (config.type) {
    case "openrouter":
      return createOpenrouter(name, config);
    case "vertex":
      return createVertex(name, config, environment);
    case "clewdr":
      return createClewdr(name, config);
    case "anthropic":
      return createAnthropic(name, config);
    case "openai":
      return createOpenai(name, config);
    case "gemini":
      return createGemini(name, config);
    case "openai-compatible":
      return createOpenaiCompatible(name, config);
    case "demo":
      return createDemo(name, config, environment);
  }
}

/** All of a configuration's connectors, by name. */
export function createConnectors(
  configs: Readonly<Record<string, ConnectorConfig>>,
  environment: ConnectorEnvironment,
): ReadonlyMap<string, Connector> {
  return new Map(
    Object.entries(configs).map(([name, config]) => [name, createConnector(name, config, environment)]),
  );
}
