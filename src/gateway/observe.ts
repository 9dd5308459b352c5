/** Step 1: opens the request's record. Nothing here can fail. */
import { Exchange, type Inbound } from "./exchange.ts";
import type { World } from "./world.ts";

export function observe(world: World, inbound: Inbound): Exchange {
  world.telemetry.requestStarted();
  return new Exchange({
    id: world.newId(),
    inbound,
    settings: world.settings(),
    startedMs: world.clock.monotonicMs(),
    createdAtMs: world.clock.nowMs(),
  });
}
