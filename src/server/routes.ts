/** Every URL of the data port, on one screen. The protocol is decided by the path alone. */
import { openaiEmbeddings } from "#protocols/openai-embeddings/openai-embeddings.ts";
import { embed } from "#gateway/embed.ts";
import { countTokens } from "#gateway/count-tokens.ts";
import { deleteResponse, getResponse, listInputItems } from "#gateway/stored-responses.ts";
import { headerSafe } from "#gateway/headers.ts";
import { handle } from "#gateway/handle.ts";
import { listModels } from "#gateway/list-models.ts";
import type { World } from "#gateway/world.ts";
import { jsonReply, type IncomingRequest, type OutgoingReply } from "#lib/http-server.ts";
import { Failure } from "#model/failure.ts";
import type { ProtocolName } from "#model/chat.ts";
import type { Protocol } from "#protocols/protocol.ts";
import { findGeminiRoute } from "./gemini-routes.ts";

type Handler = (
  world: World,
  request: IncomingRequest,
  protocol: Protocol,
  id: string,
) => OutgoingReply | Promise<OutgoingReply>;

interface Route {
  readonly method: "GET" | "POST" | "DELETE";
  /** Without the leading `/v1`, which clients put into their base URL or leave out. */
  readonly path: string;
  readonly protocol: ProtocolName;
  readonly handler: Handler;
}

interface Found {
  readonly route: Route | undefined;
  readonly id: string;
}

const answer: Handler = (world, request, protocol) => handle(world, { request, protocol });
const count: Handler = (world, request, protocol) => countTokens(world, { request, protocol });
const embeddings: Handler = (world, request, protocol) =>
  embed(world, { request, protocol }, openaiEmbeddings.client);
const models: Handler = (world, request, protocol) => listModels(world, request, protocol);

const routes: readonly Route[] = [
  { method: "POST", path: "/chat/completions", protocol: "openai-chat", handler: answer },
  { method: "POST", path: "/messages", protocol: "anthropic-messages", handler: answer },
  { method: "POST", path: "/messages/count_tokens", protocol: "anthropic-messages", handler: count },
  { method: "POST", path: "/responses", protocol: "openai-responses", handler: answer },
  { method: "POST", path: "/responses/input_tokens", protocol: "openai-responses", handler: count },
  { method: "POST", path: "/embeddings", protocol: "openai-chat", handler: embeddings },
  { method: "GET", path: "/models", protocol: "openai-chat", handler: models },
];
/** What is found by the whole path, with the prefix and without it. */
const byPath: ReadonlyMap<string, Found> = new Map(
  routes.flatMap((route) => {
    const known: Found = { route, id: "" };
    return [route.path, `/v1${route.path}`].map((path) => [path, known] as const);
  }),
);
const RESPONSE_PREFIX = "/responses/";
const MODEL_PREFIX = "/models/";

export function dispatch(world: World, request: IncomingRequest): OutgoingReply | Promise<OutgoingReply> {
  const path = pathOf(request.target);
  const { method } = request;
  const { route, id } = find(path, method);
  const protocol = world.protocols[protocolOf(route?.protocol, path, request)];
  if (method === "OPTIONS") return preflight(request);
  if (!route) {
    return refusal(
      world,
      protocol,
      new Failure("not_found", "No such URL here. README.md lists the routes.", { code: "unknown_url" }),
    );
  }
  const isAllowed = method === route.method || (method === "HEAD" && route.method === "GET");
  if (!isAllowed) {
    const failure = new Failure("method_not_allowed", `Use ${route.method} on this URL.`);
    return refusal(world, protocol, failure, { allow: route.method });
  }
  return route.handler(world, request, protocol, id);
}

function find(path: string, method: string): Found {
  const known = byPath.get(path);
  if (known) return known;
  const gemini = findGeminiRoute(path);
  if (gemini) return { route: { ...gemini, path, protocol: "gemini" }, id: "" };
  const bare = path.startsWith("/v1/") ? path.slice("/v1".length) : path;
  if (bare.startsWith(RESPONSE_PREFIX)) return { route: findStored(bare, method), id: "" };
  if (!bare.startsWith(MODEL_PREFIX)) return { route: undefined, id: "" };
  // Model ids contain slashes, raw or percent-encoded.
  const id = decoded(bare.slice(MODEL_PREFIX.length));
  const one: Handler = (world, request, protocol) => listModels(world, request, protocol, id);
  return { route: { method: "GET", path: bare, protocol: "openai-chat", handler: one }, id };
}

/** `/responses/{id}`, to be got or deleted, and `/responses/{id}/input_items`. */
function findStored(path: string, method: string): Route | undefined {
  const [, encoded = "", items] = /^\/responses\/([^/]+)(\/input_items)?$/.exec(path) ?? [];
  if (encoded === "") return undefined;
  const id = decoded(encoded);
  const isDelete = method === "DELETE" && items === undefined;
  const work = items !== undefined ? listInputItems : isDelete ? deleteResponse : getResponse;
  const handler: Handler = (world, request, protocol) => work(world, { request, protocol }, id);
  return { method: isDelete ? "DELETE" : "GET", path, protocol: "openai-responses", handler };
}

/** `/v1/models` is shared: Anthropic's and Google's clients say so in a header. Unknown paths get the nearest API's error body. */
function protocolOf(found: ProtocolName | undefined, path: string, request: IncomingRequest): ProtocolName {
  if (path.includes("/messages")) return "anthropic-messages";
  if (path.includes("/responses")) return "openai-responses";
  if (path.startsWith("/v1beta")) return "gemini";
  if (path.includes("/models")) {
    if (request.headers.get("anthropic-version") !== null) return "anthropic-messages";
    if (request.headers.get("x-goog-api-key") !== null) return "gemini";
  }
  return found ?? "openai-chat";
}

/** Without query and closing slash. */
function pathOf(target: string): string {
  const end = target.indexOf("?");
  const path = end < 0 ? target : target.slice(0, end);
  return path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function refusal(
  world: World,
  protocol: Protocol,
  failure: Failure,
  headers: Readonly<Record<string, string>> = {},
): OutgoingReply {
  const id = world.newId();
  const encoded = protocol.client.encodeFailure(failure, id);
  return jsonReply(encoded.status, encoded.body, { ...headers, ...encoded.headers, "x-request-id": id });
}

const CORS_MAX_AGE_SECONDS = "86400";

/** Browser SDKs ask first. Keys travel in headers, never in cookies, so any origin may ask. */
function preflight(request: IncomingRequest): OutgoingReply {
  return {
    status: 204,
    headers: {
      "access-control-allow-origin": "*",
      "access-control-allow-methods": "GET, POST, DELETE, OPTIONS",
      "access-control-allow-headers": headerSafe(
        request.headers.get("access-control-request-headers") ?? "*",
      ),
      "access-control-max-age": CORS_MAX_AGE_SECONDS,
    },
    body: "",
  };
}
