/**
 * Responses only, between reading a body and decoding it: `previous_response_id` becomes the conversation it stands
 * for, and it is decided what will be kept of this exchange (docs/decisions/0012-stored-responses.md).
 *
 * After it the request is as if the client had sent everything itself, so every later step, both lanes and any target
 * treat it like any other. The one exception is a conversation that OpenAI keeps itself: it goes back to the same
 * connector as it came.
 */
import { asArray, asObject, asString, parseJson, type Json, type JsonObject } from "#lib/json.ts";
import { spliceJson } from "#lib/splice-json.ts";
import { Failure } from "#model/failure.ts";
import { inputItems, outputAsInput } from "#protocols/openai-responses/stored-items.ts";
import type { StoredResponse } from "#store/response-store.ts";
import { callerOf } from "./admit.ts";
import type { Exchange } from "./exchange.ts";
import type { World } from "./world.ts";

export async function recall(world: World, exchange: Exchange): Promise<void> {
  const { raw, settings } = exchange;
  // Of another type than text it is refused by name when the body is decoded.
  const previousId = asString(raw["previous_response_id"]);
  const chain = previousId === undefined ? [] : await findChain(world, exchange, previousId);
  const pin = chain.at(-1)?.connector;
  const targets = settings.resolve(asString(raw["model"]) ?? "")?.targets ?? [];
  if (pin !== undefined && targets.some((target) => target.connector.name === pin)) exchange.pinnedTo = pin;
  // OpenAI's default is to store; ours is not to let it, because what it keeps we could not promise to delete.
  const isAsked = raw["store"] === true || raw["background"] === true;
  const keepsNothing = settings.keeping.ttlMs === 0;
  const isOpenai =
    !keepsNothing && targets.length > 0 && targets.every((target) => target.connector.type === "openai");
  if (raw["background"] === true && targets.length > 0 && !isOpenai) throw noBackground();
  const isUnsaid = (raw["store"] ?? undefined) === undefined;
  const isUpstream = isAsked ? isOpenai : isUnsaid && exchange.pinnedTo !== undefined;
  if (raw["store"] !== false && !keepsNothing) note(exchange, { previousId, isAsked, isUpstream });
  const body = withStore(raw, isUpstream);
  replaceBody(exchange, exchange.pinnedTo === undefined ? withHistory(body, chain, exchange) : body);
}

/** What the upstream is told: to keep it, where it keeps what went before; nothing, where only we are to. */
function withStore(raw: JsonObject, isUpstream: boolean): JsonObject {
  const { store, ...unsaid } = raw;
  if (isUpstream && store !== true && raw["background"] !== true) return { ...raw, store: true };
  return store === true && !isUpstream ? unsaid : raw;
}

async function findChain(
  world: World,
  exchange: Exchange,
  previousId: string,
): Promise<readonly StoredResponse[]> {
  const chain = await world.responses.chain(callerOf(exchange).tenantId, previousId);
  if (chain.length > 0) return chain;
  throw new Failure(
    "bad_request",
    "The previous response was not found: it is unknown, deleted or expired, or was not stored. Send the conversation itself.",
    { param: "previous_response_id", code: "previous_response_not_found" },
  );
}

/** Its answer is fetched later, from whoever works on it; that is only passed on to OpenAI itself. */
function noBackground(): Failure {
  return new Failure(
    "bad_request",
    "Background work is not available for this model. Leave `background` out.",
    {
      param: "background",
      code: "unsupported_parameter",
    },
  );
}

interface Wanted {
  readonly previousId: string | undefined;
  readonly isAsked: boolean;
  readonly isUpstream: boolean;
}

function note(exchange: Exchange, { previousId, isAsked, isUpstream }: Wanted): void {
  const inputText = JSON.stringify(inputItems(exchange.raw["input"]));
  const { inputBytesMax } = exchange.settings.keeping;
  if (Buffer.byteLength(inputText) <= inputBytesMax) {
    exchange.keeping = {
      inputText,
      ...(previousId !== undefined && { previousId }),
      isAsked,
      isUpstream,
    };
    return;
  }
  if (!isAsked) return;
  throw new Failure(
    "too_large",
    `Input of more than ${inputBytesMax} bytes is not stored. Set store to false.`,
    {
      param: "store",
    },
  );
}

/** Earlier turns before the new input, without what belongs to the store: ids, and instructions, which are per request. */
function withHistory(raw: JsonObject, chain: readonly StoredResponse[], exchange: Exchange): JsonObject {
  if (chain.length === 0) return raw;
  const bytes = chain.reduce(
    (sum, { inputText, responseText }) => sum + inputText.length + responseText.length,
    0,
  );
  if (bytes > exchange.settings.bodyBytesMax) {
    throw new Failure(
      "too_large",
      "The stored conversation is larger than a request may be. Begin a new one.",
      {
        param: "previous_response_id",
      },
    );
  }
  const { previous_response_id: _, ...rest } = raw;
  return { ...rest, input: [...historyOf(chain), ...inputItems(raw["input"])] };
}

export function historyOf(chain: readonly StoredResponse[]): readonly Json[] {
  return chain.flatMap(({ inputText, responseText, connector }) => [
    ...asArray(parseJson(inputText)),
    ...outputAsInput(asObject(parseJson(responseText)) ?? {}, connector !== undefined),
  ]);
}

/** Text and parsed body stay one: the native lane forwards the text of what it does not change. */
function replaceBody(exchange: Exchange, body: JsonObject): void {
  if (body === exchange.raw) return;
  exchange.text = spliceJson(exchange.text, exchange.parsed, body);
  exchange.parsed = body;
  exchange.raw = body;
}
