/**
 * OpenRouter: every vendor's models behind Chat Completions, Responses and Messages. Attribution headers name this
 * gateway, never a tenant. Answers carry `X-Generation-Id`, by which a cost can be looked up afterwards.
 */
import type { ConfigOf } from "#config/connector-schema.ts";
import { asObject, type JsonObject } from "#lib/json.ts";
import { Failure } from "#model/failure.ts";
import { configHeaders } from "./config-headers.ts";
import type { Call, Connector } from "./connector.ts";
import { countingUnsupported, operationUrl } from "./operation-url.ts";
import { refusal } from "./refusal.ts";
import { vendorOf } from "./vendor.ts";

export function createOpenrouter(name: string, config: ConfigOf<"openrouter">): Connector {
  const headers = {
    ...configHeaders(config),
    authorization: `Bearer ${config.api_key.reveal()}`,
    ...(config.referer !== undefined && { "http-referer": config.referer }),
    "x-openrouter-title": config.title,
    ...(config.categories.length > 0 && { "x-openrouter-categories": config.categories.join(",") }),
  };
  return {
    name,
    type: config.type,
    baseUrl: config.base_url,
    // Chat first for everybody else: only it carries video, and `reasoning_details` keeps every vendor's blobs.
    protocols: () => ["openai-chat", "anthropic-messages", "openai-responses"],
    dialect: ({ model }) => ({ model, vendor: vendorOf(model), route: name, host: "openrouter" }),
    address: ({ target, protocol, operation }) => {
      // No counting route is documented for any of the three.
      if (operation === "count") throw countingUnsupported();
      return {
        url: operationUrl({ baseUrl: config.base_url, protocol, operation, model: target.model }),
        headers,
      };
    },
    shape: (body, call) => shapeBody(body, call, config),
    refuses: ({ protocol }, features) =>
      protocol === "openai-chat" ? undefined : refusal("OpenRouter", features, ONLY_IN_CHAT),
  };
}

const ONLY_IN_CHAT = {
  video: "send it as video_url through Chat Completions, or use a Gemini model",
} as const;

/**
 * Routing inside OpenRouter is policy. A Chat caller may state `provider` preferences, which the configured ones
 * overrule; from other APIs the field is not taken. Fallback lists would lead around a key's list of models.
 */
function shapeBody(body: JsonObject, call: Call, config: ConfigOf<"openrouter">): JsonObject {
  if (!config.allow_model_lists) refuseModelLists(body);
  const { provider: asked, ...rest } = body;
  const preferences = {
    ...(call.protocol === "openai-chat" && asObject(asked)),
    ...config.provider,
  };
  return Object.keys(preferences).length === 0 ? rest : { ...rest, provider: preferences };
}

function refuseModelLists(body: JsonObject): void {
  for (const param of ["models", "fallbacks"]) {
    if (body[param] === undefined || body[param] === null) continue;
    throw new Failure(
      "bad_request",
      `'${param}' is not accepted: the gateway chooses where a model is served. Leave it out.`,
      { param, code: "unsupported_parameter" },
    );
  }
}
