/** What clients of the Responses API get: judged by the grammar, read by the official SDK. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { APIError } from "openai";
import { type Json, type JsonObject, asArray } from "#lib/json.ts";
import type { Citation, Opaque } from "#model/chat.ts";
import type { ChatEvent, PartStart } from "#model/chat-event.ts";
import { Failure } from "#model/failure.ts";
import { foldReply } from "#model/reply.ts";
import { openaiResponses } from "#protocols/openai-responses/openai-responses.ts";
import { checkOpenaiResponsesStream } from "./grammar/openai-responses.ts";
import {
  claude,
  closing,
  contentOfReply,
  contentOfResponse,
  decode,
  end,
  envelope,
  finish,
  google,
  part,
  sdk,
  sdkStreamed,
  sdkWhole,
  start,
  writeStream,
} from "./openai-responses-fixture.ts";

const usage: ChatEvent = { type: "usage", usage: { input: 5, cacheRead: 3, output: 7, reasoning: 2 } };

const call = (id: string, name = "f"): PartStart => ({ type: "tool_call", id, name });
const text: PartStart = { type: "text" };

function whole(events: readonly ChatEvent[], chat = decode({ model: "m", input: "x" })): JsonObject {
  return openaiResponses.client.encodeReply(foldReply(events), envelope(chat));
}

describe("any answer", () => {
  const texts = fc.array(fc.string({ unit: "grapheme", minLength: 1, maxLength: 8 }), {
    minLength: 1,
    maxLength: 4,
  });
  const opaque = fc.option(
    fc.constantFrom<Opaque>(google, claude, { kind: "openai_encrypted", vendor: "openai", data: "gAAA" }),
    { nil: undefined },
  );
  const citation: Citation = { kind: "url", url: "https://x.test", title: "T", start: 0, end: 1 };
  const anyPart = fc.oneof(
    fc
      .tuple(texts, opaque, fc.boolean())
      .map(([said, sign, cited]) =>
        part(text, said, { ...(sign && { opaque: sign }), ...(cited && { citations: [citation] }) }),
      ),
    texts.map((said) => part({ type: "refusal" }, said)),
    fc
      .record({
        said: texts,
        sign: opaque,
        kind: fc.constantFrom("raw", "summary"),
        id: fc.constantFrom(undefined, "a", "b"),
      })
      .map(({ said, sign, kind, id }) =>
        part({ type: "reasoning", kind: kind === "raw" ? "raw" : "summary", ...(id && { id }) }, said, {
          ...(sign && { opaque: sign }),
          late: true,
        }),
      ),
    fc.constant(part({ type: "reasoning", kind: "redacted" }, [], { opaque: claude })),
    fc
      .tuple(fc.uuid(), fc.json({ maxDepth: 2 }), opaque)
      .map(([id, json, sign]) => part(call(id), cut(json), { ...(sign && { opaque: sign }) })),
    fc.uuid().map((id) => part(call(id), [])),
    fc
      .tuple(fc.uuid(), texts)
      .map(([id, said]) => part({ type: "tool_call", id, name: "sql", custom: true }, said)),
    fc.uuid().map((id) =>
      part(
        {
          type: "hosted",
          protocol: "openai-responses",
          value: { type: "web_search_call", id, status: "completed" },
        },
        [],
      ),
    ),
    texts.map((said) => [
      ...part({ type: "code", language: "python" }, said),
      ...part({ type: "code_result", outcome: "ok" }, said),
    ]),
    fc.constant(part({ type: "image", media: { from: "base64", mime: "image/png", data: "AA" } }, [])),
  );
  const ends = fc.constantFrom<"stop" | "length" | "content_filter" | "tool_calls">(
    "stop",
    "length",
    "content_filter",
    "tool_calls",
  );
  const answer = fc
    .tuple(fc.array(anyPart, { maxLength: 6 }), ends)
    .map(([parts, reason]): readonly ChatEvent[] => [start, ...parts.flat(), finish(reason), usage, end]);

  test("obeys the grammar, and streamed and whole say the same", () => {
    fc.assert(
      fc.property(answer, (events) => {
        const stream = writeStream(events);
        const { output, ...rest } = closing(stream);
        const { output: wholeOutput, ...wholeRest } = whole(events);
        expect(rest).toEqual(wholeRest);
        expect(output).toEqual(wholeOutput);
      }),
      { numRuns: 300 },
    );
  });

  test("is read by the SDK as it was meant, streamed and whole", async () => {
    const spoken = answer.filter(
      (events) =>
        !events.some(
          ({ type, ...rest }) =>
            type === "part_start" &&
            "part" in rest &&
            (rest.part.type === "code" || rest.part.type === "image"),
        ),
    );
    await fc.assert(
      fc.asyncProperty(spoken, async (events) => {
        const streamed = await sdkStreamed(writeStream(events));
        const answered = await sdkWhole(whole(events));
        expect(contentOfResponse(streamed)).toEqual(contentOfResponse(answered));
        const meant = contentOfReply(foldReply(events));
        const { text: said, refusal, calls, hosted } = contentOfResponse(answered);
        expect({ said, refusal, hosted }).toEqual({
          said: meant.text,
          refusal: meant.refusal,
          hosted: meant.hosted,
        });
        expect(calls).toEqual(meant.calls.map((entry) => asArray(entry).with(2, asArray(entry)[2] || "{}")));
        expect(streamed.usage?.total_tokens).toBe(15);
        expect(streamed.output_text).toBe(meant.text);
      }),
      { numRuns: 60 },
    );
  });

  test("failing anywhere never looks complete", () => {
    fc.assert(
      fc.property(answer, fc.double({ min: 0, max: 1, noNaN: true }), (events, share) => {
        const before = events.slice(0, Math.floor(share * (events.length - 1)));
        const failure = new Failure("upstream_broken", "It broke off.");
        const stream = checkOpenaiResponsesStream(writeStream([...before, { type: "error", failure }, end]));
        expect(stream.at(-1)?.type).toBe(before.length === 0 ? "error" : "response.failed");
      }),
      { numRuns: 200 },
    );
  });
});

function cut(json: string): readonly string[] {
  const middle = Math.ceil(json.length / 2);
  return [json.slice(0, middle), json.slice(middle)].filter((piece) => piece !== "");
}

test("a namespaced tool is called by its own name, a custom one with its own item", () => {
  const chat = decode({
    model: "m",
    input: "x",
    tools: [
      {
        type: "namespace",
        name: "crm",
        description: "d",
        tools: [{ type: "function", name: "find", parameters: {} }],
      },
      { type: "custom", name: "sql" },
    ],
  });
  const events = [
    start,
    ...part(call("a", "crm__find"), ["{}"]),
    ...part({ type: "tool_call", id: "b", name: "sql", custom: true }, ["select 1"]),
    finish("tool_calls"),
    end,
  ];
  expect(closing(writeStream(events, chat))["output"]).toEqual([
    {
      type: "function_call",
      id: "fc_Ab12_0",
      call_id: "a",
      name: "find",
      namespace: "crm",
      arguments: "{}",
      status: "completed",
    },
    {
      type: "custom_tool_call",
      id: "ctc_Ab12_1",
      call_id: "b",
      name: "sql",
      input: "select 1",
      status: "completed",
    },
  ]);
});

test("a cut answer says which item was cut", () => {
  const events = [start, ...part(text, ["Hi"]), ...part(call("a"), ['{"x":']), finish("length"), end];
  const response = closing(writeStream(events));
  expect(response).toMatchObject({
    status: "incomplete",
    incomplete_details: { reason: "max_output_tokens" },
  });
  expect(response["output"]).toMatchObject([
    { status: "completed" },
    { status: "incomplete", arguments: '{"x":' },
  ]);
});

test("an answer without a word is well-formed, and unknown usage is not called zero", () => {
  expect(closing(writeStream([start, finish("stop"), end]))).toMatchObject({
    status: "completed",
    output: [],
    usage: null,
  });
});

test("another API's hosted block is no item, a picture known by address is told as text", () => {
  const block: PartStart = {
    type: "hosted",
    protocol: "anthropic-messages",
    value: { type: "server_tool_use" },
  };
  const picture: PartStart = { type: "image", media: { from: "url", url: "https://x.test/a.png" } };
  const events = [start, ...part(block, []), ...part(picture, []), finish("stop"), end];
  expect(closing(writeStream(events))["output"]).toMatchObject([
    { type: "message", content: [{ text: "![image](https://x.test/a.png)" }] },
  ]);
});

test("the request is echoed", () => {
  const body: JsonObject = {
    model: "m",
    input: "x",
    instructions: "Be brief.",
    temperature: 0.5,
    top_p: 0.9,
    max_output_tokens: 100,
    metadata: { a: "b" },
    parallel_tool_calls: false,
    reasoning: { effort: "low", summary: "detailed" },
    text: {
      format: { type: "json_schema", name: "n", schema: { type: "object" }, strict: true },
      verbosity: "low",
    },
    tools: [{ type: "function", name: "f", parameters: {}, strict: false }, { type: "web_search" }],
    tool_choice: { type: "function", name: "f" },
    truncation: "auto",
  };
  const { input: _, model: __, ...echoed } = body;
  const response = whole([start, finish("stop"), end], decode(body));
  expect(response).toMatchObject({
    ...echoed,
    id: "resp_Ab12",
    object: "response",
    model: "served",
    store: false,
    error: null,
  });
});

describe("a failure in mid-answer", () => {
  const failure = new Failure("upstream_overloaded", "Busy.");
  const error: ChatEvent = { type: "error", failure };

  async function raisedBy(stream: string): Promise<unknown> {
    try {
      return await sdkStreamed(stream);
    } catch (raised) {
      return raised;
    }
  }

  test("keeps what was said, says what happened, and is raised by the SDK", async () => {
    const stream = writeStream([start, ...part(text, ["Hi"]), error]);
    expect(closing(stream)).toMatchObject({
      status: "failed",
      error: { code: "server_is_overloaded", message: "Busy.", blame: "upstream" },
      output: [{ content: [{ text: "Hi" }] }],
    });
    expect(await raisedBy(stream)).toBeInstanceOf(APIError);
  });

  test("before anything was created is an error event, raised by the SDK", async () => {
    const stream = writeStream([error]);
    checkOpenaiResponsesStream(stream);
    const raised = await raisedBy(stream);
    expect(raised).toBeInstanceOf(APIError);
    expect(raised).toMatchObject({ error: { message: "Busy.", code: "server_is_overloaded" } });
  });

  test("a stream that just stops has no terminal event", () => {
    expect(() => checkOpenaiResponsesStream(writeStream([start, ...part(text, ["Hi"])]))).toThrow(
      "no terminal event",
    );
  });
});

test("the SDK's own listeners fire for every delta", async () => {
  const seen: Json[] = [];
  const stream = sdk(
    writeStream([
      start,
      ...part(text, ["a", "b"]),
      ...part(call("x"), ['{"k"', ":1}"]),
      finish("tool_calls"),
      end,
    ]),
  ).responses.stream({ model: "m", input: "x" });
  stream.on("response.output_text.delta", (event) => seen.push(event.snapshot));
  stream.on("response.function_call_arguments.delta", (event) => seen.push(event.snapshot));
  await stream.done();
  expect(seen).toEqual(["a", "ab", '{"k"', '{"k":1}']);
});
