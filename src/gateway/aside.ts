/**
 * Requests beside the main path (model lists, token counts): same authentication, same errors, same record in
 * metrics and log; nothing to book, because nothing is generated.
 */
import { jsonReply, type OutgoingReply } from "#lib/http-server.ts";
import type { JsonObject } from "#lib/json.ts";
import { toFailure } from "#model/failure.ts";
import type { Exchange, Inbound } from "./exchange.ts";
import { failureHeaders } from "./headers.ts";
import { observe } from "./observe.ts";
import { refuse } from "./respond.ts";
import { settle } from "./settle.ts";
import type { World } from "./world.ts";

export async function answerAside(
  world: World,
  inbound: Inbound,
  work: (exchange: Exchange) => Promise<JsonObject>,
  extraHeaders: (exchange: Exchange) => Readonly<Record<string, string>> = () => ({}),
): Promise<OutgoingReply> {
  const exchange = observe(world, inbound);
  try {
    const body = await work(exchange);
    settle(world, exchange, { outcome: "ok", status: 200 });
    return jsonReply(200, body, { ...failureHeaders(exchange), ...extraHeaders(exchange) });
  } catch (error) {
    return refuse(world, exchange, toFailure(error));
  }
}
