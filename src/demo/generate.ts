/** Answers one request for text, a count or embeddings: find the model, read, answer, apply the fault, send. */
import { asString, type JsonObject } from "#lib/json.ts";
import { answer, finishReply } from "./answer.ts";
import {
  faultError,
  faultParts,
  htmlErrorPage,
  isPlainError,
  streamSteps,
  wholeSteps,
} from "./apply-fault.ts";
import { prefillOf, type Conversation, type Frame, type Reply } from "./conversation.ts";
import { answerGeminiEmbedding, answerOpenAiEmbeddings } from "./embed-answer.ts";
import { findDemoModel, type DemoModel } from "./demo-models.ts";
import { DIALECTS, type Dialect } from "./dialect.ts";
import { type Fault, type FaultCounter, parseFault } from "./fault.ts";
import { answerPart, partAsked } from "./long-answer.ts";
import { toArrayFrames } from "./gemini-reply.ts";
import { LoremCache, toRequestKey } from "./lorem-cache.ts";
import type { LoggedRequest } from "./request-log.ts";
import type { Route } from "./routes.ts";
import { sendNothing, sendReset, sendSteps } from "./send-answer.ts";
import { countInput } from "./tokens.ts";
import { VENDOR_HEADERS } from "./vendor-headers.ts";
import { VendorError, writeError } from "./vendor-error.ts";

export interface Job {
  readonly request: Request;
  readonly route: Extract<Route, { does: "generate" | "count" | "embed" }>;
  readonly body: JsonObject;
  /** The body as it came. */
  readonly text: string;
  readonly entry: LoggedRequest;
}

const EVENT_STREAM = { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache" };
const JSON_TYPE = { "content-type": "application/json" };
const encoder = new TextEncoder();

export class Generator {
  readonly #faults: FaultCounter;
  readonly #lorem = new LoremCache();
  #serial = 0;

  constructor(faults: FaultCounter) {
    this.#faults = faults;
  }

  /** The fast path: the answer to a request seen before, to the letter, or undefined. */
  replay(request: Request, text: string, entry: LoggedRequest): Response | undefined {
    const key = toRequestKey(request, text);
    return key === undefined ? undefined : this.#lorem.replay(key, entry);
  }

  generate(job: Job): Response | Promise<Response> {
    const { route, entry } = job;
    const name = route.model ?? asString(job.body.model);
    if (name === undefined)
      throw new VendorError("invalid", "you must provide a model parameter", { param: "model" });
    entry.noteModel(name);
    const model = findDemoModel(name);
    const fault = this.#chooseFault(job, model);
    if (fault) entry.noteFault(fault.counter);
    const early = fault && breakEarly(fault, job);
    if (early) return early;
    if (model === undefined) throw new VendorError("notFound", writeMissing(name, route.api));
    if (route.does === "embed") return sendEmbeddings(job.body, route, entry);
    const dialect = DIALECTS[route.api];
    const conversation = dialect.read(job.body, {
      house: route.house,
      model: name,
      isStream: route.isStream ?? false,
      checksBlobs: model.behaviour === "reasoning",
      isCount: route.does === "count",
    });
    if (route.does === "count") return sendCount(conversation, entry);
    if (typeof model.behaviour === "object" && "loremTokens" in model.behaviour && fault === undefined) {
      return this.#lorem.send({
        conversation,
        model,
        dialect,
        frame: frameFor(job),
        entry,
        requestKey: toRequestKey(job.request, job.text),
      });
    }
    return this.#send({ job, dialect, conversation, model, ...(fault && { fault }) });
  }

  #chooseFault(job: Job, model: DemoModel | undefined): Fault | undefined {
    const header = job.request.headers.get("x-demo-fault");
    const fault = header === null ? faultOf(model, job) : parseFault(header);
    if (fault === undefined) {
      if (header !== null) throw new VendorError("invalid", `Unknown fault '${header}' in x-demo-fault.`);
      return undefined;
    }
    return this.#faults.shouldFail(fault) ? fault : undefined;
  }

  #send(answering: Answering): Response {
    const { job, dialect, conversation, fault } = answering;
    if (fault?.kind === "no-prefill" && prefillOf(conversation) !== "") {
      throw new VendorError("invalid", "This model does not support assistant message prefill.");
    }
    this.#serial += 1;
    const serial = `demo${this.#serial}`;
    const parts = fault && faultParts(fault);
    const made = parts ? finishReply(conversation, parts, serial) : answerFor(answering, serial);
    const reply: Reply = fault?.kind === "filter" ? { ...made, finish: "filter" } : made;
    if (fault?.kind === "error-200") return sendErrorWithOk(fault, conversation, job.entry);
    if (conversation.isStream && fault?.kind !== "not-sse") {
      const frames = frameFor(job).wrap(dialect.writeFrames(conversation, reply));
      const steps = streamSteps(frames, { dialect, conversation, chunkDelayMs: 0, ...(fault && { fault }) });
      const headers = { ...VENDOR_HEADERS[conversation.house], ...frameFor(job).headers };
      return sendSteps({ status: 200, headers }, steps, job.entry);
    }
    const headers = { ...VENDOR_HEADERS[conversation.house], ...JSON_TYPE };
    const bytes = encoder.encode(JSON.stringify(dialect.writeReply(conversation, reply)));
    if (fault) return sendSteps({ status: 200, headers }, wholeSteps(bytes, fault), job.entry);
    job.entry.finish();
    return new Response(bytes, { headers });
  }
}

function answerFor({ conversation, model, job }: Answering, serial: string): Reply {
  if (typeof model.behaviour === "object" && "longParts" in model.behaviour && job.route.api === "gemini")
    return answerPart(conversation, { parts: model.behaviour.longParts, body: job.body, serial });
  return answer(conversation, model, serial);
}

/** A long answer fails in its second request. */
function faultOf(model: DemoModel | undefined, { body }: Job): Fault | undefined {
  const isLong = typeof model?.behaviour === "object" && "longParts" in model.behaviour;
  return isLong && partAsked(body) !== 2 ? undefined : model?.fault;
}

interface Answering {
  readonly job: Job;
  readonly dialect: Dialect;
  readonly conversation: Conversation;
  readonly model: DemoModel;
  readonly fault?: Fault;
}

/** How frames are put on the wire. */
export interface Framing {
  readonly headers: Readonly<Record<string, string>>;
  wrap(frames: readonly Frame[]): readonly Frame[];
}

const SSE: Framing = { headers: EVENT_STREAM, wrap: (frames) => frames };
const JSON_ARRAY: Framing = { headers: JSON_TYPE, wrap: toArrayFrames };

function frameFor(job: Job): Framing {
  if (job.route.api !== "gemini") return SSE;
  return job.request.url.includes("alt=sse") ? SSE : JSON_ARRAY;
}

/** The faults that need no answer at all. */
function breakEarly(fault: Fault, job: Job): Response | Promise<Response> | undefined {
  if (fault.kind === "reset") return sendReset(job.entry);
  if (fault.kind === "hang") {
    job.request.signal.addEventListener("abort", () => job.entry.abort());
    return sendNothing();
  }
  if (fault.kind === "html") {
    job.entry.finish();
    return htmlErrorPage();
  }
  const error = isPlainError(fault) ? faultError(fault, job.route.api) : undefined;
  if (error) throw error;
  return undefined;
}

function sendErrorWithOk(fault: Fault, conversation: Conversation, entry: LoggedRequest): Response {
  entry.finish();
  const error = faultError(fault, conversation.api) ?? new VendorError("broken", "Broken.");
  return Response.json(writeError(error, conversation.api, conversation.house));
}

function sendEmbeddings(body: JsonObject, route: EmbedRoute, entry: LoggedRequest): Response {
  entry.finish();
  const isGemini = route.api === "gemini";
  return Response.json(isGemini ? answerGeminiEmbedding(body, route.shape) : answerOpenAiEmbeddings(body));
}

type EmbedRoute = Extract<Route, { does: "embed" }>;

function sendCount(conversation: Conversation, entry: LoggedRequest): Response {
  entry.finish();
  const tokens = countInput(conversation);
  switch (conversation.api) {
    case "anthropic":
      return Response.json({ input_tokens: tokens });
    case "gemini":
      return Response.json({
        totalTokens: tokens,
        promptTokensDetails: [{ modality: "TEXT", tokenCount: tokens }],
      });
    case "responses":
    case "chat":
      return Response.json({ object: "response.input_tokens", input_tokens: tokens });
  }
}

function writeMissing(name: string, api: Conversation["api"]): string {
  if (api === "anthropic") return `model: ${name}`;
  if (api === "gemini") return `models/${name} is not found for API version v1beta, or is not supported.`;
  return `The model \`${name}\` does not exist or you do not have access to it.`;
}
