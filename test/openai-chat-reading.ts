/**
 * What a client sees of a Chat Completions answer, read twice and independently: from the bytes by the official SDK,
 * and from canonical events. The SDK parses HTTP, SSE and JSON; folding its chunks is done here, plainly.
 */
import { expect } from "bun:test";
import OpenAI from "openai";
import { asArray, asNumber, asObject, asString, type JsonObject } from "#lib/json.ts";
import type { ChatEvent } from "#model/chat-event.ts";
import { foldReply } from "#model/reply.ts";
import { inputTotal } from "#model/usage.ts";

export interface Reading {
  text: string;
  refusal: string;
  reasoning: string;
  /** The same thoughts as `reasoning_details` tell them: read where no plain field does. */
  details: string;
  calls: { id: string; name: string; input: string }[];
  finish: string;
  usage: { prompt: number; completion: number; cached: number; reasoning: number } | undefined;
}

const emptyReading = (): Reading => ({
  text: "",
  refusal: "",
  reasoning: "",
  details: "",
  calls: [],
  finish: "",
  usage: undefined,
});

/** The official SDK over given bytes. It parses HTTP, SSE and JSON; the folding below is the test's own. */
export async function readWithSdk(text: string, isStream: boolean): Promise<Reading[]> {
  const client = new OpenAI({
    apiKey: "none",
    baseURL: "http://gateway.test/v1",
    maxRetries: 0,
    fetch: async () =>
      new Response(text, {
        headers: { "content-type": isStream ? "text/event-stream" : "application/json" },
      }),
  });
  const readings: Reading[] = [];
  const request = { model: "m", messages: [{ role: "user" as const, content: "?" }] };
  if (isStream) {
    const stream = await client.chat.completions.create({ ...request, stream: true });
    for await (const chunk of stream) add(readings, chunk);
  } else {
    add(readings, await client.chat.completions.create(request));
  }
  return readings.map((reading) => ({
    ...reading,
    reasoning: reading.reasoning || reading.details,
    details: "",
  }));
}

function add(readings: Reading[], value: unknown): void {
  const body = asObject(value) ?? {};
  for (const entry of asArray(body["choices"])) {
    const choice = asObject(entry) ?? {};
    const index = asNumber(choice["index"]) ?? 0;
    while (readings.length <= index) readings.push(emptyReading());
    const reading = readings[index] ?? emptyReading();
    const isWhole = body["object"] === "chat.completion";
    addDelta(reading, asObject(choice[isWhole ? "message" : "delta"]) ?? {});
    reading.finish = asString(choice["finish_reason"]) || reading.finish;
  }
  const usage = asObject(body["usage"]) ?? asObject(asObject(body["x_groq"])?.["usage"]);
  const [first] = readings;
  if (usage && first) first.usage = readUsage(usage);
}

function readUsage(usage: JsonObject): Reading["usage"] {
  const prompt = asNumber(usage["prompt_tokens"]) ?? 0;
  const completion = asNumber(usage["completion_tokens"]) ?? 0;
  const total = asNumber(usage["total_tokens"]) ?? 0;
  const cached =
    asNumber(asObject(usage["prompt_tokens_details"])?.["cached_tokens"]) ??
    asNumber(usage["prompt_cache_hit_tokens"]) ??
    asNumber(usage["cached_tokens"]) ??
    asNumber(usage["num_cached_tokens"]) ??
    0;
  return {
    // Two recordings (a Claude behind Azure's name) report more cached than prompted: those stand apart.
    prompt: cached > prompt ? prompt + cached : prompt,
    completion: Math.max(completion, total - prompt),
    cached,
    reasoning: asNumber(asObject(usage["completion_tokens_details"])?.["reasoning_tokens"]) ?? 0,
  };
}

function addDelta(reading: Reading, delta: JsonObject): void {
  const content = delta["content"];
  if (typeof content === "string") reading.text += content;
  for (const part of asArray(content)) {
    reading.text += asString(asObject(part)?.["text"]) ?? "";
    for (const thought of asArray(asObject(part)?.["thinking"])) {
      reading.reasoning += asString(asObject(thought)?.["text"]) ?? "";
    }
  }
  reading.refusal += asString(delta["refusal"]) ?? "";
  reading.reasoning += asString(delta["reasoning_content"]) ?? asString(delta["reasoning"]) ?? "";
  reading.details += detailText(delta);
  for (const call of asArray(delta["tool_calls"])) addCall(reading, asObject(call) ?? {});
}

function detailText(delta: JsonObject): string {
  return asArray(delta["reasoning_details"])
    .map((detail) => asString(asObject(detail)?.["text"]) ?? asString(asObject(detail)?.["summary"]) ?? "")
    .join("");
}

function addCall(reading: Reading, call: JsonObject): void {
  const id = asString(call["id"]) ?? "";
  const called = asObject(call["function"]);
  const input = asString(called?.["arguments"]) ?? "";
  const known = reading.calls.at(-1);
  const name = asString(called?.["name"]) ?? "";
  if (known && (id === "" || id === known.id) && name === "") known.input += input;
  else reading.calls.push({ id, name, input });
}

const finishWords: Readonly<Record<string, string>> = {
  stop: "stop",
  stop_sequence: "stop",
  refusal: "stop",
  length: "length",
  tool_calls: "tool_calls",
  content_filter: "content_filter",
};

/** Events in the terms of the SDK's reading. */
export function readEvents(events: readonly ChatEvent[]): Reading[] {
  const reply = foldReply(events);
  return reply.choices.map((choice, index) => {
    const reading = emptyReading();
    for (const part of choice.parts) {
      if (part.type === "text") reading.text += part.text;
      if (part.type === "refusal") reading.refusal += part.text;
      if (part.type === "reasoning") reading.reasoning += part.text ?? "";
      if (part.type === "tool_call") {
        reading.calls.push({ id: part.id, name: part.name, input: part.argumentsText });
      }
    }
    reading.finish = finishWords[choice.finish.reason] ?? choice.finish.reason;
    if (index === 0 && reply.usage) {
      reading.usage = {
        prompt: inputTotal(reply.usage) ?? 0,
        completion: reply.usage.output ?? 0,
        cached: reply.usage.cacheRead ?? 0,
        reasoning: reply.usage.reasoning ?? 0,
      };
    }
    return reading;
  });
}

/** What a careless server leaves out and this house puts right: ids, empty arguments, odd finish words. */
export function putRight(theirs: Reading[], ours: Reading[]): Reading[] {
  return theirs.map((reading, index) => ({
    ...reading,
    calls: reading.calls.map((call, position) => ({
      id: call.id === "" ? (ours[index]?.calls[position]?.id ?? "") : call.id,
      name: call.name,
      input: call.input.trim() === "" ? "{}" : call.input,
    })),
    finish:
      reading.calls.length > 0 && !["length", "content_filter"].includes(reading.finish)
        ? "tool_calls"
        : (finishWords[reading.finish] ?? "stop"),
  }));
}

/** Grammar of canonical events (chat-event.ts), checked apart from the fold that trusts it. */
export function assertGrammar(events: readonly ChatEvent[]): void {
  const open = new Map<number, boolean>();
  const finished = new Set<number>();
  for (const [position, event] of events.entries()) {
    if (event.type === "start") expect(position).toBe(0);
    const isTerminal = event.type === "end" || event.type === "error";
    expect(isTerminal).toBe(position === events.length - 1);
    if (!("choice" in event)) continue;
    expect(finished.has(event.choice)).toBe(false);
    if (event.type === "part_start") expect(open.get(event.choice) ?? false).toBe(false);
    else if (event.type !== "finish") expect(open.get(event.choice)).toBe(true);
    if (event.type === "part_start") open.set(event.choice, true);
    if (event.type === "part_end") open.set(event.choice, false);
    if (event.type === "finish") {
      expect(open.get(event.choice) ?? false).toBe(false);
      finished.add(event.choice);
    }
  }
}
