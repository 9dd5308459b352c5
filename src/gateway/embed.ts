/**
 * The life of an embeddings request: the same gate, the same targets and retries, the same books that every answer has
 * (properties P23). Only what is asked and what comes back differ.
 */
import type { OutgoingReply } from "#lib/http-server.ts";
import { estimateEmbeddingTokens } from "#model/embedding.ts";
import { toFailure } from "#model/failure.ts";
import type { EmbeddingClient, EmbeddingReply } from "#protocols/embeddings.ts";
import { admit, reserve } from "./admit.ts";
import { attempt } from "./attempt.ts";
import { authenticate } from "./authenticate.ts";
import { requestLine } from "./decode.ts";
import type { Exchange, Inbound } from "./exchange.ts";
import { answerHeaders } from "./headers.ts";
import { observe } from "./observe.ts";
import { readBody, takeBody } from "./read-body.ts";
import { noteAnswered, refuse } from "./respond.ts";
import { route } from "./route.ts";
import { sendEmbedding, type EmbeddingResult } from "./send-embedding.ts";
import { settle } from "./settle.ts";
import type { World } from "./world.ts";

export async function embed(world: World, inbound: Inbound, client: EmbeddingClient): Promise<OutgoingReply> {
  const exchange = observe(world, inbound);
  try {
    await authenticate(world, exchange);
    await admit(world, exchange);
    takeBody(exchange, await readBody(world, exchange));
    const embedding = client.decodeRequest(exchange.raw, requestLine(world, exchange));
    const plan = (exchange.route = route(world, exchange, embedding));
    const inputTokensMin = estimateEmbeddingTokens(embedding.inputs);
    reserve(world, exchange, { stream: false, outputTokensMax: 0, inputTokensMin }, plan);
    const result = await attempt(world, exchange, plan, (_world, _exchange, entry) =>
      sendEmbedding(world, exchange, entry, { route: plan, embedding }),
    );
    const text = result.nativeText ?? JSON.stringify(client.encodeReply(replyOf(result), embedding));
    return answer(world, exchange, result, text);
  } catch (error) {
    return refuse(world, exchange, toFailure(error));
  }
}

function replyOf({ attempt: entry, answer: said, usage }: EmbeddingResult): EmbeddingReply {
  return { ...said, model: said.model ?? entry.target.model, inputTokens: usage.input ?? 0 };
}

/** Booked before the client gets it, as every answer is. */
function answer(world: World, exchange: Exchange, result: EmbeddingResult, text: string): OutgoingReply {
  noteAnswered(world, exchange);
  const record = settle(world, exchange, { outcome: "ok", status: 200 });
  return {
    status: 200,
    headers: {
      ...answerHeaders(exchange, result.attempt, record?.costNanoUsd),
      ...(result.usage.estimated === true && { "x-xjp-estimated": "true" }),
      "content-type": "application/json",
    },
    body: text,
  };
}
