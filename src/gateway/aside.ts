/**
 * Requests beside the main path (model lists, token counts): same authentication, same errors, same record in
 * metrics and log; nothing to book, because nothing is generated.
 */
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
): Promise<Response> {
  const exchange = observe(world, inbound);
  try {
    const body = await work(exchange);
    settle(world, exchange, { outcome: "ok", status: 200 });
    return new Response(JSON.stringify(body), {
      headers: { ...failureHeaders(exchange), ...extraHeaders(exchange), "content-type": "application/json" },
    });
  } catch (error) {
    return refuse(world, exchange, toFailure(error));
  }
}
