/**
 * Any request, from a client of any API, reads the same in the body its upstream gets; what reads otherwise is listed as
 * dropped (P8, P11). The conversation itself never changes: only settings may be left out.
 */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { AssistantPart, Chat, FunctionTool, ToolResultPart, Turn, UserPart } from "#model/chat.ts";
import { Failure } from "#model/failure.ts";
import { PNG } from "../golden/golden-case.ts";
import { differences, meaningOf } from "../golden/meaning.ts";
import { apis, dialectOf, lineOf, rooms } from "./rooms.ts";

const RUNS = 150;

const words = fc
  .string({ unit: "grapheme", minLength: 1, maxLength: 12 })
  // A text of spaces alone is refused by Anthropic and says nothing; the ends of texts are kept all the same.
  .map((text) => `a${text}z`);
const image = fc.constant<UserPart>({
  type: "image",
  media: { from: "base64", mime: "image/png", data: PNG },
});
const userTurn = fc
  .tuple(words, fc.array(image, { maxLength: 2 }))
  .map(([text, images]): Turn => ({ side: "user", parts: [{ type: "text", text }, ...images] }));
const calls = fc.array(
  fc.record({
    name: fc.constantFrom("weather", "clock"),
    input: fc.dictionary(fc.string({ minLength: 1, maxLength: 5 }), fc.jsonValue({ maxDepth: 2 }), {
      maxKeys: 3,
    }),
    result: words,
  }),
  { maxLength: 3 },
);

/** What the assistant said and called, the results, and a closing word: one exchange after a user's turn. */
const exchange = fc.record({ question: userTurn, said: fc.option(words), calls, closing: words });
type Exchange = typeof exchange extends fc.Arbitrary<infer T> ? T : never;

function turnsOf(exchanges: readonly Exchange[], last: Turn): readonly Turn[] {
  const turns = exchanges.flatMap(({ question, said, calls, closing }, number): readonly Turn[] => {
    const parts: AssistantPart[] = said === null ? [] : [{ type: "text", text: said }];
    const results: ToolResultPart[] = [];
    for (const [index, { name, input, result }] of calls.entries()) {
      const id = `call_${number}_${index}`;
      parts.push({ type: "tool_call", id, name, argumentsText: JSON.stringify(input) });
      results.push({ type: "tool_result", callId: id, name, content: [{ type: "text", text: result }] });
    }
    if (calls.length === 0)
      return [question, { side: "assistant", parts: [{ type: "text", text: closing }] }];
    return [
      question,
      { side: "assistant", parts },
      { side: "user", parts: results },
      { side: "assistant", parts: [{ type: "text", text: closing }] },
    ];
  });
  return [...turns, last];
}

const tools: readonly FunctionTool[] = ["weather", "clock"].map((name) => ({
  type: "function",
  name,
  description: `The ${name}`,
  schema: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
}));

const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined, freq: 2 });
const settings = fc.record({
  outputTokensMax: maybe(fc.integer({ min: 100, max: 4000 })),
  temperature: maybe(fc.constantFrom(0, 0.5, 1)),
  topP: maybe(fc.constantFrom(0.1, 0.9, 1)),
  topK: maybe(fc.integer({ min: 1, max: 100 })),
  seed: maybe(fc.nat(1000)),
  stop: maybe(fc.array(words, { minLength: 1, maxLength: 4 })),
  frequencyPenalty: maybe(fc.constantFrom(0.5, 1)),
  presencePenalty: maybe(fc.constantFrom(0.5, 1)),
  repetitionPenalty: maybe(fc.constant(1.1)),
  minP: maybe(fc.constant(0.1)),
  logitBias: maybe(fc.constant({ "7": 1 })),
  parallelToolCalls: maybe(fc.constant(false)),
  verbosity: maybe(fc.constantFrom("low" as const, "high" as const)),
  metadata: maybe(fc.constant({ team: "blue" })),
  userId: maybe(fc.constant("u1")),
  cache: maybe(fc.constantFrom({ key: "k" }, { automatic: {} }, { key: "k", automatic: {} })),
  store: maybe(fc.constant(true)),
  safety: maybe(fc.constant([{ category: "x", threshold: "y" }])),
  toolChoice: maybe(
    fc.constantFrom<NonNullable<Chat["toolChoice"]>>(
      { mode: "none" },
      { mode: "required" },
      { mode: "required", allowed: ["clock"] },
    ),
  ),
  extensions: fc.constantFrom({}, { future_field: 1 }),
});

const chat = fc
  .record({
    protocol: fc.constantFrom(...apis),
    system: fc.array(words, { maxLength: 2 }),
    exchanges: fc.array(exchange, { maxLength: 3 }),
    last: userTurn,
    settings,
  })
  .map(({ protocol, system, exchanges, last, settings }): Chat => {
    // Each API's safety policy has a form of its own; here it is one of Gemini's.
    const mayCall = settings.toolChoice?.mode !== "none";
    const isSaid = ([name, value]: readonly [string, unknown]) =>
      value !== undefined &&
      (name !== "safety" || protocol === "gemini") &&
      (name !== "parallelToolCalls" || mayCall);
    const said = Object.fromEntries(Object.entries(settings).filter(isSaid));
    return {
      protocol,
      model: "model",
      stream: false,
      includeUsage: false,
      system: system.map((text) => ({ text, role: "system" })),
      turns: turnsOf(exchanges, last),
      tools,
      extensions: {},
      betas: [],
      ...said,
    };
  });

/** The name under which a setting is listed, where it may be left out; anything else must read the same. */
const listedAs: Readonly<Record<string, RegExp>> = {
  temperature: /^temperature$/,
  topP: /^top_p$/,
  topK: /^top_k$/,
  seed: /^seed$/,
  stop: /^stop/,
  frequencyPenalty: /^frequency_penalty$/,
  presencePenalty: /^presence_penalty$/,
  repetitionPenalty: /^repetition_penalty$/,
  minP: /^min_p$/,
  logitBias: /^logit_bias$/,
  parallelToolCalls: /^parallel_tool_calls$/,
  verbosity: /^verbosity$/,
  metadata: /^metadata$/,
  userId: /^user$|^safety_identifier$/,
  cache: /^prompt_cache_key$|^cache_control$/,
  store: /^store$/,
  safety: /^safety|^moderation$/,
  future_field: /^future_field$/,
};

/** A default that need not be said, or that must be. */
function isSaidOtherwise(difference: string): boolean {
  return /^(temperature|topP): 1 -> -$|^store: - -> false$|^outputTokensMax: - -> \d+$/.test(difference);
}

describe.each(apis)("towards %s", (upstream) => {
  test("what is not listed as dropped arrives", () => {
    const dialect = dialectOf(upstream);
    fc.assert(
      fc.property(chat, (asked) => {
        // Its own API's body goes up as the caller wrote it.
        fc.pre(asked.protocol !== upstream);
        const encoded = encodedOrRefused(() => rooms[upstream].upstream.encodeRequest(asked, dialect));
        if (!encoded) return;
        const arrived = rooms[upstream].client.decodeRequest(encoded.body, lineOf(upstream));
        const silent = differences(meaningOf(asked), meaningOf(arrived))
          .filter((difference) => !isSaidOtherwise(difference))
          .filter((difference) => {
            const pattern = listedAs[/^\w+/.exec(difference)?.[0] ?? ""];
            return !pattern || !encoded.dropped.some((name) => pattern.test(name));
          });
        expect(silent).toEqual([]);
      }),
      { numRuns: RUNS },
    );
  });
});

function encodedOrRefused<T>(encode: () => T): T | undefined {
  try {
    return encode();
  } catch (error) {
    if (error instanceof Failure && error.kind === "unsupported" && error.detail.param) return undefined;
    throw error;
  }
}
