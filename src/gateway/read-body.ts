/** Reads the request body within its bounds: bytes, compressed or not, and depth of the JSON. */
import { brotliDecompress, gunzip, inflate, zstdDecompress, type InputType } from "node:zlib";
import { HttpError } from "#lib/http-error.ts";
import { isDeeperThan } from "#lib/is-deeper-than.ts";
import { isObject, parseJson } from "#lib/json.ts";
import { Failure } from "#model/failure.ts";
import type { Exchange } from "./exchange.ts";
import { refuseAmbiguous } from "./refuse-ambiguous.ts";
import type { World } from "./world.ts";

/** Real requests nest a dozen levels (schemas); past this a body only means to exhaust the stack of what reads it. */
const DEPTH_MAX = 200;
const decoder = new TextDecoder("utf-8", { fatal: true });

/** JSON values in a body: millions of empty lists take a hundred times their text in memory. */
const VALUES_MAX = 1_000_000;

/** At once where it is there. In time: a body that never ends must not hold its key's slot for ever. */
export function readBody(world: Pick<World, "clock">, exchange: Exchange): Uint8Array | Promise<Uint8Array> {
  const { bodyTimeoutMs, bodyBytesMax } = exchange.settings;
  const encoding = exchange.headers.get("content-encoding")?.trim().toLowerCase() ?? "identity";
  const sent = exchange.inbound.request.body(bodyBytesMax);
  if (!(sent instanceof Promise) && encoding === "identity") return sent;
  return new Promise((resolve, reject) => {
    const timer = world.clock.schedule(bodyTimeoutMs, () =>
      reject(new Failure("bad_request", `The body did not arrive within ${bodyTimeoutMs} ms.`)),
    );
    readAll(sent, encoding, bodyBytesMax).then(
      (bytes) => {
        timer.cancel();
        resolve(bytes);
      },
      (error: unknown) => {
        timer.cancel();
        reject(brokenOff(exchange, error));
      },
    );
  });
}

/** What `readBody` gave, as the exchange's text and what that says. */
export function takeBody(exchange: Exchange, bytes: Uint8Array): void {
  const text = decodeUtf8(bytes);
  if (hasMoreValuesThan(text, VALUES_MAX)) {
    throw new Failure("bad_request", `The body holds more than ${VALUES_MAX} values. Send less.`);
  }
  const raw = parseJson(text);
  if (!isObject(raw)) {
    throw new Failure(
      "bad_request",
      "The body is not a JSON object. Send JSON with `content-type: application/json`.",
    );
  }
  // Every level takes two brackets, so a short body cannot be deep.
  if (text.length > 2 * DEPTH_MAX && isDeeperThan(raw, DEPTH_MAX)) {
    throw new Failure("bad_request", `The body nests deeper than ${DEPTH_MAX} levels. Flatten it.`);
  }
  refuseAmbiguous(text, raw);
  exchange.text = text;
  exchange.parsed = raw;
  exchange.raw = raw;
}

/** Strictly: with question marks in the place of what cannot be read, the model would answer those. */
function decodeUtf8(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    throw new Failure("bad_request", "The body is not valid UTF-8. Encode it as UTF-8.", { cause });
  }
}

function brokenOff({ client, settings }: Exchange, cause: unknown): Failure {
  if (cause instanceof Failure) return cause;
  if (client.isCancelled) return new Failure("cancelled", "The client closed the connection.", { cause });
  if (cause instanceof HttpError && cause.kind === "too_large") return tooLarge(settings.bodyBytesMax);
  return new Failure("bad_request", "The body broke off. Send it whole.", { cause });
}

async function readAll(
  sent: Uint8Array | Promise<Uint8Array>,
  encoding: string,
  bytesMax: number,
): Promise<Uint8Array> {
  const bytes = await sent;
  return encoding === "identity" ? bytes : decompress(bytes, encoding, bytesMax);
}

type Decompressor = (
  bytes: InputType,
  options: { maxOutputLength: number },
  done: (error: Error | null, result: Buffer) => void,
) => void;

/** A map, because the key is the client's word: an object would also know `constructor`. */
const decompressors: ReadonlyMap<string, Decompressor> = new Map<string, Decompressor>([
  ["gzip", gunzip],
  ["x-gzip", gunzip],
  ["deflate", inflate],
  ["br", brotliDecompress],
  ["zstd", zstdDecompress],
]);

/** `maxOutputLength` stops a decompression bomb at the bound, not after it. */
function decompress(bytes: Uint8Array, encoding: string, bytesMax: number): Promise<Uint8Array> {
  const run = decompressors.get(encoding);
  if (!run) {
    throw new Failure(
      "bad_request",
      "This content-encoding is not supported. Use gzip, deflate, br, zstd or none.",
    );
  }
  return new Promise((resolve, reject) => {
    run(bytes, { maxOutputLength: bytesMax }, (error, result) => {
      if (!error) resolve(result);
      else if ("code" in error && error.code === "ERR_BUFFER_TOO_LARGE") reject(tooLarge(bytesMax));
      else reject(new Failure("bad_request", `The body is not valid ${encoding}.`, { cause: error }));
    });
  });
}

function tooLarge(bytesMax: number): Failure {
  return new Failure(
    "too_large",
    `The body is larger than ${bytesMax} bytes. Send less, or link to media by URL.`,
  );
}

/** Counts what opens or separates values. Jumps from one to the next, so base64 costs one native search. */
function hasMoreValuesThan(text: string, max: number): boolean {
  if (text.length <= max) return false;
  let count = 0;
  for (const mark of [",", "[", "{"]) {
    for (let at = text.indexOf(mark); at >= 0; at = text.indexOf(mark, at + 1)) {
      count += 1;
      if (count > max) return true;
    }
  }
  return false;
}
