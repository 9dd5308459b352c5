/**
 * The contract of a wire API. A protocol has two sides: what it is to clients (`ClientSide`) and what it is to
 * upstreams (`UpstreamSide`). Everything here is pure: text and state in, text and state out, no clock, no I/O.
 *
 * N decoders and N encoders make N x N pairs. Nothing in a protocol's folder knows another protocol.
 */
import type { JsonObject } from "#lib/json.ts";
import type { SseFrame } from "#lib/sse.ts";
import type { Chat, Opaque, ProtocolName, Vendor } from "#model/chat.ts";
import type { ChatEvent } from "#model/chat-event.ts";
import type { Failure } from "#model/failure.ts";
import type { Reply } from "#model/reply.ts";
import type { Usage } from "#model/usage.ts";

export interface Protocol {
  readonly name: ProtocolName;
  readonly client: ClientSide;
  readonly upstream: UpstreamSide;
}

// ---- towards clients ------------------------------------------------------------------------------------------

export interface ClientSide {
  /** Throws `bad_request` with `detail.param` naming the field. Never trusts a type. */
  decodeRequest(body: JsonObject, line: RequestLine): Chat;
  /** The whole answer as this API's JSON body. */
  encodeReply(reply: Reply, envelope: Envelope): JsonObject;
  createStreamEncoder(envelope: Envelope): StreamEncoder;
  encodeFailure(failure: Failure, requestId: string): EncodedFailure;
  /**
   * An error after the first byte, as stream text; what follows it must not look like a proper end. `forwarded`: in
   * the native lane, what the client has of the upstream's own stream.
   */
  encodeStreamFailure(failure: Failure, requestId: string, forwarded?: Forwarded): string;
  /** Stream text that only keeps the connection alive. */
  readonly keepAlive: string;
  /** This API's own token counting call, where it has one: no output limit is asked for. */
  readonly counting?: {
    decodeRequest(body: JsonObject, line: RequestLine): Chat;
    encodeReply(tokens: number): JsonObject;
  };
}

/** Whole events of an upstream's stream, as the client got them: the first that were sent, and the last. */
export interface Forwarded {
  readonly first: string;
  readonly last: string;
}

/** What the URL and headers say beside the body. */
export interface RequestLine {
  /** Gemini carries model and streaming in the path. */
  readonly model?: string;
  readonly stream?: boolean;
  /** Lower-case names. */
  readonly headers: { get(name: string): string | null };
  /** Opens what `Envelope.seal` sealed; undefined where the text is not ours, or not this tenant's. */
  readonly unseal: (text: string) => Opaque | undefined;
}

export interface Envelope {
  /** Our own response id without any prefix: base62, unique. Protocols add `chatcmpl-`, `msg_`, ... */
  readonly id: string;
  readonly createdAtSeconds: number;
  /** What really serves, for the body's `model`, unless the upstream names it more precisely. */
  readonly model: string;
  /** The request: for `includeUsage`, and for APIs that echo it (Responses). */
  readonly chat: Chat;
  /** Responses: the answer is kept here and can be referred to by its id. */
  readonly isKept?: boolean;
  /** Responses: the kept answer this one follows. */
  readonly previousId?: string;
  /** Wraps opaque state of a foreign vendor so that a client can hand it back and we know its origin. */
  readonly seal: (opaque: Opaque) => string;
}

/** Stateful, one per stream. `push` gives the text to send for an event, "" for none; `end` gives the proper end. */
export interface StreamEncoder {
  push(event: ChatEvent): string;
}

export interface EncodedFailure {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: JsonObject;
}

// ---- towards upstreams ----------------------------------------------------------------------------------------

export interface UpstreamSide {
  /**
   * The canonical lane: this API's body for a request from any other API. Throws `unsupported` naming what the
   * caller sent that cannot be expressed and must not be dropped (user content, output contracts).
   */
  encodeRequest(chat: Chat, dialect: Dialect): EncodedRequest;
  /**
   * The native lane: the caller's own body with only the fields policy owns replaced (model, stream switches).
   * Unknown fields, explicit nulls and key order survive.
   */
  patchRequest(raw: JsonObject, chat: Chat, dialect: Dialect): EncodedRequest;
  /** `chat`: the request answered, for what was renamed or emulated on the way up (tool names, custom tools). */
  createStreamDecoder(dialect: Dialect, chat?: Chat): StreamDecoder;
  /** A whole answer's events, from `start` to `end` or `error`. */
  decodeReply(body: unknown, dialect: Dialect, chat?: Chat): readonly ChatEvent[];
  /** Whether this model wants thoughts that nobody signed back with the calls they led to. Absent: no. */
  takesPlainThoughts?(dialect: Dialect): boolean;
  /** Where this API gives long answers in parts, each to be asked for with the token of `finish.continuation`. */
  readonly continuing?: Continuing;
  /** What a non-2xx answer means. `text` is the body as received, perhaps HTML, perhaps empty. */
  decodeFailure(answer: UpstreamAnswer): Failure;
  /** Token counting, where this API has it. */
  readonly counting?: {
    encodeRequest(chat: Chat, dialect: Dialect): JsonObject;
    patchRequest(raw: JsonObject, dialect: Dialect): JsonObject;
    /** Tokens, or undefined where the body is not understood. */
    decodeReply(body: unknown): number | undefined;
  };
}

export interface Continuing {
  /** Whether a caller of this API asks for the parts itself: then nobody else must. */
  isCallers(raw: JsonObject): boolean;
  /** The same request, for the answer's next part. */
  askOn(bodyText: string, token: string): string;
  /** Native lane: whole events of a part as events of the one answer. */
  joinEvents(text: string, place: PartPlace): string;
}

/** Where in a long answer a part of it stands. */
export interface PartPlace {
  /** The answer's id: its first part's. */
  readonly id: string | undefined;
  /** Another part follows, so this one has no end. */
  readonly goesOn: boolean;
  /** What this part reports, with what the earlier ones did. */
  total(usage: Usage): Usage;
}

/** Where an API needs none. One object for all requests, so that our client knows their head again. */
export const NO_HEADERS: EncodedRequest["headers"] = {};

export interface EncodedRequest {
  readonly body: JsonObject;
  /** Protocol headers only (`anthropic-version`, `anthropic-beta`); credentials are the connector's. */
  readonly headers: Readonly<Record<string, string>>;
  /** Canonical field paths the target cannot express, for `x-xjp-dropped`: `logit_bias`, `messages[3].name`. */
  readonly dropped: readonly string[];
}

export interface UpstreamAnswer {
  readonly status: number;
  readonly headers: { get(name: string): string | null };
  readonly text: string;
  /** Milliseconds since the epoch, for `retry-after` dates. */
  readonly nowMs: number;
}

export interface StreamDecoder {
  /** Events of one frame. A frame may also be an error object, whatever the protocol. */
  push(frame: SseFrame): readonly ChatEvent[];
  /** The body ended: `end`, or an `error` of kind `upstream_broken` where the proper end was missing. */
  end(): readonly ChatEvent[];
  /**
   * Native lane only: whether this frame, just pushed, is one the caller did not ask for (a usage chunk we forced)
   * and must not be forwarded. Absent: every frame is forwarded.
   */
  isHidden?(frame: SseFrame): boolean;
  /**
   * Native lane only, read after `end()` gave a proper `end`: stream text the upstream should have closed with and
   * did not (`data: [DONE]`), for the client to get. Absent or "": nothing is missing.
   */
  readonly missingEnd?: string;
}

/** Who is on the other side. Quirks belong to the protocol's own tables, keyed by `host` and `model`. */
export interface Dialect {
  /** The model id as the upstream knows it. */
  readonly model: string;
  /** Who made the model: only its own opaque reasoning state may be sent to it. */
  readonly vendor: Vendor;
  /** Provenance group for blobs bound to an organisation or back end: the connector's name. */
  readonly route: string;
  readonly host: Host;
}

export type Host =
  | "openai"
  | "openrouter"
  | "anthropic"
  | "clewdr"
  /** Gemini on AI Studio. */
  | "aistudio"
  /** Gemini or Claude on Vertex AI. */
  | "vertex"
  | "deepseek"
  | "mistral"
  | "compatible"
  | "demo";
