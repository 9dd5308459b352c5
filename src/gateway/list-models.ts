/** `GET /v1/models`: the models this key may use, in the dialect the client's headers ask for. */
import { queryOf, type IncomingRequest, type OutgoingReply } from "#lib/http-server.ts";
import type { JsonObject } from "#lib/json.ts";
import type { ProtocolName } from "#model/chat.ts";
import { Failure } from "#model/failure.ts";
import type { Protocol } from "#protocols/protocol.ts";
import { callerOf } from "./admit.ts";
import { authenticate } from "./authenticate.ts";
import type { Exchange } from "./exchange.ts";
import { answerAside } from "./aside.ts";
import { mayUse } from "./route.ts";
import type { ListedModel, World } from "./world.ts";

/** What the list shows of creation: our catalogue has no such date, and clients want one that does not change. */
const CREATED_AT_SECONDS = 1_767_225_600;
const ANTHROPIC_LIMIT_DEFAULT = 20;
const ANTHROPIC_LIMIT_MAX = 1000;
const GEMINI_PAGE_DEFAULT = 50;
const GEMINI_PAGE_MAX = 1000;

/** `id`: one model; absent: all. */
export function listModels(
  world: World,
  request: IncomingRequest,
  protocol: Protocol,
  id?: string,
): Promise<OutgoingReply> {
  return answerAside(world, { request, protocol }, async (exchange) => {
    await authenticate(world, exchange);
    const models = visibleModels(exchange);
    const { one, list } = shapes[protocol.name];
    return id === undefined ? list(models, request) : one(findModel(exchange, models, id));
  });
}

interface Shape {
  readonly one: (model: ListedModel) => JsonObject;
  readonly list: (models: readonly ListedModel[], request: IncomingRequest) => JsonObject;
}

const openaiShape: Shape = {
  one: openaiModel,
  list: (models) => ({ object: "list", data: models.map(openaiModel) }),
};
const shapes: Readonly<Record<ProtocolName, Shape>> = {
  "openai-chat": openaiShape,
  "openai-responses": openaiShape,
  "anthropic-messages": { one: anthropicModel, list: anthropicList },
  gemini: { one: geminiModel, list: geminiList },
};

function visibleModels(exchange: Exchange): readonly ListedModel[] {
  const caller = callerOf(exchange);
  return exchange.settings.models.filter((model) => mayUse(caller, model.id));
}

/** An alias, or a model that is routed by its name, is found too: it would be served. */
function findModel(exchange: Exchange, models: readonly ListedModel[], id: string): ListedModel {
  const listed = models.find((model) => model.id === id);
  if (listed) return listed;
  const route = exchange.settings.resolve(id);
  if (!route || !mayUse(callerOf(exchange), route.logicalModel)) {
    throw new Failure("not_found", "No such model here. GET /v1/models lists those there are.", {
      code: "model_not_found",
      param: "model",
    });
  }
  return { id, ownedBy: route.targets[0]?.connector.name ?? "gateway" };
}

function openaiModel({ id, ownedBy }: ListedModel): JsonObject {
  return { id, object: "model", created: CREATED_AT_SECONDS, owned_by: ownedBy };
}

function anthropicModel({ id }: ListedModel): JsonObject {
  return {
    type: "model",
    id,
    display_name: id,
    created_at: new Date(CREATED_AT_SECONDS * 1000).toISOString(),
  };
}

function anthropicList(models: readonly ListedModel[], request: IncomingRequest): JsonObject {
  const query = queryOf(request);
  const limit = Math.min(
    ANTHROPIC_LIMIT_MAX,
    Math.max(1, Number(query.get("limit") ?? ANTHROPIC_LIMIT_DEFAULT) || 1),
  );
  const after = query.get("after_id");
  const before = query.get("before_id");
  const indexOf = (id: string) => models.findIndex((model) => model.id === id);
  const start = after === null ? 0 : indexOf(after) + 1;
  const end = before === null ? models.length : Math.max(0, indexOf(before));
  const page =
    before === null ? models.slice(start, start + limit) : models.slice(Math.max(0, end - limit), end);
  const hasMore = before === null ? start + limit < models.length : end - limit > 0;
  return {
    data: page.map(anthropicModel),
    has_more: hasMore,
    first_id: page[0]?.id ?? null,
    last_id: page.at(-1)?.id ?? null,
  };
}

function geminiModel({ id }: ListedModel): JsonObject {
  return {
    name: `models/${id}`,
    version: "1",
    displayName: id,
    supportedGenerationMethods: ["generateContent", "streamGenerateContent", "countTokens"],
  };
}

/** The page token is the last id shown: it stays right when models come and go. */
function geminiList(models: readonly ListedModel[], request: IncomingRequest): JsonObject {
  const query = queryOf(request);
  const size = Math.min(
    GEMINI_PAGE_MAX,
    Math.max(1, Number(query.get("pageSize") ?? GEMINI_PAGE_DEFAULT) || 1),
  );
  const token = query.get("pageToken");
  const start = token === null ? 0 : models.findIndex((model) => model.id === token) + 1;
  const page = models.slice(start, start + size);
  const last = page.at(-1);
  const hasMore = start + size < models.length && last !== undefined;
  return { models: page.map(geminiModel), ...(hasMore && { nextPageToken: last.id }) };
}
