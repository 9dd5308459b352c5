/** Step 5: which targets serve the asked model, and whether this caller may ask for it. */
import { Failure } from "#model/failure.ts";
import type { Target } from "#connectors/connector.ts";
import { orderTargets } from "#health/target-order.ts";
import type { Caller } from "#model/caller.ts";
import type { Exchange } from "./exchange.ts";
import { saleOf } from "./sale.ts";
import type { Route, World } from "./world.ts";

/** A name travels into a header, a row, a log line and a map: none of them may be grown by whoever invents it. */
const MODEL_CHARS_MAX = 256;

export function route(world: World, exchange: Exchange, asked: { readonly model: string }): Route {
  const { settings } = exchange;
  if (asked.model.length > MODEL_CHARS_MAX) {
    throw new Failure("bad_request", `The model's name is longer than ${MODEL_CHARS_MAX} characters.`, {
      param: "model",
    });
  }
  const found = settings.resolve(asked.model);
  if (!found) {
    throw new Failure(
      "not_found",
      `No model \`${printable(asked.model)}\` here. GET /v1/models lists those there are.`,
      {
        code: "model_not_found",
        param: "model",
      },
    );
  }
  if (exchange.caller && !mayUse(exchange.caller, found.logicalModel)) {
    throw new Failure(
      "forbidden",
      `This key may not use \`${printable(asked.model)}\`. Ask for a key that allows it.`,
      {
        code: "model_not_allowed",
        param: "model",
      },
    );
  }
  if (found.targets.length === 1 && exchange.pinnedTo === undefined) return found;
  const targets = orderTargets(found.strategy, found.targets, {
    random: () => world.random(),
    firstTokenMs: (id) => world.health.of(id).firstTokenMs,
    price: (id) => typicalPrice(exchange, found, id),
  });
  return {
    ...found,
    targets: exchange.pinnedTo === undefined ? targets : pinned(targets, exchange.pinnedTo),
  };
}

function pinned(targets: readonly Target[], connector: string): readonly Target[] {
  return targets.filter((target) => target.connector.name === connector);
}

export function mayUse(caller: Caller, logicalModel: string): boolean {
  return caller.modelsAllowed === undefined || caller.modelsAllowed.includes(logicalModel);
}

/** A request of 1000 tokens in and 500 out: enough to put prices in order. */
function typicalPrice(exchange: Exchange, found: Route, id: string): number | undefined {
  const target = found.targets.find((candidate) => candidate.id === id);
  if (!target) return undefined;
  return exchange.settings.prices.worstCase(
    { inputTokens: 1000, outputTokensMax: 500 },
    saleOf(target, exchange),
  );
}

/** A client's own words in an error: bounded, and no control characters into logs and headers. */
function printable(text: string): string {
  return text.slice(0, 100).replaceAll(/[^\x20-\x7e]/g, "?");
}
