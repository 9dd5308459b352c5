/** OpenAI Responses (`/v1/responses`): flat items in, numbered events out. */
import { readOpenaiFailure, writeOpenaiFailure } from "#protocols/openai-errors.ts";
import type { Protocol } from "#protocols/protocol.ts";
import { clientCounting, upstreamCounting } from "./counting.ts";
import { decodeReply } from "./decode-reply.ts";
import { decodeRequest } from "./decode-request.ts";
import { encodeReply } from "./encode-reply.ts";
import { encodeRequest } from "./encode-request.ts";
import { patchRequest } from "./patch-request.ts";
import { createStreamDecoder } from "./stream-decoder.ts";
import { createStreamEncoder, encodeStreamFailure } from "./stream-encoder.ts";

export const openaiResponses: Protocol = {
  name: "openai-responses",
  client: {
    decodeRequest,
    encodeReply,
    createStreamEncoder,
    encodeFailure: writeOpenaiFailure,
    encodeStreamFailure,
    keepAlive: ": keep-alive\n\n",
    counting: clientCounting,
  },
  upstream: {
    encodeRequest,
    patchRequest,
    createStreamDecoder,
    decodeReply,
    decodeFailure: readOpenaiFailure,
    counting: upstreamCounting,
  },
};
