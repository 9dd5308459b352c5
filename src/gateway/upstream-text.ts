/** A whole upstream body as text, bounded: a provider gone mad must not take our memory with it. */
import type { HttpReply } from "#lib/http-client.ts";
import { HttpError } from "#lib/http-error.ts";
import { isObject, parseJson, type JsonObject } from "#lib/json.ts";
import { Failure } from "#model/failure.ts";
import type { Deadlines } from "./deadlines.ts";

const BODY_BYTES_MAX = 256 * 1024 * 1024;

/** Gives no promise where the body came together with its head, as most do. */
export function readUpstreamText(reply: HttpReply, deadlines: Deadlines): string | Promise<string> {
  const text = reply.text(BODY_BYTES_MAX);
  return typeof text === "string" ? text : text.catch((error: unknown) => rethrow(error, deadlines));
}

export function parseUpstreamBody(text: string): JsonObject | readonly unknown[] {
  const body = parseJson(text.trim());
  if (isObject(body) || Array.isArray(body)) return body;
  throw new Failure("upstream_broken", "The upstream answered something that is not JSON.");
}

function rethrow(error: unknown, { cancellation }: Deadlines): never {
  cancellation.throwIfCancelled();
  const isTooLarge = error instanceof HttpError && error.kind === "too_large";
  const message = isTooLarge
    ? "The upstream's answer is too large to hold."
    : "The upstream's connection broke in mid-answer.";
  throw new Failure("upstream_broken", message, { cause: error });
}
