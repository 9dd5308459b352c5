/** Step 4: the body in the caller's API becomes a `Chat`. */
import type { Mutable } from "#lib/mutable.ts";
import type { Chat } from "#model/chat.ts";
import type { RequestLine } from "#protocols/protocol.ts";
import { callerOf } from "./admit.ts";
import type { Exchange } from "./exchange.ts";
import type { World } from "./world.ts";

export function decode(world: World, exchange: Exchange): Chat {
  return exchange.inbound.protocol.client.decodeRequest(exchange.raw, requestLine(world, exchange));
}

export function requestLine(world: World, exchange: Exchange): RequestLine {
  const { model, stream } = exchange.inbound;
  const { tenantId } = callerOf(exchange);
  const line: Mutable<RequestLine> = {
    headers: exchange.headers,
    unseal: (text) => world.sealer.unseal(text, tenantId),
  };
  if (model !== undefined) line.model = model;
  if (stream !== undefined) line.stream = stream;
  return line;
}
