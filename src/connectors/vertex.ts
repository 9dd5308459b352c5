/**
 * Google's Vertex AI: Gemini in its own API, Claude in Anthropic's under another URL, other makers' models in
 * Chat Completions. Authenticated by an API key or by application default credentials, never by both.
 */
import type { ConfigOf } from "#config/connector-schema.ts";
import type { JsonObject } from "#lib/json.ts";
import type { ProtocolName } from "#model/chat.ts";
import { AccessTokenSource } from "./access-token.ts";
import { CLAUDE_REFUSES } from "./anthropic.ts";
import { configHeaders } from "./config-headers.ts";
import type { ConnectorEnvironment } from "./connector-environment.ts";
import type { Address, Call, Connector, Operation, Target } from "./connector.ts";
import { fetchGoogleToken } from "./google-credentials.ts";
import {
  countingUnsupported,
  embeddingUnsupported,
  encodeSegment,
  geminiMethod,
  isEmbedding,
} from "./operation-url.ts";
import { refusal } from "./refusal.ts";
import { vendorOf } from "./vendor.ts";
import { readVertexModel, type VertexModel } from "./vertex-model.ts";

export function createVertex(
  name: string,
  config: ConfigOf<"vertex">,
  environment: ConnectorEnvironment,
): Connector {
  const tokens = new AccessTokenSource(() => fetchGoogleToken(environment), environment.nowMs);
  const modelOf = ({ model, publisher }: Target): VertexModel =>
    readVertexModel(model, publisher, config.model_aliases);
  const headers = {
    ...configHeaders(config),
    ...(config.quota_project !== undefined && { "x-goog-user-project": config.quota_project }),
  };
  return {
    name,
    type: config.type,
    ...(config.base_url !== undefined && { baseUrl: config.base_url }),
    protocols: (target) => [protocolOf(modelOf(target))],
    dialect: (target) => dialectOf(modelOf(target), name),
    address: (call) => {
      const url = vertexUrl(config, modelOf(call.target), call.operation);
      if (config.api_key) {
        return { url, headers: { ...headers, "x-goog-api-key": config.api_key.reveal() } };
      }
      return withToken(url, headers, tokens.get(call.cancellation));
    },
    shape: (body, call) => shapeBody(body, call, config.anthropic_version),
    refuses: ({ target }, features) =>
      modelOf(target).publisher === "anthropic"
        ? refusal("Claude on Vertex", features, CLAUDE_REFUSES)
        : undefined,
    ...(!config.api_key && { forgetToken: () => tokens.forget() }),
    // Claude takes no URLs here at all; Gemini takes some, and bytes always.
    inlinesUrls: true,
  };
}

function protocolOf({ publisher }: VertexModel): ProtocolName {
  if (publisher === "anthropic") return "anthropic-messages";
  return publisher === "google" ? "gemini" : "openai-chat";
}

function dialectOf(model: VertexModel, route: string): ReturnType<Connector["dialect"]> {
  if (model.publisher === "anthropic") return { model: model.id, vendor: "anthropic", route, host: "vertex" };
  if (model.publisher === "google") return { model: model.id, vendor: "google", route, host: "vertex" };
  const id = `${model.publisher}/${model.id}`;
  return { model: id, vendor: vendorOf(id), route, host: "vertex" };
}

function withToken(
  url: string,
  headers: Readonly<Record<string, string>>,
  token: string | Promise<string>,
): Address | Promise<Address> {
  if (typeof token !== "string") return token.then((value) => withToken(url, headers, value));
  return { url, headers: { ...headers, authorization: `Bearer ${token}` } };
}

function vertexUrl(config: ConfigOf<"vertex">, model: VertexModel, operation: Operation): string {
  const isExpress = config.project === undefined;
  const host = config.base_url ?? hostOf(isExpress ? "global" : config.region);
  const scope = isExpress ? "" : `/projects/${config.project}/locations/${config.region}`;
  return `${host}/${config.api_version}${scope}/${methodPath(model, operation)}`;
}

/** A region has its own host, `global` the bare one, and the two continents one of their own kind. */
function hostOf(region: string): string {
  if (region === "global") return "https://aiplatform.googleapis.com";
  if (region === "us" || region === "eu") return `https://aiplatform.${region}.rep.googleapis.com`;
  return `https://${region}-aiplatform.googleapis.com`;
}

function methodPath(model: VertexModel, operation: Operation): string {
  if (model.endpoint !== undefined) return `endpoints/${model.endpoint}:${geminiMethod(operation)}`;
  const models = `publishers/${encodeSegment(model.publisher)}/models`;
  switch (protocolOf(model)) {
    case "gemini":
      // Vertex has no batch of contents; its older models take a list of instances instead.
      return `${models}/${encodeSegment(model.id)}:${operation === "embed_batch" ? "predict" : geminiMethod(operation)}`;
    case "anthropic-messages":
      if (isEmbedding(operation)) throw embeddingUnsupported();
      if (operation === "count") return `${models}/count-tokens:rawPredict`;
      return `${models}/${encodeSegment(model.id)}:${operation === "stream" ? "streamRawPredict" : "rawPredict"}`;
    case "openai-chat":
    case "openai-responses":
      if (operation === "count") throw countingUnsupported();
      if (isEmbedding(operation)) throw embeddingUnsupported();
      return "endpoints/openapi/chat/completions";
  }
}

/** Claude's model is in the URL, except when counting; its version stands in the body instead of a header. */
function shapeBody(body: JsonObject, call: Call, anthropicVersion: string): JsonObject {
  if (call.protocol !== "anthropic-messages" || call.operation === "count") return body;
  const { model: _, ...rest } = body;
  return { ...rest, anthropic_version: anthropicVersion };
}
