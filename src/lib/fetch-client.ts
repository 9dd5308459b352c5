/** `fetch` as an HttpClient: where requests have to pass a proxy, which it knows how to find and our own client does not. */
import { readText, type HttpClient, type HttpReply, type HttpRequest } from "./http-client.ts";
import { HttpError } from "./http-error.ts";
import { pullFrom } from "./pull-from.ts";

export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** `connectMs` is not kept: `fetch` does not tell when its connection stands. */
export function createFetchClient(fetch: Fetch): HttpClient {
  return { request: (request) => ask(fetch, request), close: () => undefined };
}

async function ask(
  fetch: Fetch,
  { url, method, headers, body, cancellation }: HttpRequest,
): Promise<HttpReply> {
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  cancellation.onCancel(abort);
  try {
    const response = await fetch(url, {
      method,
      headers: Object.assign({}, ...headers),
      ...(body !== undefined && { body }),
      signal: controller.signal,
      // A redirect could carry our credentials to wherever it points.
      redirect: "manual",
    });
    return toReply(response, () => {
      cancellation.off(abort);
      abort();
    });
  } catch (cause) {
    cancellation.off(abort);
    if (controller.signal.aborted) throw new HttpError("cancelled", "The request was given up.", { cause });
    throw new HttpError("unreachable", "The request was refused, or its connection broke.", { cause });
  }
}

function toReply({ status, headers, body }: Response, close: () => void): HttpReply {
  const reader = body?.getReader();
  const reply: HttpReply = {
    status,
    headers,
    pull: pullFrom(async () => (await reader?.read())?.value),
    text: (bytesMax) => readText(reply, bytesMax),
    close,
  };
  return reply;
}
