/** Step 2: who calls. The key may come in any of the places clients put it; the API's own place wins. */
import { queryOf } from "#lib/http-server.ts";
import { Failure } from "#model/failure.ts";
import type { Caller } from "#model/caller.ts";
import type { ProtocolName } from "#model/chat.ts";
import type { Exchange } from "./exchange.ts";
import type { World } from "./world.ts";

type Reader = (exchange: Exchange) => string | undefined;

const bearer: Reader = ({ headers }) => {
  const value = headers.get("authorization");
  return value !== null && /^bearer /i.test(value) ? value.slice("bearer ".length).trim() : undefined;
};
const header =
  (name: string): Reader =>
  ({ headers }) =>
    headers.get(name) ?? undefined;
const query: Reader = ({ inbound }) => {
  const { request } = inbound;
  return request.target.includes("?") ? (queryOf(request).get("key") ?? undefined) : undefined;
};

const anthropicKey = header("x-api-key");
const googleKey = header("x-goog-api-key");
const azureKey = header("api-key");

const places: Readonly<Record<ProtocolName, readonly Reader[]>> = {
  "openai-chat": [bearer, anthropicKey, azureKey, googleKey, query],
  "openai-responses": [bearer, anthropicKey, azureKey, googleKey, query],
  "anthropic-messages": [anthropicKey, bearer, googleKey, azureKey, query],
  gemini: [googleKey, query, bearer, anthropicKey, azureKey],
};

/** Gives no promise where the key is known already, as nearly every one is. */
export function authenticate(world: World, exchange: Exchange): void | Promise<void> {
  const secret = presentedKey(exchange);
  if (secret === undefined) {
    throw new Failure(
      "unauthenticated",
      "No API key. Send it as `Authorization: Bearer XJP_...`, `x-api-key`, `x-goog-api-key` or `?key=`.",
      { code: "missing_api_key" },
    );
  }
  const verified = world.keys.verify(secret);
  const enter = (caller: Caller): void => {
    exchange.caller = caller;
    world.keys.touch(caller.keyId);
  };
  return verified instanceof Promise ? verified.then(enter) : enter(verified);
}

function presentedKey(exchange: Exchange): string | undefined {
  for (const read of places[exchange.protocolName]) {
    const secret = read(exchange);
    if (secret !== undefined && secret !== "") return secret;
  }
  return undefined;
}
