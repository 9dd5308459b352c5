/**
 * Conversations of five turns with tools by Chat clients that do not send thoughts back (P9): the gateway puts them
 * back. The simulated upstream signs each thought for the place it stands in, counts those that come, and refuses one
 * that was changed or moved, and calls that come without, where their API does.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { isObject, type Json } from "#lib/json.ts";
import { startDemoUpstream, type RunningDemo } from "../demo/start-demo.ts";
import { exchange, thoughtsSeen } from "../matrix/tool-exchange.ts";
import { openForgetful } from "./forgetful-client.ts";
import { startGateway, type TestGateway } from "./start-gateway.ts";
import { upstreamApis } from "./start-matrix.ts";

const upstreams = [...upstreamApis, "openrouter"] as const;
type Upstream = (typeof upstreams)[number];

let demo: RunningDemo;
let gateway: TestGateway;

beforeAll(async () => {
  demo = await startDemoUpstream();
  const connectors = upstreamApis.map(
    (api) => `  ${api}: { type: demo, base_url: "${demo.url}", protocol: ${api} }`,
  );
  const models = upstreams.map((name) => {
    const target = name === "openrouter" ? "anthropic/claude-sonnet-4.5/demo-reasoning" : "demo-reasoning";
    return `  ${modelOn(name)}: { targets: [{ connector: ${name}, model: ${target} }], retry: { attempts_max: 1 } }`;
  });
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

const modelOn = (upstream: Upstream) => `thinker-on-${upstream}`;

/** Opaque fields of a request or answer, whatever the API calls them. */
function blobsIn(value: Json | undefined, found: string[] = []): string[] {
  if (Array.isArray(value)) for (const entry of value) blobsIn(entry, found);
  if (!isObject(value)) return found;
  for (const [name, field] of Object.entries(value)) {
    const isBlob = /^(signature|encrypted_content|thoughtSignature|reasoning_content)$/.test(name);
    if (isBlob && typeof field === "string" && field !== "") found.push(field);
    else blobsIn(field, found);
  }
  return found;
}

/** Two exchanges, each with one thought before its calls; of thoughts before texts nobody can be reminded. */
async function expectBlobs(): Promise<void> {
  const requests = await demo.requests();
  expect(requests.map(({ body }) => blobsIn(body).length)).toEqual([0, 1, 1, 2]);
}

/** Google takes signatures, and never the thought that is shown. */
const isLoss = (name: string, upstream: Upstream) => upstream !== "gemini" || !name.endsWith(".reasoning");

describe.each(upstreams)("on %s", (upstream) => {
  describe.each([false, true])("streamed: %p", (isStreamed) => {
    const open = () => openForgetful({ url: gateway.url, key: gateway.key, isStreamed });

    test("five turns: every thought before a call is back, unchanged and in its place", async () => {
      const talker = open();
      await demo.reset();
      const [, first] = await exchange(talker, modelOn(upstream), "one");
      const [, second] = await exchange(talker, modelOn(upstream), "two");
      await expectBlobs();
      const last = await talker.say("question three", modelOn(upstream));
      expect(last.calls).toHaveLength(2);
      // In plain Chat Completions only the thoughts of the running turn are read again.
      expect([thoughtsSeen(first), thoughtsSeen(second)]).toEqual([1, upstream === "openai-chat" ? 1 : 2]);
      const lost = [...first.dropped, ...second.dropped, ...last.dropped];
      expect(lost.filter((name) => isLoss(name, upstream))).toEqual([]);
    });

    const isAnthropics = upstream === "anthropic-messages" || upstream === "openrouter";
    const other: Upstream = isAnthropics ? "gemini" : "anthropic-messages";
    test(`another vendor for one exchange (${other}) and back: nobody's state reaches another`, async () => {
      const talker = open();
      await exchange(talker, modelOn(upstream), "one");
      const [abroad, answered] = await exchange(talker, modelOn(other), "two");
      const [home, back] = await exchange(talker, modelOn(upstream), "three");
      expect(thoughtsSeen(answered)).toBe(1);
      expect(abroad.dropped.join()).toMatch(/reasoning|signature/);
      expect(home.dropped.join()).toMatch(/reasoning|signature|parts/);
      expect(thoughtsSeen(back)).toBe(upstream === "openai-chat" ? 1 : 2);
    });

    test("nothing kept: the remedy for the open loop is accepted and listed", async () => {
      const talker = open();
      await talker.say("question nobody remembers", modelOn(upstream));
      const message = talker.messages.at(-1);
      if (message?.role !== "assistant") throw new Error("an answer was expected");
      const renamed = (message.tool_calls ?? []).map((call, index) => ({
        ...call,
        id: `call_lost_${index}`,
      }));
      talker.messages[talker.messages.length - 1] = { ...message, tool_calls: renamed };
      const answered = await talker.answerCalls(["sun", "noon"], modelOn(upstream));
      expect(answered.text).toContain('Result 1: "sun" Result 2: "noon"');
      expect(answered.dropped).toEqual(isAnthropics ? ["reasoning"] : []);
    });
  });
});
