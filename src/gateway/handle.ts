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
    // Waiting costs a turn, also for what is there already.
    const verified = authenticate(world, exchange);
    if (verified) await verified;
    const admitted = admit(world, exchange);
    if (admitted) await admitted;
    const body = readBody(world, exchange);
    takeBody(exchange, body instanceof Promise ? await body : body);
    if (exchange.protocolName === "openai-responses") await recall(world, exchange);
    const whole = recallThoughts(world, exchange, decode(world, exchange));
    const chat = (exchange.chat = whole instanceof Promise ? await whole : whole);
    const plan = (exchange.route = route(world, exchange, chat));
    reserve(world, exchange, chat, plan);
    const answer = await attempt(world, exchange, plan, send);
    const response = respond(world, exchange, answer);
    return response instanceof Promise ? await response : response;
  } catch (error) {
    return refuse(world, exchange, toFailure(error));
  }
}
