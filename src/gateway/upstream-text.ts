/** A whole upstream body as text, bounded: a provider gone mad must not take our memory with it. */
import { isObject, parseJson, type JsonObject } from "#lib/json.ts";
import { Failure } from "#model/failure.ts";
import type { Deadlines } from "./deadlines.ts";

const BODY_BYTES_MAX = 256 * 1024 * 1024;
/** Read without counting: even compressed a thousandfold it would stay within the bound. */
const SMALL_BYTES = 256 * 1024;

export async function readUpstreamText(response: Response, deadlines: Deadlines): Promise<string> {
  const declared = Number(response.headers.get("content-length") ?? Number.NaN);
  if (declared > BODY_BYTES_MAX) throw tooLarge();
  try {
    // A declared length bounds what was sent, not what a compressed body becomes.
    const isPlain = response.headers.get("content-encoding") === null;
    if ((isPlain && declared <= SMALL_BYTES) || !response.body) return await response.text();
    return await readCounting(response.body);
  } catch (error) {
    if (deadlines.signal.aborted) throw deadlines.signal.reason;
    if (error instanceof Failure) throw error;
    throw new Failure("upstream_broken", "The upstream's connection broke in mid-answer.", { cause: error });
  }
}

export function parseUpstreamBody(text: string): JsonObject | readonly unknown[] {
  const body = parseJson(text.trim());
  if (isObject(body) || Array.isArray(body)) return body;
  throw new Failure("upstream_broken", "The upstream answered something that is not JSON.");
}

async function readCounting(body: ReadableStream<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let total = 0;
  for await (const chunk of body) {
    total += chunk.length;
    if (total > BODY_BYTES_MAX) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, total).toString("utf8");
}

function tooLarge(): Failure {
  return new Failure("upstream_broken", "The upstream's answer is too large to hold.");
}
