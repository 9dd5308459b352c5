/**
 * `GET` and `DELETE /v1/responses/{id}`, and its `input_items`: the tenant's own answers, out of our store. What an
 * upstream keeps as well is asked of it, so that what is told is true and what is deleted is gone there too.
 */
import { queryOf, type OutgoingReply } from "#lib/http-server.ts";
import type { Call } from "#connectors/connector.ts";
import { asArray, asObject, parseJson, type JsonObject } from "#lib/json.ts";
import { Failure } from "#model/failure.ts";
import { listedItems } from "#protocols/openai-responses/stored-items.ts";
import type { StoredResponse } from "#store/response-store.ts";
import { admit, callerOf } from "./admit.ts";
import { answerAside } from "./aside.ts";
import { authenticate } from "./authenticate.ts";
import { Deadlines } from "./deadlines.ts";
import type { Exchange, Inbound } from "./exchange.ts";
import { explain, isOk, OUR_HEADERS } from "./post.ts";
import { historyOf } from "./recall.ts";
import { readUpstreamText } from "./upstream-text.ts";
import type { World } from "./world.ts";

export function getResponse(world: World, inbound: Inbound, id: string): Promise<OutgoingReply> {
  return answerAside(world, inbound, async (exchange) => {
    const stored = await open(world, exchange, id);
    if (queryOf(inbound.request).get("stream") === "true") {
      throw new Failure("bad_request", "A stored answer is given whole, not as a stream.", {
        param: "stream",
      });
    }
    return (await askUpstream(world, exchange, stored, "GET")) ?? bodyOf(stored);
  });
}

export function deleteResponse(world: World, inbound: Inbound, id: string): Promise<OutgoingReply> {
  return answerAside(world, inbound, async (exchange) => {
    const stored = await open(world, exchange, id);
    await askUpstream(world, exchange, stored, "DELETE");
    if (!(await world.responses.remove(stored.tenantId, id))) throw unknown();
    return { id, object: "response.deleted", deleted: true };
  });
}

const LIMIT_DEFAULT = 20;
const LIMIT_MAX = 100;

/** Everything the answer was made from, earlier turns included; the newest first unless asked otherwise. */
export function listInputItems(world: World, inbound: Inbound, id: string): Promise<OutgoingReply> {
  return answerAside(world, inbound, async (exchange) => {
    const stored = await open(world, exchange, id);
    // Where an earlier turn was deleted, what is left is this turn's own input.
    const chain = await world.responses.chain(stored.tenantId, id);
    const input = asArray(parseJson(stored.inputText));
    const items = listedItems([...historyOf(chain.slice(0, -1)), ...input], id);
    return page(items, queryOf(inbound.request));
  });
}

function page(items: readonly JsonObject[], query: URLSearchParams): JsonObject {
  const limit = Number(query.get("limit") ?? LIMIT_DEFAULT);
  if (!Number.isInteger(limit) || limit < 1 || limit > LIMIT_MAX) {
    throw new Failure("bad_request", `limit must be a whole number from 1 to ${LIMIT_MAX}.`, {
      param: "limit",
    });
  }
  const order = query.get("order") ?? "desc";
  if (order !== "asc" && order !== "desc") {
    throw new Failure("bad_request", "order must be asc or desc.", { param: "order" });
  }
  const ordered = order === "asc" ? items : items.toReversed();
  const after = query.get("after");
  const start = after === null ? 0 : ordered.findIndex((item) => item["id"] === after) + 1;
  const data = ordered.slice(start, start + limit);
  return {
    object: "list",
    data,
    first_id: data[0]?.["id"] ?? null,
    last_id: data.at(-1)?.["id"] ?? null,
    has_more: start + limit < ordered.length,
  };
}

async function open(world: World, exchange: Exchange, id: string): Promise<StoredResponse> {
  await authenticate(world, exchange);
  await admit(world, exchange);
  const stored = await world.responses.find(callerOf(exchange).tenantId, id);
  if (!stored) throw unknown();
  return stored;
}

/** Another tenant's id is as unknown as one that never was. */
function unknown(): Failure {
  return new Failure("not_found", "No such response: it is unknown, deleted or expired, or was not stored.", {
    param: "response_id",
    code: "response_not_found",
  });
}

function bodyOf({ responseText }: StoredResponse): JsonObject {
  return { ...asObject(parseJson(responseText)), store: true };
}

/** The upstream's answer, or undefined where it keeps nothing of this one or has forgotten it. */
async function askUpstream(
  world: World,
  exchange: Exchange,
  stored: StoredResponse,
  method: "GET" | "DELETE",
): Promise<JsonObject | undefined> {
  const route = exchange.settings.resolve(stored.model);
  const target = route?.targets.find(({ connector }) => connector.name === stored.connector);
  if (stored.connector === undefined) return undefined;
  if (!route || !target) {
    throw new Failure("no_target", "The provider that keeps this response is not configured any more.");
  }
  const { startedMs, client } = exchange;
  const deadlines = new Deadlines(world.clock, client, { startedMs, totalMs: route.timeouts.firstTokenMs });
  deadlines.enter("total", Number.POSITIVE_INFINITY);
  try {
    const call: Call = {
      target,
      protocol: "openai-responses",
      operation: "whole",
      cancellation: deadlines.cancellation,
    };
    const { url, headers } = await target.connector.address(call);
    const reply = await world.http.request({
      url: `${url}/${encodeURIComponent(stored.id)}`,
      method,
      headers: [OUR_HEADERS, headers],
      connectMs: route.timeouts.connectMs,
      cancellation: deadlines.cancellation,
    });
    const text = await readUpstreamText(reply, deadlines);
    if (isOk(reply)) return asObject(parseJson(text));
    if (reply.status === 404) return undefined;
    const answer = { status: reply.status, headers: reply.headers, text, nowMs: world.clock.nowMs() };
    throw world.protocols["openai-responses"].upstream.decodeFailure(answer);
  } catch (error) {
    if (error instanceof Failure) throw error;
    deadlines.cancellation.throwIfCancelled();
    throw explain(error, route);
  } finally {
    deadlines.stop();
  }
}
