/**
 * Answers that the upstream gives in parts (Gemini's CONTINUATION): one answer and one stream to every client, every
 * call in the booking, bounded in number and in money, and a part that does not come never looks like an end.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { GoogleGenAI } from "@google/genai";
import { asObject, parseJson, type JsonObject } from "#lib/json.ts";
import type { Limits } from "#model/caller.ts";
import { checkStream } from "../matrix/check-stream.ts";
import { readWithSdk } from "../matrix/sdk-reading.ts";
import { allClientApis, callApi, type AnyClientApi } from "./call-api.ts";
import { model, startMatrix, type Matrix } from "./start-matrix.ts";
import { until } from "./until.ts";

const PARTS_MAX = 8;
/** Of the question, as the simulated upstream counts; each of its parts has ten tokens. */
const PROMPT_TOKENS = 2;
const PART_TOKENS = 10;
const faults = [
  "cut",
  "eof",
  "stall",
  "malformed",
  "error-mid",
  "no-finish",
  "500",
  "reset",
  "hang",
] as const;
const longs = ["demo-continue-1", "demo-continue-2", "demo-continue-3", "demo-continue-8", "demo-continue-9"];

let matrix: Matrix;

function start(): Promise<Matrix> {
  const models = [...longs, ...faults.map((fault) => `demo-continue-3-fault-${fault}`)];
  return startMatrix({
    models,
    settings: [
      "timeouts_ms: { first_token: 400, idle: 400, whole: 400 }",
      "retry: { attempts_max: 1 }",
      "breaker: { requests_min: 1000 }",
    ],
    config: `prices:\n${models.map((name) => `  "gemini/${name}": { input_usd_per_mtok: 1, output_usd_per_mtok: 3 }`).join("\n")}\n`,
  });
}

beforeAll(async () => {
  matrix = await start();
});
afterAll(() => matrix.stop());
beforeEach(() => matrix.demo.reset());

const WORDS = "once upon a time there was an answer that would not end".split(" ");
const longText = (parts: number, of = parts) => {
  const words = Array.from({ length: of * PART_TOKENS }, (_, index) => WORDS[index % WORDS.length]);
  const text = words.slice(0, parts * PART_TOKENS).join(" ");
  return parts < of ? `${text} ` : text;
};

/** As each call is billed: it reads the prompt and everything written before. */
const inputTokens = (calls: number) => calls * PROMPT_TOKENS + (PART_TOKENS * calls * (calls - 1)) / 2;

interface Asking {
  readonly api: AnyClientApi;
  readonly name: string;
  readonly stream: boolean;
  readonly limits?: Limits;
  readonly fields?: JsonObject;
}

async function ask({ api, name, stream, limits, fields }: Asking) {
  const key = await matrix.gateway.createKey(limits ? { limits } : {});
  const usage = api === "openai-chat" && stream ? { stream_options: { include_usage: true } } : {};
  const asked = { api, model: model(name, "gemini"), stream, key: key.secret };
  const response = await callApi(matrix.gateway, { ...asked, fields: { ...usage, ...fields } });
  const text = await response.text();
  return { response, text, keyId: key.id, plain: text.replaceAll("\r\n", "\n") };
}

const readingOf = async (api: AnyClientApi, stream: boolean, text: string) =>
  readWithSdk(api, stream ? { stream: text } : { whole: asObject(parseJson(text)) ?? {} });

/** An answer that was cut. Google's SDK would go on asking, of this very text. */
async function cutReadingOf(api: AnyClientApi, stream: boolean, text: string) {
  // This API has no finish reason: it is cut by its status.
  const isIncomplete = text.includes('"incomplete_details":{"reason":"max_output_tokens"}');
  if (api !== "gemini" || !text.includes("CONTINUATION")) {
    const { choices, usage } = await readingOf(api, stream, text);
    return { text: choices[0]?.text, finish: isIncomplete ? "incomplete" : choices[0]?.finish, usage };
  }
  const told = text.replace('"finishReason":"CONTINUATION"', '"finishReason":"MAX_TOKENS"');
  const { choices, usage } = await readingOf(api, stream, told);
  return { text: choices[0]?.text, finish: "CONTINUATION", usage };
}

async function rowsOf(keyId: string) {
  return until("both rows", async () => {
    const rows = await matrix.gateway.database
      .sql`SELECT * FROM usage_logs WHERE key_id = ${keyId} ORDER BY kind`;
    return rows.length >= 2 ? [...rows] : undefined;
  });
}

const counted = (row: Readonly<Record<string, unknown>> | undefined) => ({
  outcome: row?.["outcome"],
  input: Number(row?.["input_tokens"]),
  output: Number(row?.["output_tokens"]),
  cost: Number(row?.["cost_nano_usd"]),
});

const finishes: Readonly<Record<AnyClientApi, { readonly stop: string; readonly length: string }>> = {
  "openai-chat": { stop: "stop", length: "length" },
  "openai-responses": { stop: "completed", length: "incomplete" },
  "anthropic-messages": { stop: "end_turn", length: "max_tokens" },
  // Its own API's word, with the token to go on with.
  gemini: { stop: "STOP", length: "CONTINUATION" },
};

describe.each(allClientApis)("%s", (api) => {
  describe.each([true, false])("streamed: %p", (stream) => {
    test.each([1, 2, 3, 8])("an answer in %i parts is one answer, every call counted", async (parts) => {
      const { response, text, plain, keyId } = await ask({ api, name: `demo-continue-${parts}`, stream });
      expect(response.status).toBe(200);
      if (stream) expect(checkStream(api, plain)).toBe("end");
      expect(text).not.toMatch(/CONTINUATION|continuationToken/);
      const { choices, usage } = await readingOf(api, stream, text);
      expect(choices).toHaveLength(1);
      expect(choices[0]).toMatchObject({ text: longText(parts), finish: finishes[api].stop });
      expect(usage).toMatchObject({ input: inputTokens(parts), output: parts * PART_TOKENS });
      const rows = await rowsOf(keyId);
      const cost = 1_000 * inputTokens(parts) + 3_000 * parts * PART_TOKENS;
      const row = { outcome: "ok", input: inputTokens(parts), output: parts * PART_TOKENS, cost };
      expect(rows.map(counted)).toEqual([row, row]);
      expect(await matrix.demo.requests()).toHaveLength(parts);
    });

    test("a broken-off text is one text", async () => {
      const { text } = await ask({ api, name: "demo-continue-3", stream });
      const begun = text.match(/"type":"content_block_start"|"type":"response.content_part.added"/g);
      if (stream && (api === "anthropic-messages" || api === "openai-responses"))
        expect(begun).toHaveLength(1);
      else if (api === "anthropic-messages") expect(asObject(parseJson(text))?.["content"]).toHaveLength(1);
    });

    test("past the bound it is told as cut", async () => {
      const { text, plain, keyId } = await ask({ api, name: "demo-continue-9", stream });
      if (stream) expect(checkStream(api, plain.replace(/,"continuationToken":"[^"]*"/, ""))).toBe("end");
      const { usage, ...cut } = await cutReadingOf(api, stream, text);
      expect(cut).toEqual({ text: longText(PARTS_MAX, 9), finish: finishes[api].length });
      expect(usage).toMatchObject({ input: inputTokens(PARTS_MAX), output: PARTS_MAX * PART_TOKENS });
      expect(await matrix.demo.requests()).toHaveLength(PARTS_MAX);
      expect((await rowsOf(keyId)).map((row) => row.outcome)).toEqual(["ok", "ok"]);
    });

    test("a part that the budget does not cover is not asked for", async () => {
      // Held at first: a thousand tokens of answer and the question. Two parts fit, the third's worst case does not.
      const limits: Limits = { budget: { limitNanoUsd: BUDGET, period: "total" } };
      const { response, text, keyId } = await ask({
        api,
        name: "demo-continue-8",
        stream,
        limits,
        fields: bounded[api],
      });
      expect({ status: response.status, text: response.ok ? "" : text }).toEqual({ status: 200, text: "" });
      const calls = (await matrix.demo.requests()).length;
      expect(calls).toBeGreaterThan(1);
      expect(calls).toBeLessThan(PARTS_MAX);
      const { usage: _, ...cut } = await cutReadingOf(api, stream, text);
      expect(cut).toEqual({ text: longText(calls, 8), finish: finishes[api].length });
      const [attempt] = await rowsOf(keyId);
      expect(counted(attempt)).toMatchObject({ input: inputTokens(calls), output: calls * PART_TOKENS });
      const use = matrix.gateway.app.world.limiter.peek(keyId, Date.now());
      expect(use).toMatchObject({
        heldNanoUsd: 0n,
        inFlight: 0,
        spentNanoUsd: BigInt(counted(attempt).cost),
      });
      expect(counted(attempt).cost).toBeLessThanOrEqual(Number(BUDGET));
    });
  });

  test.each(faults)("%s in the second part breaks the stream, and both parts are booked", async (fault) => {
    const { text, plain, keyId } = await ask({ api, name: `demo-continue-3-fault-${fault}`, stream: true });
    expect(checkStream(api, plain)).toBe("error");
    expect(text).not.toMatch(/CONTINUATION|continuationToken/);
    const isAsked = fault !== "500" && fault !== "reset" && fault !== "hang";
    const [attempt, request] = await rowsOf(keyId);
    expect(request?.["outcome"]).toBe("failed");
    const { input, output } = counted(attempt);
    // The first part to the token; of the second what was delivered, at a guess, where it began at all.
    if (isAsked) expect(output).toBeGreaterThan(PART_TOKENS);
    else expect(output).toBe(PART_TOKENS);
    if (isAsked) expect(input).toBeGreaterThan(PROMPT_TOKENS + PART_TOKENS);
    else expect(input).toBe(PROMPT_TOKENS);
    expect(Boolean(attempt?.["is_estimated"])).toBe(isAsked);
  });

  test.each(faults)("%s in the second part of a whole answer is an error", async (fault) => {
    if (fault === "error-mid") return;
    const { response, keyId } = await ask({ api, name: `demo-continue-3-fault-${fault}`, stream: false });
    expect(response.status).toBeGreaterThanOrEqual(500);
    const [attempt] = await rowsOf(keyId);
    expect(counted(attempt).output).toBe(PART_TOKENS);
  });

  test.each(["stall", "hang"])(
    "a client that leaves in the second part (%s) closes it at once",
    async (fault) => {
      const abort = new AbortController();
      const response = await callApi(matrix.gateway, {
        api,
        model: model(`demo-continue-3-fault-${fault}`, "gemini"),
        stream: true,
        signal: abort.signal,
      });
      const reading = response.text().catch(() => "left");
      await until("the second call", async () => (await matrix.demo.requests())[1]);
      const leftAtMs = performance.timeOrigin + performance.now();
      abort.abort();
      const second = await until("its end", async () => {
        const seen = (await matrix.demo.requests())[1];
        return seen?.aborted === true ? seen : undefined;
      });
      expect(await reading).toBe("left");
      expect((second.abortedAtMs ?? Infinity) - leftAtMs).toBeLessThan(CLOSED_WITHIN_MS);
    },
  );
});

const CLOSED_WITHIN_MS = 150;
const ANSWER_TOKENS_MAX = 100;
/** 1 a prompt token and 3 an answer token: the first call's worst case is less, a later one's on top of the earlier more. */
const BUDGET = 600_000n;
const bounded: Readonly<Record<AnyClientApi, JsonObject>> = {
  "openai-chat": { max_tokens: ANSWER_TOKENS_MAX },
  "openai-responses": { max_output_tokens: ANSWER_TOKENS_MAX },
  "anthropic-messages": { max_tokens: ANSWER_TOKENS_MAX },
  gemini: { generationConfig: { maxOutputTokens: ANSWER_TOKENS_MAX } },
};

test("the end of a drain is told in the second part too, in every API", async () => {
  const draining = await start();
  try {
    const texts = allClientApis.map(async (api) => {
      const asked = { api, model: model("demo-continue-3-fault-hang", "gemini"), stream: true } as const;
      const text = await (await callApi(draining.gateway, asked)).text();
      return { api, text };
    });
    const calls = 2 * allClientApis.length;
    await until("the second calls", async () => (await draining.demo.requests())[calls - 1]);
    draining.gateway.app.cutAnswers();
    for (const { api, text } of await Promise.all(texts)) {
      expect(checkStream(api, text.replaceAll("\r\n", "\n"))).toBe("error");
      expect(text).toContain("shutting down");
    }
  } finally {
    await draining.stop();
  }
});

describe("a Gemini client that asks for the parts itself", () => {
  test.each([true, false])("the official SDK goes on behind the bound (streamed: %p)", async (stream) => {
    const { url, key } = matrix.gateway;
    const { models } = new GoogleGenAI({ apiKey: key, httpOptions: { baseUrl: url } });
    const asked = { model: model("demo-continue-9", "gemini"), contents: "Say something." };
    let text = "";
    if (!stream) text = (await models.generateContent(asked)).text ?? "";
    else for await (const chunk of await models.generateContentStream(asked)) text += chunk.text ?? "";
    expect(text).toBe(longText(9));
    expect(await matrix.demo.requests()).toHaveLength(9);
  });

  test.each([true, false])("is answered with the part it asked for (streamed: %p)", async (stream) => {
    const name = "demo-continue-9";
    const { text } = await ask({ api: "gemini", name, stream });
    const token = /"continuationToken":"([^"]+)"/.exec(text)?.[1] ?? "";
    await matrix.demo.reset();
    const last = await ask({ api: "gemini", name, stream, fields: { continuationToken: token } });
    const { choices } = await readingOf("gemini", stream, last.text);
    expect(longText(PARTS_MAX, 9) + (choices[0]?.text ?? "")).toBe(longText(9));
    expect(choices[0]?.finish).toBe("STOP");
    expect(await matrix.demo.requests()).toHaveLength(1);
  });

  test.each(["openai-chat", "openai-responses", "anthropic-messages"] as const)(
    "gets no other provider's beginning for its rest (%s)",
    async (upstream) => {
      const response = await callApi(matrix.gateway, {
        api: "gemini",
        model: model("demo-continue-3", upstream),
        stream: false,
        fields: { continuationToken: "bG9uZy14LTI=" },
      });
      expect(response.status).toBe(400);
      expect(await response.text()).toContain("continuationToken");
      expect(await matrix.demo.requests()).toEqual([]);
    },
  );

  test("a token of another request is refused, as Google would", async () => {
    const refused = await ask({
      api: "gemini",
      name: "demo-continue-3",
      stream: false,
      fields: { continuationToken: "bG9uZy14LTI=" },
    });
    expect(refused.response.status).toBe(400);
  });
});
