/** The life of a request, as a table of contents. The one `catch` of the data plane is here. */
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

export async function handle(world: World, inbound: Inbound): Promise<Response> {
  const exchange = observe(world, inbound);
  try {
    // Waiting costs a turn, also for what is there already.
    const verified = authenticate(world, exchange);
    if (verified) await verified;
    const admitted = admit(world, exchange);
    if (admitted) await admitted;
    takeBody(exchange, await readBody(world, exchange));
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
