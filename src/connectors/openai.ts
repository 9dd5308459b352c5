/** OpenAI's own API: Responses for reasoning models, Chat Completions otherwise; both where the client speaks them. */
import type { ConfigOf } from "#config/connector-schema.ts";
import type { ProtocolName } from "#model/chat.ts";
import { configHeaders } from "./config-headers.ts";
import type { Connector } from "./connector.ts";
import { operationUrl } from "./operation-url.ts";
import { refusal } from "./refusal.ts";

export function createOpenai(name: string, config: ConfigOf<"openai">): Connector {
  const headers = {
    ...configHeaders(config),
    authorization: `Bearer ${config.api_key.reveal()}`,
    ...(config.organization !== undefined && { "openai-organization": config.organization }),
    ...(config.project !== undefined && { "openai-project": config.project }),
  };
  return {
    name,
    type: config.type,
    baseUrl: config.base_url,
    protocols: ({ model }) => (isReasoningModel(model) ? RESPONSES_FIRST : CHAT_FIRST),
    dialect: ({ model }) => ({ model, vendor: "openai", route: name, host: "openai" }),
    address: ({ target, protocol, operation }) => ({
      url: operationUrl({ baseUrl: config.base_url, protocol, operation, model: target.model }),
      headers,
    }),
    refuses: (_, features) => refusal("OpenAI", features, REFUSES),
  };
}

const RESPONSES_FIRST: readonly ProtocolName[] = ["openai-responses", "openai-chat"];
const CHAT_FIRST: readonly ProtocolName[] = ["openai-chat", "openai-responses"];
const REFUSES = { video: "send frames as images, or use a Gemini model" } as const;

/** Only Responses hands back their encrypted reasoning. Their `-chat` variants do not reason; `-audio` needs Chat. */
function isReasoningModel(model: string): boolean {
  return /^(?:o\d|gpt-(?:[5-9]|\d{2,})|codex-)/.test(model) && !/-(?:chat|audio)\b/.test(model);
}
