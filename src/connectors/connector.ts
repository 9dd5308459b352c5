/**
 * The contract of a connector: whom we speak to. A connector is protocol + base URL + auth + quirks. It signs and
 * addresses; it never reads a stream. One file each; a new upstream that speaks a known API needs only config.
 */
import type { Cancellation } from "#lib/cancellation.ts";
import type { JsonObject } from "#lib/json.ts";
import type { ProtocolName } from "#model/chat.ts";
import type { Failure } from "#model/failure.ts";
import type { Dialect, UpstreamAnswer } from "#protocols/protocol.ts";

/** What the call is for. `embed_batch` differs from `embed` only where an API has a URL of its own for several inputs. */
export type Operation = "whole" | "stream" | "count" | "embed" | "embed_batch";

/** Where a model lives on this connector, fixed at load time. */
export interface Target {
  /** `connector/model`, as in `x-xjp-target`, metrics and rows. */
  readonly id: string;
  readonly connector: Connector;
  readonly model: string;
  readonly weight: number;
  /** Vertex: whose model, `google` when absent. */
  readonly publisher?: string;
}

export interface Connector {
  /** The name in config; metrics call it `provider`. */
  readonly name: string;
  /** What it is, as `type` in config: `openrouter`, `vertex`, ... The price book knows providers by it. */
  readonly type: string;
  /** Where it is, as configured: tells which public provider a compatible server is. */
  readonly baseUrl?: string;
  /** The APIs this upstream speaks for a model, best first. The client's own API is taken where it is among them. */
  protocols(target: Target): readonly ProtocolName[];
  dialect(target: Target, protocol: ProtocolName): Dialect;
  /** URL and credential headers. Async only where a token must be fetched; throws `upstream_refused` if that fails. */
  address(call: Call): Address | Promise<Address>;
  /** Last touch on a body this connector's API wants different (Claude on Vertex has no `model`). */
  shape?(body: JsonObject, call: Call): JsonObject;
  /** What this connector cannot take at all, said before anything is sent: `video`, `tools`. */
  refuses?(call: Call, features: ReadonlySet<Feature>): Failure | undefined;
  /** An own reading of an error answer, before the protocol's. */
  explain?(answer: UpstreamAnswer): Failure | undefined;
  /** An upstream said 401: forget the cached token. True where a fresh one may help. */
  forgetToken?(): boolean;
  /** Media given by URL must be fetched and inlined by us, because this upstream cannot. */
  readonly inlinesUrls?: boolean;
}

export interface Call {
  readonly target: Target;
  readonly protocol: ProtocolName;
  readonly operation: Operation;
  /** Cancels a token fetch. */
  readonly cancellation: Cancellation;
}

export interface Address {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Content a request carries, for `refuses`. */
export type Feature = "tools" | "image" | "image_url" | "document" | "document_url" | "audio" | "video";
