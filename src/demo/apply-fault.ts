/** Carries out the faults of fault.ts: as an error, as another reply, or as a broken way of sending a good one. */
import type { Api, Conversation, Frame, ReplyPart } from "./conversation.ts";
import type { Dialect } from "./dialect.ts";
import type { Fault, FaultKind } from "./fault.ts";
import type { SendStep } from "./send-answer.ts";
import { VendorError, type VendorErrorKind } from "./vendor-error.ts";

const encoder = new TextEncoder();
const TOKENS_BEFORE = 3;
const SLOW_MS = 1000;

/** The error of a fault that answers with one, or undefined. */
export function faultError(fault: Fault, api: Api): VendorError | undefined {
  if (fault.kind === "context")
    return new VendorError("context", CONTEXT_MESSAGES[api], { param: "messages" });
  if (fault.kind.startsWith("429")) return rateLimitError(fault);
  const known = ERRORS[fault.kind];
  return known && new VendorError(known[0], known[1]);
}

const ERRORS: Partial<Record<FaultKind, readonly [VendorErrorKind, string]>> = {
  "400": ["invalid", "The demo was asked to call this request invalid."],
  "401": ["unauthenticated", "Incorrect API key provided."],
  "402": ["payment", "Your credit balance is too low."],
  "403": ["forbidden", "Your key has no permission to use this model."],
  "404": ["notFound", "The model does not exist or you do not have access to it."],
  "413": ["tooLarge", "Request exceeds the maximum size."],
  quota: ["quota", "You exceeded your current quota, please check your plan and billing details."],
  "500": ["broken", "The server had an error while processing your request."],
  "502": ["badGateway", "Bad gateway."],
  "503": ["unavailable", "The service is overloaded, try again later."],
  flap: ["unavailable", "The service is overloaded, try again later."],
  "529": ["overloaded", "Overloaded"],
  "error-first": ["overloaded", "Overloaded"],
  "error-mid": ["overloaded", "Overloaded"],
  "error-200": ["overloaded", "Overloaded"],
};

const CONTEXT_MESSAGES: Readonly<Record<Api, string>> = {
  chat: "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens.",
  responses: "Your input exceeds the context window of this model. Please adjust your input and try again.",
  anthropic: "prompt is too long: 210000 tokens > 200000 maximum",
  gemini: "The input token count (1100000) exceeds the maximum number of tokens allowed (1048576).",
};

function rateLimitError(fault: Fault): VendorError {
  const seconds = fault.parameter ?? 1;
  const message = "Rate limit reached for requests.";
  const resetsAt = new Date(Date.now() + seconds * 1000);
  if (fault.kind === "429-date") {
    return new VendorError("rateLimited", message, { headers: { "retry-after": resetsAt.toUTCString() } });
  }
  if (fault.kind === "429-ms") {
    return new VendorError("rateLimited", message, {
      headers: { "retry-after-ms": String(fault.parameter ?? 50) },
    });
  }
  const retryDelay = `${seconds}s`;
  if (fault.kind !== "429-reset") {
    return new VendorError("rateLimited", message, {
      headers: { "retry-after": String(seconds) },
      retryDelay,
    });
  }
  const headers = {
    "x-ratelimit-remaining-requests": "0",
    "x-ratelimit-reset-requests": `${seconds}s`,
    "anthropic-ratelimit-requests-remaining": "0",
    "anthropic-ratelimit-requests-reset": resetsAt.toISOString(),
  };
  return new VendorError("rateLimited", message, { headers, retryDelay });
}

/** Whether the error is the whole answer, and with its own status. */
export function isPlainError(fault: Fault): boolean {
  return fault.kind !== "error-first" && fault.kind !== "error-mid" && fault.kind !== "error-200";
}

/** What the model says under this fault, or undefined where it says what it always does. */
export function faultParts(fault: Fault): readonly ReplyPart[] | undefined {
  if (fault.kind === "empty" || fault.kind === "filter") return [];
  if (fault.kind === "refusal") return [{ kind: "refusal", text: "I'm sorry, but I can't help with that." }];
  if (fault.kind !== "huge") return undefined;
  // White space belongs to the token before it, so this is one event, however large.
  return [{ kind: "text", text: `huge${" ".repeat((fault.parameter ?? 1024) * 1024)}end` }];
}

interface StreamFault {
  readonly dialect: Dialect;
  readonly conversation: Conversation;
  readonly fault?: Fault;
  readonly chunkDelayMs: number;
}

export function* streamSteps(frames: readonly Frame[], options: StreamFault): Generator<SendStep> {
  const { fault } = options;
  const tokensBefore = fault?.kind === "error-first" ? 0 : (fault?.parameter ?? TOKENS_BEFORE);
  let tokens = 0;
  let isBroken = false;
  // The runtime completes the headers only with the first bytes of the body, so nothing at all arrives before.
  if (fault?.kind === "slow") yield { do: "wait", ms: fault.parameter ?? SLOW_MS };
  for (const frame of frames) {
    if (isDropped(frame, fault)) continue;
    const isDue =
      (frame.step === "content" && tokens === tokensBefore) ||
      (frame.step === "finish" && tokens < tokensBefore);
    if (fault?.kind === "slow-token" && frame.step === "content" && tokens === 0) {
      yield { do: "wait", ms: fault.parameter ?? SLOW_MS };
    }
    if (fault && isDue && !isBroken && isBreaking(fault)) {
      isBroken = true;
      yield* breakSteps(fault, options);
      if (fault.kind !== "malformed") return;
    }
    if (frame.step === "content") tokens += 1;
    yield* sendFrame(frame, fault);
    if (options.chunkDelayMs > 0 && frame.step === "content") yield { do: "wait", ms: options.chunkDelayMs };
  }
}

function* sendFrame(frame: Frame, fault: Fault | undefined): Generator<SendStep> {
  const bytes = encoder.encode(frame.text);
  if (fault?.kind !== "bytes") {
    yield { do: "send", bytes };
    return;
  }
  yield* byteSteps(bytes);
}

function* byteSteps(bytes: Uint8Array): Generator<SendStep> {
  for (let at = 0; at < bytes.length; at += 1) {
    yield { do: "send", bytes: bytes.subarray(at, at + 1) };
    // Lets the byte leave before the next one joins it.
    yield { do: "wait", ms: 0 };
  }
}

function isDropped(frame: Frame, fault: Fault | undefined): boolean {
  if (frame.step === "terminator") return fault?.kind === "no-terminator" || fault?.kind === "no-finish";
  return frame.step === "finish" && fault?.kind === "no-finish";
}

const BREAKING = new Set<FaultKind>(["cut", "eof", "stall", "malformed", "error-first", "error-mid"]);

function isBreaking(fault: Fault): boolean {
  return BREAKING.has(fault.kind);
}

function* breakSteps(fault: Fault, options: StreamFault): Generator<SendStep> {
  const { dialect, conversation } = options;
  if (fault.kind === "cut") yield { do: "reset" };
  if (fault.kind === "stall") yield { do: "stall" };
  if (fault.kind === "malformed") yield { do: "send", bytes: encoder.encode(dialect.malformedEvent) };
  const error = faultError(fault, conversation.api);
  if (error) yield { do: "send", bytes: encoder.encode(dialect.writeStreamError(error, conversation)) };
}

const HALVING = new Set<FaultKind>(["cut", "stall", "eof", "malformed", "no-terminator", "no-finish"]);

/** A whole answer under a fault of sending: half of it arrives before things go wrong. */
export function* wholeSteps(bytes: Uint8Array, fault: Fault): Generator<SendStep> {
  if (fault.kind === "bytes") {
    yield* byteSteps(bytes);
    return;
  }
  if (fault.kind.startsWith("slow")) yield { do: "wait", ms: fault.parameter ?? SLOW_MS };
  const isHalved = HALVING.has(fault.kind);
  yield { do: "send", bytes: isHalved ? bytes.subarray(0, Math.floor(bytes.length / 2)) : bytes };
  if (fault.kind === "cut") yield { do: "reset" };
  if (fault.kind === "stall") yield { do: "stall" };
}

export function htmlErrorPage(): Response {
  return new Response(
    "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>",
    {
      status: 502,
      headers: { "content-type": "text/html" },
    },
  );
}
