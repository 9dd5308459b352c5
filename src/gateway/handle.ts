/** The life of a request, as a table of contents. The one `catch` of the data plane is here. */
import type { OutgoingReply } from "#lib/http-server.ts";
import { toFailure } from "#model/failure.ts";
import { admit, reserve } from "./admit.ts";
import { attempt } from "./attempt.ts";
import { authenticate } from "./authenticate.ts";
import { decode } from "./decode.ts";
import type { Inbound } from "./exchange.ts";
import { observe } from "./observe.ts";
import { readBody, takeBody } from "./read-body.ts";
import { recall } from "./recall.ts";
import { recallThoughts } from "./recall-thoughts.ts";
import { refuse, respond } from "./respond.ts";
import { route } from "./route.ts";
import { send } from "./send.ts";
import type { World } from "./world.ts";

export async function handle(world: World, inbound: Inbound): Promise<OutgoingReply> {
  const exchange = observe(world, inbound);
  try {
    // Awaited also where it is there already: requests of one turn take each step together (lib/turn.ts).
    await authenticate(world, exchange);
    await admit(world, exchange);
    takeBody(exchange, await readBody(world, exchange));
    if (exchange.protocolName === "openai-responses") await recall(world, exchange);
    const chat = (exchange.chat = await recallThoughts(world, exchange, decode(world, exchange)));
    const plan = (exchange.route = route(world, exchange, chat));
    reserve(world, exchange, chat, plan);
    const answer = await attempt(world, exchange, plan, send);
    return await respond(world, exchange, answer);
  } catch (error) {
    return refuse(world, exchange, toFailure(error));
  }
}
