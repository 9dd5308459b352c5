/**
 * Where client and upstream speak the same API, the caller's own body goes up with a few fields replaced. What the
 * canonical lane would have written instead must mean the same, or the two lanes would give different answers.
 */
import { describe, expect, test } from "bun:test";
import { Failure } from "#model/failure.ts";
import type { EncodedRequest } from "#protocols/protocol.ts";
import { apis, dialectOf, lineOf, rooms } from "../matrix/rooms.ts";
import { differences, meaningOf } from "./meaning.ts";
import { bodyOf, goldenCases } from "./translate.ts";

/** The host that takes most of each API's fields. */
const widest = {
  "openai-chat": dialectOf("openai-chat", { host: "openrouter", model: "openai/gpt-4.1" }),
  "openai-responses": dialectOf("openai-responses"),
  "anthropic-messages": dialectOf("anthropic-messages"),
  gemini: dialectOf("gemini"),
} as const;

describe.each(apis)("%s", (api) => {
  const rows = goldenCases.flatMap(({ feature, inputs }) => {
    const input = inputs[api];
    return input ? [[feature, bodyOf(input, api)] as const] : [];
  });

  test.each(rows)(
    "both lanes say the same, or the canonical one says what it leaves out: %s",
    (feature, raw) => {
      const { client, upstream } = rooms[api];
      const chat = client.decodeRequest(raw, lineOf(api));
      const native = upstream.patchRequest(raw, chat, widest[api]);
      const canonical = encodedOrRefused(() => upstream.encodeRequest(chat, widest[api]));
      if (canonical === undefined || byOtherMeans.has(`${api}: ${feature}`)) return;
      // `usage` asks OpenRouter for what it reports anyway.
      const meaning = ({ usage: _usage, ...body }: typeof native.body) =>
        meaningOf(client.decodeRequest(body, lineOf(api)));
      const differing = differences(meaning(native.body), meaning(canonical.body));
      // What only the canonical lane leaves out, because the model would refuse the request for it, is listed.
      const unlisted = canonical.dropped.length > 0 ? [] : differing;
      expect(unlisted).toEqual([]);
    },
  );
});

/** The same, said otherwise: OpenRouter is offered the allowed tools only, Gemini 3 is told a level for a budget. */
const byOtherMeans: ReadonlySet<string> = new Set([
  "openai-chat: tool choice: some of the tools",
  "gemini: reasoning: budget",
]);

/** Undefined where the canonical lane refuses by name what it cannot say. */
function encodedOrRefused(encode: () => EncodedRequest): EncodedRequest | undefined {
  try {
    return encode();
  } catch (error) {
    if (error instanceof Failure && error.kind === "unsupported" && error.detail.param) return undefined;
    throw error;
  }
}
