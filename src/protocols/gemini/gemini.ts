/** Google's Gemini API (AI Studio and Vertex AI), both sides. */
import type { Protocol } from "#protocols/protocol.ts";
import { continuing } from "./continuing.ts";
import { decodeCounting, encodeCounting, patchCounting } from "./counting.ts";
import { decodeCountRequest, encodeCountReply } from "./count-reply.ts";
import { decodeFailure } from "./decode-failure.ts";
import { decodeRequest } from "./decode-request.ts";
import { encodeFailure, encodeStreamFailure } from "./encode-failure.ts";
import { encodeReply } from "./encode-reply.ts";
import { encodeRequest } from "./encode-request.ts";
import { patchRequest } from "./patch-request.ts";
import { createStreamDecoder, decodeReply } from "./stream-decoder.ts";
import { createStreamEncoder } from "./stream-encoder.ts";

export const gemini: Protocol = {
  name: "gemini",
  client: {
    decodeRequest,
    encodeReply,
    createStreamEncoder,
    encodeFailure,
    encodeStreamFailure,
    // A block of its own: Google's reader discards a block that does not begin with `data:`.
    keepAlive: ": keep-alive\n\n",
    counting: { decodeRequest: decodeCountRequest, encodeReply: encodeCountReply },
  },
  upstream: {
    encodeRequest,
    patchRequest,
    createStreamDecoder,
    decodeReply,
    decodeFailure,
    continuing,
    counting: { encodeRequest: encodeCounting, patchRequest: patchCounting, decodeReply: decodeCounting },
  },
};
