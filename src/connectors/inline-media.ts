/**
 * Fetches media that a caller names by URL and puts the bytes in its place, for upstreams that cannot fetch.
 * Addresses that only the upstream itself can resolve (YouTube, its own file store, `gs://`) are left alone.
 */
import type { MediaConfig } from "#config/schema.ts";
import { FetchRefused, type Fetched, safeFetch, type SafeFetchOptions } from "#lib/safe-fetch.ts";
import { sniffMime } from "#lib/sniff-mime.ts";
import type { Chat, Media, ToolResultPart, Turn, UserPart } from "#model/chat.ts";
import { Failure } from "#model/failure.ts";

export type MediaEnvironment = Pick<SafeFetchOptions, "fetch" | "resolve">;

/** One request may name no more URLs than this: each is a connection of ours to a host of the caller's choice. */
const URLS_MAX = 20;
/** All files of one request together: they are held in memory, and then once more as base64. */
const TOTAL_BYTES_MAX = 64 * 1024 * 1024;

/**
 * The same chat where there is nothing to fetch, so that callers can tell by identity. Throws `bad_request` naming
 * the part, or `unsupported` where fetching is switched off.
 */
export async function inlineMedia(
  chat: Chat,
  config: MediaConfig,
  { environment, signal }: { readonly environment: MediaEnvironment; readonly signal: AbortSignal },
): Promise<Chat> {
  const wanted = planInlining(chat);
  if (wanted.size === 0) return chat;
  const [first] = wanted.values();
  if (!config.fetch_urls) throw switchedOff(first);
  if (wanted.size > URLS_MAX) throw badMedia(first, `there are more than ${URLS_MAX} URLs; send the bytes`);
  // One file's failure ends the others' fetches too.
  const abort = new AbortController();
  const shared = AbortSignal.any([signal, abort.signal]);
  const total = { bytes: 0 };
  const fetchOne = async (place: MediaPlace): Promise<readonly [string, Media]> => {
    const options = {
      ...environment,
      allowHosts: config.allow_hosts,
      timeoutMs: config.timeout_ms,
      signal: shared,
    };
    const onBytes = countBytes(config.bytes_max, total);
    return [place.url, toMedia(place, await fetchFor(place, { ...options, onBytes }))];
  };
  try {
    const fetched = new Map(await Promise.all([...wanted.values()].map(fetchOne)));
    return replaceMedia(chat, fetched);
  } finally {
    abort.abort();
  }
}

/** What would have to be fetched: by URL, with the first part that names it. Pure. */
export function planInlining(chat: Chat): ReadonlyMap<string, MediaPlace> {
  const wanted = new Map<string, MediaPlace>();
  mapMedia(chat, (media, place) => {
    if (media.from !== "url" || !isOurs(media.url)) return media;
    const known = wanted.get(media.url);
    if (!known) wanted.set(media.url, { ...place, url: media.url, declared: media.mime });
    return media;
  });
  return wanted;
}

interface MediaPlace {
  readonly kind: MediaKind;
  /** Where it stands, in the canonical request. */
  readonly path: string;
  readonly url: string;
  /** The type the caller gave. */
  readonly declared: string | undefined;
}

type MediaKind = "image" | "audio" | "video" | "document";

/** Hosts whose addresses mean something only to Google's own fetcher. */
const GOOGLE_ONLY = /^(?:(?:www\.|m\.)?youtube\.com|youtu\.be|generativelanguage\.googleapis\.com)$/;

function isOurs(url: string): boolean {
  if (!/^https?:/i.test(url)) return false;
  return !GOOGLE_ONLY.test(URL.parse(url)?.hostname ?? "");
}

function countBytes(bytesMax: number, total: { bytes: number }): (count: number) => void {
  let own = 0;
  return (count) => {
    own += count;
    total.bytes += count;
    if (own > bytesMax) throw new FetchRefused(`it is larger than ${bytesMax} bytes`);
    if (total.bytes > TOTAL_BYTES_MAX)
      throw new FetchRefused("the files of this request are too large together");
  };
}

async function fetchFor(place: MediaPlace, options: SafeFetchOptions): Promise<Fetched> {
  try {
    return await safeFetch(place.url, options);
  } catch (error) {
    if (error instanceof FetchRefused) throw badMedia(place, error.message, error);
    throw error;
  }
}

function toMedia(place: MediaPlace, { bytes, contentType }: Fetched): Media {
  // The bytes know best; servers call everything octet-stream, and some call an error page an image.
  const mime = sniffMime(bytes) ?? textType(bytes, contentType) ?? usableType(contentType) ?? place.declared;
  if (bytes.byteLength === 0) throw badMedia(place, "it is empty");
  if (mime === undefined || !FITS[place.kind].test(mime))
    throw badMedia(place, `it is not ${NAMES[place.kind]}`);
  if (place.kind === "document" && mime.startsWith("text/")) {
    return { from: "text", mime, text: new TextDecoder().decode(bytes) };
  }
  return { from: "base64", mime, data: Buffer.from(bytes).toString("base64") };
}

const FITS: Readonly<Record<MediaKind, RegExp>> = {
  image: /^image\//,
  audio: /^(?:audio\/|video\/(?:webm|mp4)$)/,
  video: /^video\//,
  document: /^(?:application\/|text\/)/,
};
const NAMES: Readonly<Record<MediaKind, string>> = {
  image: "an image",
  audio: "audio",
  video: "a video",
  document: "a document",
};

function usableType(contentType: string): string | undefined {
  if (contentType === "" || contentType === "application/octet-stream") return undefined;
  return contentType === "image/jpg" ? "image/jpeg" : contentType;
}

/** Text that claims to be an image or a PDF is an error page. */
function textType(bytes: Uint8Array, contentType: string): string | undefined {
  if (!/^(?:image|audio|video)\/|^application\/pdf$/.test(contentType) || contentType.endsWith("+xml"))
    return undefined;
  return /^\s*<(?:!doctype|html|\?xml)/i.test(Buffer.from(bytes.subarray(0, 64)).toString("latin1"))
    ? "text/html"
    : undefined;
}

function replaceMedia(chat: Chat, fetched: ReadonlyMap<string, Media>): Chat {
  return mapMedia(chat, (media) => (media.from === "url" ? (fetched.get(media.url) ?? media) : media));
}

type Place = Pick<MediaPlace, "kind" | "path">;
type MapMedia = (media: Media, place: Place) => Media;

/** Only what users say and tools answer is looked at: nothing an assistant said has to be fetched. */
function mapMedia(chat: Chat, map: MapMedia): Chat {
  const turns = chat.turns.map((turn, index): Turn => {
    if (turn.side !== "user") return turn;
    return {
      ...turn,
      parts: turn.parts.map((part, at) => mapPart(part, `turns[${index}].parts[${at}]`, map)),
    };
  });
  return { ...chat, turns };
}

function mapPart<Part extends UserPart | ToolResultPart>(part: Part, path: string, map: MapMedia): Part {
  switch (part.type) {
    case "tool_result":
      return {
        ...part,
        content: part.content.map((inner, at) => mapPart(inner, `${path}.content[${at}]`, map)),
      };
    case "image":
    case "audio":
    case "video":
      return { ...part, media: map(part.media, { kind: part.type, path }) };
    case "document":
      return {
        ...part,
        ...(part.media && { media: map(part.media, { kind: "document", path }) }),
        ...(part.blocks && {
          blocks: part.blocks.map((inner, at) => mapPart(inner, `${path}.blocks[${at}]`, map)),
        }),
      };
    case "text":
    case "search_result":
    case "unknown":
      return part;
  }
}

function badMedia(place: MediaPlace | undefined, why: string, cause?: unknown): Failure {
  const what = place ? `The ${place.kind} at ${place.path}` : "The media";
  return new Failure("bad_request", `${what} was not fetched: ${why}.`, {
    code: "media_not_fetched",
    ...(place && { param: place.path }),
    ...(cause !== undefined && { cause }),
  });
}

function switchedOff(place: MediaPlace | undefined): Failure {
  return new Failure(
    "unsupported",
    "This model takes media only as bytes. Send it as base64 instead of a URL.",
    {
      code: "media_url_unsupported",
      ...(place && { param: place.path }),
    },
  );
}
