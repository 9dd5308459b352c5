/**
 * OpenAI Chat Completions and everybody compatible with it. Wire facts: openai-chat.md and openrouter.md of the
 * protocol reference. This file only wires; each direction lives in a file of its own.
 */
import type { Protocol } from "#protocols/protocol.ts";
import { decodeFailure } from "./decode-failure.ts";
import { decodeReply } from "./decode-reply.ts";
import { decodeRequest } from "./decode-request.ts";
import { takesPlainThoughts } from "./dialects.ts";
import { encodeFailure, encodeStreamFailure } from "./encode-failure.ts";
import { encodeReply } from "./encode-reply.ts";
import { encodeRequest } from "./encode-request.ts";
import { patchRequest } from "./patch-request.ts";
import { createStreamDecoder } from "./stream-decoder.ts";
import { createStreamEncoder } from "./stream-encoder.ts";

export const openaiChat: Protocol = {
  name: "openai-chat",
  client: {
    decodeRequest,
    encodeReply,
    createStreamEncoder,
    encodeFailure,
    encodeStreamFailure,
    keepAlive: ": keep-alive\n\n",
  },
  upstream: {
    encodeRequest,
    patchRequest,
    createStreamDecoder,
    decodeReply,
    decodeFailure,
    takesPlainThoughts,
  },
};
