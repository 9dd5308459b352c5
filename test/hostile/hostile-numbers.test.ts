/**
 * Numbers from outside are money and limits inside. Whatever stands where an upstream reports a count or a price, what
 * is read is a whole number from 0 to 2^53-1 or nothing; whatever a client writes where it bounds its answer is such a
 * number or a refusal. No number makes any room throw anything but a `Failure`.
 */
import { describe, expect, test } from "bun:test";
import type { Json } from "#lib/json.ts";
import type { ChatEvent } from "#model/chat-event.ts";
import type { Chat } from "#model/chat.ts";
import { Failure } from "#model/failure.ts";
import { foldReply } from "#model/reply.ts";
import { inputTotal, toCostNanoUsd, toCount, type Usage } from "#model/usage.ts";
import { apis, dialectOf, lineOf, rooms } from "../matrix/rooms.ts";
import { readRecordings } from "../recording.ts";
import { eachTwisted, expectRealForClients, expectRealRequest } from "./expect-real.ts";
import { hostileNumbers, orFailure } from "./hostile-values.ts";
import { eachTwistedAnswer, eachTwistedRecordedStream } from "./twisted-recordings.ts";

const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;

function expectCounts(usage: Usage | undefined, place: string): void {
  const unfit = Object.entries(usage ?? {}).filter(
    ([, value]) => typeof value === "number" && !isCount(value),
  );
  expect(unfit, place).toEqual([]);
  if (usage) expect(isCount(inputTotal(usage) ?? 0), `${place}, total`).toBe(true);
}

function expectCountedEvents(events: readonly ChatEvent[], place: string): void {
  for (const event of events) {
    if (event.type === "usage" || event.type === "start") expectCounts(event.usage, place);
  }
  expectRealForClients(events, place);
}

function expectBounds(chat: Chat, place: string): void {
  const bounds = { choices: chat.choices ?? 1, outputTokensMax: chat.outputTokensMax ?? 1 };
  for (const [name, bound] of Object.entries(bounds)) {
    expect(isCount(bound) && bound > 0, `${place}: ${name} ${bound}`).toBe(true);
  }
  expect(bounds.choices, place).toBeLessThanOrEqual(128);
}

describe.each(apis)("a number nobody expects, from or to %s", (api) => {
  const recordings = readRecordings(api);
  const room = rooms[api];

  test("is no count in a whole answer", () => {
    const twist = { leaf: "number", seen: new Set<string>() } as const;
    eachTwistedAnswer(api, twist, expectCountedEvents);
    expect(twist.seen.size).toBeGreaterThan(5);
  });

  test("is no count in a stream", () => {
    const twist = { leaf: "number", seen: new Set<string>() } as const;
    eachTwistedRecordedStream(api, twist, expectCountedEvents);
    expect(twist.seen.size).toBeGreaterThan(5);
  });

  test("bounds no request", () => {
    const twist = { leaf: "number", seen: new Set<string>() } as const;
    for (const { request } of recordings) {
      if (!request) continue;
      eachTwisted(request.body, twist, (twisted, place) => {
        const chat = expectRealRequest(api, twisted, place);
        if (chat) expectBounds(chat, place);
      });
    }
    expect(twist.seen.size).toBeGreaterThan(2);
  });

  test.each(hostileNumbers)("is no count of a counting call: %j", (hostile) => {
    const body = { input_tokens: hostile, totalTokens: hostile };
    expect(room.upstream.counting?.decodeReply(body)).toBeUndefined();
  });

  const field = {
    "openai-chat": "max_tokens",
    "openai-responses": "max_output_tokens",
    "anthropic-messages": "max_tokens",
    gemini: "maxOutputTokens",
  }[api];
  test.each([1e308, 2 ** 53, -1, 1.5])(`${field} %d is refused, by name`, (limit) => {
    const settings = { [field]: limit };
    const body = {
      model: "m",
      ...(api === "gemini"
        ? { contents: [{ role: "user", parts: [{ text: "?" }] }], generationConfig: settings }
        : { messages: [{ role: "user", content: "?" }], input: "?", ...settings }),
    };
    const refused = orFailure(() => room.client.decodeRequest(body, lineOf(api)));
    const refusal = { kind: "bad_request", detail: { param: expect.stringContaining(field) } };
    expect(refused).toMatchObject(refusal);
    // A counting call may leave the limit unread, but not read it as it is.
    const counted = orFailure(() => room.client.counting?.decodeRequest(body, lineOf(api)));
    if (counted instanceof Failure) expect(counted).toMatchObject(refusal);
    else expect(counted?.outputTokensMax).toBeUndefined();
  });
});

test.each([0, -0.5, 9, 2 ** 31, 65, -1, -1e12])(
  "Gemini's candidateCount %d is never a hold below zero",
  (count) => {
    const body = {
      contents: [{ role: "user", parts: [{ text: "?" }] }],
      generationConfig: { candidateCount: count, maxOutputTokens: 10 },
    };
    const chat = orFailure(() => rooms.gemini.client.decodeRequest(body, lineOf("gemini")));
    if (chat instanceof Failure) expect(chat.kind).toBe("bad_request");
    else expectBounds(chat, String(count));
  },
);

const counts: readonly (readonly [Json | undefined, number | undefined])[] = [
  [0, 0],
  [12, 12],
  ["12", 12],
  [2 ** 53 - 1, 2 ** 53 - 1],
  ...[...hostileNumbers, null, true, [], {}, "", "0x10", undefined].map(
    (value) => [value, undefined] as const,
  ),
];
test.each(counts)("%j is counted as %j", (value, count) => expect(toCount(value)).toBe(count));

const costs: readonly (readonly [Json | undefined, number | undefined])[] = [
  [0, 0],
  [0.000_012_5, 12_500],
  ["0.25", 250_000_000],
  [1e-12, 0],
  [9_000_000, 9e15],
  [9_100_000, undefined],
  ...[-0.1, -1, 1.7e308, "1e999", "free", null, true, undefined].map((value) => [value, undefined] as const),
];
test.each(costs)("a reported cost of %j dollars is %j nano-dollars", (value, nano) => {
  expect(toCostNanoUsd(value)).toBe(nano);
});

test("what is folded from absurd reports can still be added up", () => {
  const most = Number.MAX_SAFE_INTEGER;
  expect(inputTotal({ input: most, cacheRead: most, cacheWrite: most })).toBe(most);
  const reported = { promptTokenCount: 1, candidatesTokenCount: most, thoughtsTokenCount: most };
  const events = rooms.gemini.upstream.decodeReply(
    { candidates: [{ content: { parts: [{ text: "hi" }] }, finishReason: "STOP" }], usageMetadata: reported },
    dialectOf("gemini"),
  );
  expect(foldReply(events).usage?.output).toBe(most);
});
