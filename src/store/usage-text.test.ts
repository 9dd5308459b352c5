/** Records cross as text and are the same behind it, whatever they have in common. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import type { UsageRecord } from "#model/usage-record.ts";
import { decodeUsage, encodeUsage, recordsOf } from "./usage-text.ts";

const word = fc.constantFrom("a", "b", '"\n\u2028', "");
const number = fc.constantFrom(0, 1, 2.5);
const record: fc.Arbitrary<UsageRecord> = fc.record(
  {
    kind: fc.constantFrom("request", "attempt"),
    id: word,
    requestId: word,
    tenantId: word,
    keyId: word,
    logicalModel: word,
    target: word,
    provider: word,
    servedModel: word,
    protocolIn: fc.constant("openai-chat"),
    protocolOut: fc.constantFrom("gemini", "openai-chat"),
    isStream: fc.boolean(),
    outcome: fc.constantFrom("ok", "failed"),
    status: number,
    errorKind: fc.constantFrom("timeout", "internal"),
    usage: fc.record({ input: number, output: number, serviceTier: word }, { requiredKeys: [] }),
    costNanoUsd: number,
    costSource: fc.constantFrom("config", "none"),
    priceVersion: word,
    firstTokenMs: number,
    totalMs: number,
    attempts: number,
    tags: fc.dictionary(word, word),
    dropped: fc.array(word),
    createdAtMs: number,
  },
  {
    requiredKeys: [
      ...([
        "kind",
        "id",
        "requestId",
        "tenantId",
        "keyId",
        "logicalModel",
        "protocolIn",
        "isStream",
      ] as const),
      ...(["outcome", "status", "usage", "costSource", "totalMs", "attempts", "createdAtMs"] as const),
    ],
  },
);
const records = fc.array(record, { minLength: 1, maxLength: 4 });

test("is read as what was written", () => {
  fc.assert(
    fc.property(fc.array(records, { minLength: 1, maxLength: 3 }), (batch) => {
      const texts = batch.map(encodeUsage);
      for (const text of texts) expect(text).not.toContain("\n");
      expect(recordsOf(texts)).toEqual(batch.flat());
    }),
  );
});

test("of the version before is read too: whole records in a list", () => {
  fc.assert(
    fc.property(records, (batch) => {
      expect(recordsOf([JSON.stringify({ settled: batch })])).toEqual([...batch]);
    }),
  );
});

test("says of an attempt only what its request does not say", () => {
  const usage = { input: 1, output: 2 };
  const shared = {
    requestId: "r",
    tenantId: "t",
    keyId: "k",
    logicalModel: "m",
    protocolIn: "gemini",
  } as const;
  const told = {
    isStream: false,
    outcome: "ok",
    status: 200,
    usage,
    costSource: "none",
    attempts: 1,
  } as const;
  const request: UsageRecord = { kind: "request", id: "r", ...shared, ...told, totalMs: 9, createdAtMs: 1 };
  const attempt: UsageRecord = { ...request, kind: "attempt", id: "r.1", totalMs: 8, firstTokenMs: 3 };
  const { tags, ...plain } = { ...attempt, tags: undefined };
  expect(JSON.parse(encodeUsage([{ ...request, tags: { a: "b" } }, plain]))).toEqual({
    settled: {
      first: { ...request, tags: { a: "b" } },
      others: [{ kind: "attempt", id: "r.1", totalMs: 8, firstTokenMs: 3, tags: null }],
    },
  });
  expect(tags).toBeUndefined();
});

test.each([
  { value: null },
  { value: [] },
  { value: {} },
  { value: { settled: [{ id: "a" }] } },
  { value: { settled: { first: { id: "a", requestId: "a" } } } },
  { value: { settled: { first: { id: "a" }, others: [] } } },
  { value: { settled: { first: { id: "a", requestId: "a" }, others: [1] } } },
  { value: { settled: { first: { id: "a", requestId: "a" }, others: [{ id: null }] } } },
])("$value is none", ({ value }) => {
  expect(decodeUsage(value)).toBeUndefined();
});
