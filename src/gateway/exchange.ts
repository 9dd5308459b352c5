/**
 * The record of one request, from its first byte to its ledger row. Steps write what they learn; `settle` reads it
 * once. Nothing in it outlives the request.
 */
import type { Admission } from "#limits/admission.ts";
import type { WorstRequest } from "#ledger/price.ts";
import type { Cancellation } from "#lib/cancellation.ts";
import type { HeaderReader } from "#lib/http-headers.ts";
import type { IncomingRequest } from "#lib/http-server.ts";
import type { JsonObject } from "#lib/json.ts";
import type { Caller } from "#model/caller.ts";
import type { Chat, ProtocolName } from "#model/chat.ts";
import type { Failure } from "#model/failure.ts";
import type { TurnThoughts } from "#model/turn-thoughts.ts";
import { mergeUsage, type Usage } from "#model/usage.ts";
import type { Target } from "#connectors/connector.ts";
import type { Protocol } from "#protocols/protocol.ts";
import { keepCounts } from "./keep-counts.ts";
import type { Route, Settings } from "./world.ts";

const NO_FIELDS: JsonObject = {};
const NONE: readonly never[] = [];

/** What the router hands in: the socket's request, and what its URL said. */
export interface Inbound {
  readonly request: IncomingRequest;
  readonly protocol: Protocol;
  /** From the path, where the API puts them there. */
  readonly model?: string;
  readonly stream?: boolean;
}

/** What of a Responses request is kept beside its answer. */
export interface Keeping {
  /** JSON: the items that were new in the request. */
  readonly inputText: string;
  readonly previousId?: string;
  /** The client said so; else it only did not say no, and an answer is worth more than its copy. */
  readonly isAsked: boolean;
  /** The upstream keeps it as well. */
  readonly isUpstream: boolean;
}

export class Exchange {
  readonly id: string;
  readonly inbound: Inbound;
  readonly headers: HeaderReader;
  readonly settings: Settings;
  /** Monotonic. */
  readonly startedMs: number;
  readonly createdAtMs: number;
  /** Cancelled when the client closes its connection. */
  readonly client: Cancellation;
  readonly attempts: Attempt[] = [];
  caller: Caller | undefined;
  admission: Admission | undefined;
  /** What one attempt is held for, where the caller's limits ask for a hold. */
  worstAttempt: WorstRequest | undefined;
  /** The body as text and what that says: the native lane forwards it. */
  text = "";
  parsed: JsonObject = NO_FIELDS;
  /** The body as it is to be understood: what the text says, with what policy put into it. */
  raw: JsonObject = NO_FIELDS;
  chat: Chat | undefined;
  /** The request before thoughts were put back into it; absent where none were. */
  chatAsSent: Chat | undefined;
  /** What was put back: it costs tokens and is not in the body. */
  recalled: readonly TurnThoughts[] = NONE;
  route: Route | undefined;
  dropped: readonly string[] = NONE;
  /** Responses: what is to be kept of this exchange, where its client may refer to it later. */
  keeping: Keeping | undefined;
  /** The connector that alone may answer, because its upstream keeps the conversation. */
  pinnedTo: string | undefined;
  /** Time spent waiting for upstreams beside what the attempts took to begin: between them, and for a stream's rest. */
  waitedMs = 0;
  firstTokenMs: number | undefined;
  isSettled = false;

  constructor(fields: Pick<Exchange, "id" | "inbound" | "settings" | "startedMs" | "createdAtMs">) {
    this.id = fields.id;
    this.inbound = fields.inbound;
    this.headers = fields.inbound.request.headers;
    this.settings = fields.settings;
    this.startedMs = fields.startedMs;
    this.createdAtMs = fields.createdAtMs;
    this.client = fields.inbound.request.gone;
  }

  get protocolName(): ProtocolName {
    return this.inbound.protocol.name;
  }

  get isStrict(): boolean {
    return this.headers.get("x-xjp-strict") === "true";
  }
}

/** One try at one target, as it will be booked. */
export class Attempt {
  readonly number: number;
  readonly target: Target;
  readonly startedMs: number;
  protocolOut: ProtocolName | undefined;
  /** Whether bytes went to the upstream: only then it becomes a row. */
  reachedUpstream = false;
  /** HTTP status of the upstream; 0 while or where there was none. */
  status = 0;
  servedModel: string | undefined;
  #usage: Usage | undefined;
  /** Bytes of UTF-8 generated, for an estimate where the upstream reports nothing. */
  outputBytes = 0;
  firstTokenMs: number | undefined;
  totalMs: number | undefined;
  failure: Failure | undefined;

  constructor(number: number, target: Target, startedMs: number) {
    this.number = number;
    this.target = target;
    this.startedMs = startedMs;
  }

  get usage(): Usage | undefined {
    return this.#usage;
  }

  /** Whatever is no count is left out here, once, so that nothing behind it has to fear an upstream's numbers. */
  set usage(usage: Usage | undefined) {
    this.#usage = usage && keepCounts(usage);
  }

  /** Where several upstream calls made the answer: what each but the last reported. Parts of `usage`. */
  earlierCalls: readonly Usage[] = NONE;

  addUsage(usage: Usage): void {
    this.#usage = mergeUsage(this.#usage, keepCounts(usage));
  }
}
