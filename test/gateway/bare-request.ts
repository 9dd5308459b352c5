/** A request without a socket, for steps that are tested alone. */
import { Cancellation } from "#lib/cancellation.ts";
import type { IncomingRequest } from "#lib/http-server.ts";

export function bareRequest(gone = new Cancellation()): IncomingRequest {
  return {
    method: "POST",
    target: "/",
    headers: { get: () => null },
    gone,
    body: () => new Uint8Array(),
  };
}
