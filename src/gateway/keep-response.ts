/**
 * Keeps an answer for its client, before the client has its last byte: from then on it may refer to it, on any process.
 * Throws where the client asked for that in words and the database is not there; then the answer must not look stored.
 */
import { asString, type JsonObject } from "#lib/json.ts";
import type { StoredResponse } from "#store/response-store.ts";
import { callerOf } from "./admit.ts";
import type { Attempt, Exchange } from "./exchange.ts";
import type { World } from "./world.ts";

/** `response`: the answer as the client gets it, in either lane. Without an id there is nothing to refer to. */
export async function keepResponse(
  world: World,
  exchange: Exchange,
  attempt: Attempt,
  response: JsonObject | undefined,
): Promise<void> {
  const { keeping, settings } = exchange;
  const id = asString(response?.["id"]);
  if (!keeping || !response || id === undefined || id === "") return;
  const stored: StoredResponse = {
    tenantId: callerOf(exchange).tenantId,
    id,
    ...(keeping.previousId !== undefined && { previousId: keeping.previousId }),
    ...(keeping.isUpstream && { connector: attempt.target.connector.name }),
    model: exchange.route?.logicalModel ?? "",
    inputText: keeping.inputText,
    responseText: JSON.stringify(response),
    createdAtMs: exchange.createdAtMs,
    expiresAtMs: world.clock.nowMs() + settings.keeping.ttlMs,
  };
  await (keeping.isAsked ? world.responses.keep(stored) : world.responses.tryKeep(stored));
}
