/** Every fault of the demo, provoked in each API and looked at where it happens: on the socket. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { asObject, parseJson, type JsonObject } from "#lib/json.ts";
import { bodyOf, type RawAnswer, sendRaw, statusOf } from "./raw-request.ts";
import { type RunningDemo, startDemoUpstream } from "./start-demo.ts";

let demo: RunningDemo;
beforeAll(async () => {
  demo = await startDemoUpstream();
});
beforeEach(() => demo.reset());
afterAll(() => demo.stop());

interface ApiCase {
  readonly name: string;
  path(model: string, isStream: boolean): string;
  body(model: string, isStream: boolean): object;
  /** What a token's event has that no other event has. */
  readonly delta: string;
  /** What ends a good stream. */
  readonly end: string;
  /** What says why it ended, just before that. */
  readonly finish: string;
}

const messages = [{ role: "user", content: "hi" }];
const APIS: readonly ApiCase[] = [
  {
    name: "chat",
    path: () => "/v1/chat/completions",
    body: (model, stream) => ({ model, stream, messages }),
    delta: '"delta":{"content":"',
    end: "data: [DONE]\n\n",
    finish: '"finish_reason":"stop"',
  },
  {
    name: "responses",
    path: () => "/v1/responses",
    body: (model, stream) => ({ model, stream, input: "hi" }),
    delta: "event: response.output_text.delta\n",
    end: "event: response.completed\n",
    finish: "event: response.completed\n",
  },
  {
    name: "anthropic",
    path: () => "/v1/messages",
    body: (model, stream) => ({ model, stream, messages, max_tokens: 500 }),
    delta: '"delta":{"type":"text_delta"',
    end: "event: message_stop\n",
    finish: "event: message_delta\n",
  },
  {
    name: "gemini",
    path: (model, stream) =>
      `/v1beta/models/${model}:${stream ? "streamGenerateContent?alt=sse" : "generateContent"}`,
    body: () => ({ contents: [{ parts: [{ text: "hi" }] }] }),
    delta: '"parts":[{"text":"',
    end: '"finishReason":"STOP"',
    finish: '"finishReason":"STOP"',
  },
  {
    name: "openrouter",
    path: () => "/api/v1/chat/completions",
    body: (model, stream) => ({ model, stream, messages }),
    delta: '"delta":{"content":"',
    end: "data: [DONE]\n\n",
    finish: '"finish_reason":"stop"',
  },
];

/** `Hello from the demo model. You said: "hi"`. */
const TOKENS = 8;

describe.each(APIS)("$name", (api) => {
  const ask = (
    fault: string,
    options: { stream?: boolean; leaveAt?: string; header?: string } = {},
  ): Promise<RawAnswer> => {
    const model = options.header === undefined ? `demo-fault-${fault}` : "demo";
    const stream = options.stream ?? true;
    return sendRaw({
      port: demo.port,
      path: api.path(model, stream),
      body: api.body(model, stream),
      ...(options.leaveAt !== undefined && { leaveAt: options.leaveAt }),
      ...(options.header !== undefined && { headers: { "x-demo-fault": options.header } }),
    });
  };
  /** Events with a token in them; Gemini ends, and OpenRouter reports errors, in one with an empty text. */
  const deltasIn = (answer: RawAnswer): number => {
    const body = bodyOf(answer);
    return body.split(api.delta).length - body.split(`${api.delta}"`).length;
  };

  const statuses = [400, 401, 402, 403, 404, 413, 429, 500, 502, 503, 529];
  test.each(statuses)("%d answers with that status in the vendor's envelope", async (status) => {
    for (const stream of [true, false]) {
      const answer = await ask(String(status), { stream });
      // AI Studio's 401 is a 400 that says so inside.
      expect(statusOf(answer)).toBe(api.name === "gemini" && status === 401 ? 400 : status);
      const error = asObject(asObject(parseJson(bodyOf(answer)))?.error);
      expect(typeof error?.message).toBe("string");
    }
  });

  const waits: readonly [string, RegExp][] = [
    ["429-7", /\r\nretry-after: 7\r\n/i],
    ["429-date-60", /\r\nretry-after: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\r\n/i],
    ["429-ms-250", /\r\nretry-after-ms: 250\r\n/i],
    ["429-reset-9", /\r\nx-ratelimit-reset-requests: 9s\r\n/i],
  ];
  test.each(waits)("%s says how long to wait", async (fault, header) => {
    const answer = await ask(fault);
    expect(statusOf(answer)).toBe(429);
    expect(answer.text).toMatch(header);
  });

  test("x2 fails twice and is well afterwards, by model name as by header", async () => {
    const statusesSeen: number[] = [];
    for (const header of [undefined, undefined, undefined, "500-x2", "500-x2", "500-x2"]) {
      const answer = await ask("500-x2-kmodel", { stream: false, ...(header !== undefined && { header }) });
      statusesSeen.push(statusOf(answer));
    }
    expect(statusesSeen).toEqual([500, 500, 200, 500, 500, 200]);
  });

  test("flap-2 is well twice and ill twice in turn", async () => {
    const statusesSeen: number[] = [];
    for (let index = 0; index < 6; index += 1) statusesSeen.push(statusOf(await ask("flap-2")));
    expect(statusesSeen).toEqual([200, 200, 503, 503, 200, 200]);
  });

  test("reset kills the socket before a single byte", async () => {
    expect(await ask("reset")).toEqual({ text: "", end: "reset" });
  });

  test("hang never answers, and knows when the client leaves", async () => {
    expect(await ask("hang", { leaveAt: "" })).toEqual({ text: "", end: "left" });
    expect(await lastAborted()).toMatchObject({ aborted: true, finished: false });
  });

  test("cut sends N tokens and kills the socket", async () => {
    const answer = await ask("cut-4");
    expect(answer.end).toBe("reset");
    expect(deltasIn(answer)).toBe(4);
    expect(bodyOf(answer)).not.toContain(api.end);
  });

  test("eof sends N tokens and ends cleanly, without a terminator", async () => {
    const answer = await ask("eof-4");
    expect(answer.end).toBe("closed");
    expect(answer.text).toEndWith("\r\n0\r\n\r\n");
    expect(deltasIn(answer)).toBe(4);
    expect(bodyOf(answer)).not.toContain(api.end);
  });

  test("stall sends N tokens and then nothing until the client leaves", async () => {
    const first = await ask("stall-1", { leaveAt: api.delta });
    expect(first.end).toBe("left");
    expect(deltasIn(first)).toBe(1);
    expect(await lastAborted()).toMatchObject({ aborted: true, finished: false });
  });

  test("malformed puts one broken event between good ones", async () => {
    const events = bodyOf(await ask("malformed-2")).split(/\r?\n\r?\n/);
    const broken = events.filter((event) => {
      const data = event.split("\n").find((line) => line.startsWith("data: "));
      return data !== undefined && data !== "data: [DONE]" && parseJson(data.slice(6)) === undefined;
    });
    expect(broken).toHaveLength(1);
    expect(events.length).toBeGreaterThan(TOKENS);
  });

  test("no-terminator leaves the last event out, no-finish the reason, too", async () => {
    const noTerminator = bodyOf(await ask("no-terminator"));
    const noFinish = bodyOf(await ask("no-finish"));
    expect(noTerminator).not.toContain(api.end);
    expect(noFinish).not.toContain(api.end);
    expect(noFinish).not.toContain(api.finish);
    expect(noTerminator.includes(api.finish)).toBe(api.finish !== api.end);
    expect(noFinish).toContain("said:");
  });

  test("error-first and error-mid tell of an overload inside a 200", async () => {
    for (const [fault, tokens] of [
      ["error-first", 0],
      ["error-mid-2", 2],
    ] as const) {
      const answer = await ask(fault);
      expect(statusOf(answer)).toBe(200);
      const last = bodyOf(answer).trimEnd().split(/\r?\n/).at(-1) ?? "";
      expect(asObject(asObject(parseJson(last.replace("data: ", "")))?.error)).toMatchObject({
        message: "Overloaded",
      });
      expect(bodyOf(answer)).not.toContain(api.end);
      expect(
        deltasIn({
          ...answer,
          text: answer.text.replace('"delta":{"content":""},"finish_reason":"error"', ""),
        }),
      ).toBe(tokens);
    }
  });

  test("error-200 is a JSON error with status 200, not-sse a JSON answer to a stream request", async () => {
    const error = await ask("error-200");
    expect([statusOf(error), isJson(error)]).toEqual([200, true]);
    expect(asObject(parseJson(bodyOf(error)))?.error).toBeDefined();
    const whole = await ask("not-sse");
    expect([statusOf(whole), isJson(whole)]).toEqual([200, true]);
    expect(bodyOf(whole)).toContain("Hello from the demo model.");
  });

  test("html is a page where JSON was expected", async () => {
    const answer = await ask("html");
    expect(statusOf(answer)).toBe(502);
    expect(bodyOf(answer)).toStartWith("<html>");
  });

  test("empty completes without content", async () => {
    const answer = await ask("empty");
    expect(bodyOf(answer)).toContain(api.end);
    expect(deltasIn(answer)).toBe(0);
  });

  test("filter and refusal say so in the vendor's words", async () => {
    const words: Readonly<Record<string, readonly [string, string]>> = {
      chat: ['"finish_reason":"content_filter"', '"refusal":"I\'m sorry'],
      openrouter: ['"finish_reason":"content_filter"', '"refusal":"I\'m sorry'],
      responses: ['"reason":"content_filter"', '"type":"refusal"'],
      anthropic: ['"stop_reason":"refusal"', '"stop_reason":"refusal"'],
      gemini: ['"finishReason":"SAFETY"', '"finishReason":"PROHIBITED_CONTENT"'],
    };
    const [filter = "", refusal = ""] = words[api.name] ?? [];
    for (const stream of [false, true]) expect(bodyOf(await ask("filter", { stream }))).toContain(filter);
    expect(bodyOf(await ask("refusal", { stream: false }))).toContain(refusal);
  });

  test("context says that the prompt is too long", async () => {
    const answer = await ask("context");
    expect(statusOf(answer)).toBe(400);
    expect(bodyOf(answer)).toMatch(/context length|context window|too long|exceeds the maximum/);
  });

  test("huge sends one event of N KiB", async () => {
    const events = bodyOf(await ask("huge-300")).split(/\r?\n\r?\n/);
    expect(events.some((event) => event.includes(api.delta) && event.length > 300 * 1024)).toBe(true);
  });

  test("bytes sends the good answer one byte at a time", async () => {
    const answer = await ask("bytes", { stream: false });
    expect(answer.text).toMatch(/\r\n\r\n1\r\n.\r\n1\r\n.\r\n1\r\n/s);
    expect(asObject(parseJson(bodyOf(answer)))).toBeDefined();
    const streamed = await ask("bytes");
    expect(bodyOf(streamed)).toContain(api.end);
    expect(deltasIn(streamed)).toBe(TOKENS);
  });

  test("slow answers after N ms and not before", async () => {
    const startedAt = performance.now();
    const answer = await ask("slow-80");
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(79);
    expect(deltasIn(answer)).toBe(TOKENS);
  });

  test("slow-token opens the stream at once and keeps the first token back", async () => {
    const answer = await ask("slow-token-80");
    expect(deltasIn(answer)).toBe(TOKENS);
    // Gemini's streams open with their first token.
    if (api.name === "gemini") return;
    const opening = await ask("slow-token-60000", { leaveAt: "data: " });
    expect([opening.end, deltasIn(opening)]).toEqual(["left", 0]);
  });

  test("a whole answer is cut, ended or stalled in its middle", async () => {
    const cut = await ask("cut", { stream: false });
    expect([cut.end, parseJson(bodyOf(cut))]).toEqual(["reset", undefined]);
    const ended = await ask("eof", { stream: false });
    expect([ended.end, parseJson(bodyOf(ended))]).toEqual(["closed", undefined]);
    const stalled = await ask("stall", { stream: false, leaveAt: "{" });
    expect(stalled.end).toBe("left");
  });
});

test("an unknown fault in the header is refused, not ignored", async () => {
  const answer = await sendRaw({
    port: demo.port,
    path: "/v1/chat/completions",
    body: { model: "demo", messages },
    headers: { "x-demo-fault": "teapot" },
  });
  expect(statusOf(answer)).toBe(400);
});

test("a client that leaves a slow stream is noticed within 100 ms", async () => {
  const answer = await sendRaw({
    port: demo.port,
    path: "/v1/chat/completions",
    body: { model: "demo-lorem-1000-d20", stream: true, messages },
    leaveAt: "ipsum",
  });
  const leftAtMs = performance.timeOrigin + performance.now();
  expect(answer.end).toBe("left");
  const seen = await lastAborted();
  expect((Number(seen.abortedAtMs) || Infinity) - leftAtMs).toBeLessThan(100);
});

function isJson(answer: RawAnswer): boolean {
  return /\r\ncontent-type: application\/json/i.test(answer.text);
}

/** Asks until the demo has noticed that the client of the last request left; its news travel through the kernel. */
async function lastAborted(): Promise<JsonObject> {
  for (;;) {
    const last = (await demo.requests()).at(-1);
    if (last?.aborted) return { ...last };
  }
}
