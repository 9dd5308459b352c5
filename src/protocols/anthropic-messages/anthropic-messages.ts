/** Anthropic Messages, both sides: towards clients, and towards upstreams that speak it. */
import type { Protocol } from "#protocols/protocol.ts";
import { decodeCount, encodeCount, encodeCountRequest, patchCountRequest } from "./counting.ts";
import { decodeFailure } from "./decode-failure.ts";
import { decodeReply } from "./decode-reply.ts";
import { decodeCountRequest, decodeRequest } from "./decode-request.ts";
import { encodeFailure, encodeStreamFailure } from "./encode-failure.ts";
import { encodeReply } from "./encode-reply.ts";
import { encodeRequest } from "./encode-request.ts";
import { patchRequest } from "./patch-request.ts";
import { createStreamDecoder } from "./stream-decoder.ts";
import { createStreamEncoder, keepAlive } from "./stream-encoder.ts";

export const anthropicMessages: Protocol = {
  name: "anthropic-messages",
  client: {
    decodeRequest,
    encodeReply,
    createStreamEncoder,
    encodeFailure,
    encodeStreamFailure,
    keepAlive,
    counting: { decodeRequest: decodeCountRequest, encodeReply: encodeCount },
  },
  upstream: {
    encodeRequest,
    patchRequest,
    createStreamDecoder,
    decodeReply,
    decodeFailure,
    counting: {
      encodeRequest: encodeCountRequest,
      patchRequest: patchCountRequest,
      decodeReply: decodeCount,
    },
  },
};
