/** A request as the tests of HTTP clients make it, and what came of one that fails. */
import { Cancellation } from "#lib/cancellation.ts";
import type { HttpClient, HttpReply, HttpRequest } from "#lib/http-client.ts";

/** More than any answer here is meant to be. */
export const TEXT_MAX = 1_000_000;

export function ask(client: HttpClient, url: string, given: Partial<HttpRequest> = {}): Promise<HttpReply> {
  const cancellation = new Cancellation();
  return client.request({
    url,
    method: "POST",
    headers: [],
    body: "q",
    connectMs: 2_000,
    cancellation,
    ...given,
  });
}

/** What it was rejected with; "none" where it was not. */
export function failureOf(outcome: Promise<unknown> | string): Promise<unknown> {
  return Promise.resolve(outcome).then(
    () => "none",
    (error: unknown) => error,
  );
}
