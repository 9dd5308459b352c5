/**
 * Conversations of five turns with tools and reasoning through every pair (P9). The simulated upstream signs each
 * thought for the place it stands in, counts those that come back, and refuses one that was changed or moved.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { asObject, asString, isObject, type Json } from "#lib/json.ts";
import { startDemoUpstream, type RunningDemo } from "../demo/start-demo.ts";
import { startGateway, type TestGateway } from "../gateway/start-gateway.ts";
import { apis } from "./rooms.ts";
import { openTalker } from "./talker.ts";
import { exchange, thoughtsSeen } from "./tool-exchange.ts";

/** The four APIs, and OpenRouter, whose Chat Completions carry opaque state where OpenAI's do not. */
const upstreams = [...apis, "openrouter"] as const;
type Upstream = (typeof upstreams)[number];

let demo: RunningDemo;
let gateway: TestGateway;

beforeAll(async () => {
  demo = await startDemoUpstream();
  const connectors = apis.map((api) => `  ${api}: { type: demo, base_url: "${demo.url}", protocol: ${api} }`);
  const models = upstreams.flatMap((name) =>
    ["demo-reasoning", "demo-tools"].map((model) => {
      const target = name === "openrouter" ? `anthropic/${model}` : model;
      return `  ${model}-on-${name}: { targets: [{ connector: ${name}, model: ${target} }], retry: { attempts_max: 1 } }`;
    }),
  );
  gateway = await startGateway({
    config: `connectors:
${connectors.join("\n")}
  openrouter: { type: openrouter, base_url: "${demo.url}/api/v1", api_key: sk-or-test }
models:
${models.join("\n")}
`,
  });
});

afterAll(async () => {
  await gateway.stop();
  await demo.stop();
});

const thinking = (upstream: Upstream) => `demo-reasoning-on-${upstream}`;

const LEFT_OUT = /reasoning|signature|parts|input|content\[/;

describe.each(apis)("a client of %s", (client) => {
  describe.each(upstreams)("on %s", (upstream) => {
    describe.each([false, true])("streamed: %p", (isStreamed) => {
      const open = () => openTalker(client, { url: gateway.url, key: gateway.key, isStreamed });

      test("five turns with thoughts: every one comes back unchanged and in its place", async () => {
        const talker = open();
        const model = thinking(upstream);
        const [, first] = await exchange(talker, model, "one");
        const [, second] = await exchange(talker, model, "two");
        const last = await talker.say("question three", model);
        expect(last.calls).toHaveLength(2);
        expect([thoughtsSeen(first), thoughtsSeen(second)]).toEqual([...expectedThoughts(upstream)]);
        const lost = [...first.dropped, ...second.dropped, ...last.dropped];
        expect(lost.filter((name) => !isUnsignedThought(name, upstream))).toEqual([]);
      });

      test("five turns with tools: calls and results stay paired", async () => {
        const talker = open();
        const model = `demo-tools-on-${upstream}`;
        await demo.reset();
        await exchange(talker, model, "one");
        await exchange(talker, model, "two");
        await talker.say("question three", model);
        const asked = await demo.requests();
        expect(asked).toHaveLength(5);
        for (const [index, { body }] of asked.entries()) {
          const { calls, results } = pairsIn(body);
          // Two calls in each exchange, and their results from the second request of it on.
          expect(calls).toHaveLength(2 * Math.ceil(index / 2));
          expect(results).toEqual(calls);
          expect(new Set(calls).size).toBe(calls.length);
        }
      });

      const isAnthropics = upstream === "anthropic-messages" || upstream === "openrouter";
      const other: Upstream = isAnthropics ? "gemini" : "anthropic-messages";
      test(`another vendor for one turn (${other}): its state and the first one's never mix`, async () => {
        const talker = open();
        const [, first] = await exchange(talker, thinking(upstream), "one");
        const [abroad, answered] = await exchange(talker, thinking(other), "two");
        const back = await exchange(talker, thinking(upstream), "three");
        // Abroad only what was made there is seen, at home again all that was made at home.
        expect(thoughtsSeen(answered)).toBe(1);
        if (upstream !== "openai-chat") expect(abroad.dropped.join()).toMatch(LEFT_OUT);
        expect(back[0].dropped.join()).toMatch(LEFT_OUT);
        const [atFirst, inTheEnd] = expectedThoughts(upstream);
        expect([thoughtsSeen(first), thoughtsSeen(back[1])]).toEqual([atFirst, inTheEnd]);
      });
    });
  });
});

/**
 * After the first exchange one thought can have come back; after the second three: two with calls, one with a text. In
 * plain Chat Completions thoughts have no state, and only those of the running turn are read again.
 */
function expectedThoughts(upstream: Upstream): readonly [number, number] {
  return upstream === "openai-chat" ? [1, 1] : [1, 3];
}

/** Gemini signs calls and texts, never the readable thought: that is shown, and not taken back from other APIs. */
function isUnsignedThought(name: string, upstream: Upstream): boolean {
  return upstream === "gemini" && /\.(reasoning|signature)$/.test(name);
}

interface Pairs {
  readonly calls: string[];
  readonly results: string[];
}

/** Ids of calls and of results in the order they stand, whatever the API; where Gemini has no ids, names by their turn. */
function pairsIn(value: Json, pairs: Pairs = { calls: [], results: [] }): Pairs {
  if (Array.isArray(value)) for (const entry of value) pairsIn(entry, pairs);
  if (!isObject(value)) return pairs;
  const type = asString(value["type"]);
  const isCall = type === "tool_use" || type === "function_call" || type === "function";
  const callId = asString(value[type === "function_call" ? "call_id" : "id"]);
  if (isCall && callId !== undefined) pairs.calls.push(callId);
  const isResult = type === "tool_result" || type === "function_call_output" || value["role"] === "tool";
  const resultId = value["tool_use_id"] ?? value["tool_call_id"] ?? value["call_id"];
  if (isResult && typeof resultId === "string") pairs.results.push(resultId);
  for (const [name, list] of [
    ["functionCall", pairs.calls],
    ["functionResponse", pairs.results],
  ] as const) {
    const found = asObject(value[name]);
    if (found)
      list.push(asString(found["id"]) ?? `${asString(found["name"]) ?? ""} ${Math.floor(list.length / 2)}`);
  }
  for (const entry of Object.values(value)) if (entry !== undefined) pairsIn(entry, pairs);
  return pairs;
}
