/**
 * Fetches what a stranger names, and nothing that only we can reach.
 *
 * Invariants: the address that was checked is the address that is connected to (a name may resolve differently the
 * second time it is asked for); every redirect is checked like the first URL; size and time have bounds. What
 * comes back says nothing about why a private address was refused, because that would be a port scanner.
 */
import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { isPublicAddress } from "./public-address.ts";
import { untilAborted } from "./until-aborted.ts";

export interface SafeFetchOptions {
  readonly fetch: (url: string, init: BunFetchRequestInit) => Promise<Response>;
  /** A host's addresses. */
  readonly resolve: (hostname: string) => Promise<readonly string[]>;
  /** Hosts (`name` or `name:port`) that may be reached wherever they are. */
  readonly allowHosts: readonly string[];
  /** Told of every piece of the body before it is kept; throws where there is too much. */
  readonly onBytes: (count: number) => void;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

export interface Fetched {
  readonly bytes: Uint8Array;
  /** The declared media type without parameters, lower case; "" where there is none. */
  readonly contentType: string;
}

/** Why a fetch was not done or not finished, in words for whoever named the URL. */
export class FetchRefused extends Error {
  override readonly name = "FetchRefused";
}

const REDIRECTS_MAX = 3;
const REDIRECT_STATUSES: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
const NOT_ALLOWED = "its address may not be fetched";

export async function safeFetch(url: string, options: SafeFetchOptions): Promise<Fetched> {
  const deadline = AbortSignal.timeout(options.timeoutMs);
  const signal = AbortSignal.any([options.signal, deadline]);
  try {
    const response = await follow(url, options, signal);
    return { bytes: await readBody(response, options.onBytes), contentType: contentTypeOf(response) };
  } catch (error) {
    if (error instanceof FetchRefused) throw error;
    if (options.signal.aborted) throw options.signal.reason;
    throw new FetchRefused(deadline.aborted ? "it took too long" : "it could not be fetched", {
      cause: error,
    });
  }
}

/** The addresses the system's resolver knows for a host. */
export async function resolveHost(hostname: string): Promise<readonly string[]> {
  return (await lookup(hostname, { all: true })).map(({ address }) => address);
}

async function follow(first: string, options: SafeFetchOptions, signal: AbortSignal): Promise<Response> {
  let url = toUrl(first);
  for (let redirects = 0; redirects <= REDIRECTS_MAX; redirects++) {
    const response = await fetchPinned(url, options, signal);
    if (response.ok) return response;
    void response.body?.cancel();
    const location = REDIRECT_STATUSES.has(response.status) ? response.headers.get("location") : null;
    if (location === null) throw new FetchRefused(`its server answered ${response.status}`);
    url = toUrl(location, url);
  }
  throw new FetchRefused("it redirects too often");
}

function toUrl(text: string, base?: URL): URL {
  const url = URL.parse(text, base?.href);
  if (!url || (url.protocol !== "http:" && url.protocol !== "https:")) {
    throw new FetchRefused("it is not an http or https URL");
  }
  if (url.username !== "" || url.password !== "") throw new FetchRefused("its URL holds credentials");
  return url;
}

/** Connects to the address that was checked; the name goes along in `Host` and in the TLS handshake. */
async function fetchPinned(url: URL, options: SafeFetchOptions, signal: AbortSignal): Promise<Response> {
  // The system's resolver takes no signal.
  const address = await untilAborted(pickAddress(url, options), signal);
  const target = new URL(url);
  target.hostname = isIP(address) === 6 ? `[${address}]` : address;
  target.hash = "";
  const isName = isIP(bareHost(url)) === 0;
  return options.fetch(target.href, {
    headers: { host: url.host, accept: "*/*", "accept-encoding": "identity" },
    redirect: "manual",
    signal,
    ...(isName && url.protocol === "https:" && { tls: { serverName: url.hostname } }),
  });
}

async function pickAddress(url: URL, { resolve, allowHosts }: SafeFetchOptions): Promise<string> {
  const host = bareHost(url);
  const addresses = isIP(host) === 0 ? await resolve(host) : [host];
  const isAllowed = allowHosts.includes(url.hostname) || allowHosts.includes(url.host);
  // One private address among public ones is an attack or a mistake; either way the name is not trusted.
  if (!isAllowed && !addresses.every(isPublicAddress)) throw new FetchRefused(NOT_ALLOWED);
  const [address] = addresses;
  if (address === undefined) throw new FetchRefused("its host has no address");
  return address;
}

function bareHost(url: URL): string {
  return url.hostname.replace(/^\[(.*)\]$/, "$1");
}

async function readBody(response: Response, onBytes: (count: number) => void): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const piece of response.body ?? []) {
    // Leaving the loop cancels the body, so a server cannot go on sending.
    onBytes(piece.byteLength);
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

function contentTypeOf(response: Response): string {
  return (response.headers.get("content-type") ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
}
