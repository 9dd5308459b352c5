/**
 * One attempt at an embeddings call. An upstream that takes fewer inputs at a time gets several calls, a few at once;
 * they are one attempt, which fails as a whole.
 */
import type { Call, Target } from "#connectors/connector.ts";
import { embeddingUnsupported } from "#connectors/operation-url.ts";
import { spliceJson } from "#lib/splice-json.ts";
import { estimateEmbeddingTokens, type Embedding, type EmbeddingAnswer } from "#model/embedding.ts";
import { inputTotal, type Usage } from "#model/usage.ts";
import type { EmbeddingCall, EmbeddingUpstream } from "#protocols/embeddings.ts";
import { geminiEmbeddings } from "#protocols/gemini/embeddings.ts";
import { openaiEmbeddings } from "#protocols/openai-embeddings/openai-embeddings.ts";
import { Deadlines } from "./deadlines.ts";
import type { Attempt, Exchange } from "./exchange.ts";
import { enterWhole, giveUp, isOk, post, refusalOf, type Sending } from "./post.ts";
import { refuseLossIfStrict } from "./send.ts";
import { parseUpstreamBody, readUpstreamText } from "./upstream-text.ts";
import type { Route, World } from "./world.ts";

export interface EmbeddingResult {
  readonly attempt: Attempt;
  readonly answer: EmbeddingAnswer;
  /** With `usage.estimated` where the upstream did not count. */
  readonly usage: Usage;
  /** The upstream's own text, where a client of its API can read it as it is. */
  readonly nativeText?: string;
}

/** Calls of one request that are open at a time. */
const CALLS_AT_ONCE = 4;

export async function sendEmbedding(
  world: World,
  exchange: Exchange,
  attempt: Attempt,
  { route, embedding }: { readonly route: Route; readonly embedding: Embedding },
): Promise<EmbeddingResult> {
  const deadlines = new Deadlines(world.clock, exchange.client, {
    startedMs: exchange.startedMs,
    shutdown: world.shutdown,
    totalMs: route.timeouts.totalMs,
  });
  try {
    enterWhole(deadlines, attempt, route);
    const { upstream, protocol, api } = pickUpstream(attempt.target, embedding);
    const { connector } = attempt.target;
    const dialect = connector.dialect(attempt.target, protocol);
    const encoded = upstream.encodeRequest(embedding, exchange.raw, dialect);
    refuseLossIfStrict(exchange, encoded);
    exchange.dropped = encoded.dropped;
    attempt.protocolOut = protocol;
    const ask = async (part: EmbeddingCall): Promise<PartAnswer> => {
      const { operation } = part;
      const call: Call = {
        target: attempt.target,
        protocol,
        operation,
        cancellation: deadlines.cancellation,
      };
      const body = connector.shape?.(part.body, call) ?? part.body;
      const bodyText = encoded.isPatch
        ? spliceJson(exchange.text, exchange.parsed, body)
        : JSON.stringify(body);
      const text = await exchangeText(world, attempt, {
        outgoing: { bodyText, headers: {} },
        call,
        deadlines,
        route,
      });
      const answer = upstream.decodeReply(parseUpstreamBody(text), part, embedding);
      note(attempt, answer);
      return { answer, text };
    };
    const parts = await askAll(encoded.calls, ask);
    const answer = join(parts.map((part) => part.answer));
    const usage = answer.usage ?? {
      input: estimateEmbeddingTokens(embedding.inputs),
      output: 0,
      estimated: true,
    };
    attempt.usage = usage;
    attempt.firstTokenMs = attempt.totalMs = world.clock.monotonicMs() - attempt.startedMs;
    deadlines.stop();
    const [only] = parts;
    const isNative = api === embedding.api && parts.length === 1 && answer.isAsAsked;
    return { attempt, answer, usage, ...(isNative && only && { nativeText: only.text }) };
  } catch (error) {
    throw giveUp(world, attempt, { deadlines, route }, error);
  }
}

interface Upstream {
  readonly upstream: EmbeddingUpstream;
  readonly api: Embedding["api"];
  readonly protocol: "openai-chat" | "gemini";
}

/** The caller's own API where the upstream has it. Embeddings come with OpenAI's APIs and with Gemini's. */
function pickUpstream(target: Target, { api }: Embedding): Upstream {
  const spoken = target.connector.protocols(target);
  const hasGemini = spoken.includes("gemini");
  const hasOpenai = spoken.includes("openai-chat") || spoken.includes("openai-responses");
  if (hasGemini && (api === "gemini" || !hasOpenai)) {
    return { upstream: geminiEmbeddings.upstream, api: "gemini", protocol: "gemini" };
  }
  if (!hasOpenai) throw embeddingUnsupported();
  return { upstream: openaiEmbeddings.upstream, api: "openai-embeddings", protocol: "openai-chat" };
}

interface PartAnswer {
  readonly answer: EmbeddingAnswer;
  readonly text: string;
}

async function exchangeText(world: World, attempt: Attempt, sending: Sending): Promise<string> {
  const reply = await post(world, attempt, sending);
  attempt.status = reply.status;
  if (!isOk(reply) || reply.status === 204) throw await refusalOf(world, reply, sending);
  return readUpstreamText(reply, sending.deadlines);
}

async function askAll(
  calls: readonly EmbeddingCall[],
  ask: (call: EmbeddingCall) => Promise<PartAnswer>,
): Promise<readonly PartAnswer[]> {
  const answers: PartAnswer[] = [];
  for (let start = 0; start < calls.length; start += CALLS_AT_ONCE) {
    answers.push(...(await Promise.all(calls.slice(start, start + CALLS_AT_ONCE).map(ask))));
  }
  return answers;
}

/** Adds up as the calls come in: what was counted before one of them failed is owed all the same. */
function note(attempt: Attempt, { model, usage }: EmbeddingAnswer): void {
  if (model !== undefined) attempt.servedModel = model;
  if (usage) attempt.usage = attempt.usage ? addUsage(attempt.usage, usage) : usage;
}

function join(answers: readonly EmbeddingAnswer[]): EmbeddingAnswer {
  const [first] = answers;
  if (first && answers.length === 1) return first;
  const usages = answers.map((answer) => answer.usage).filter((usage) => usage !== undefined);
  return {
    vectors: answers.flatMap((answer) => answer.vectors),
    // Half a count is none.
    ...(usages.length === answers.length && { usage: usages.reduce(addUsage) }),
    isAsAsked: false,
  };
}

function addUsage(first: Usage, second: Usage): Usage {
  return { input: (inputTotal(first) ?? 0) + (inputTotal(second) ?? 0), output: 0 };
}
