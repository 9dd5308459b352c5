/**
 * Answers read by the client API's official SDK, from bytes it takes to be a server's. The SDK does the HTTP, the events
 * and the JSON; where it also gathers the stream, its gathering is what is read.
 */
import Anthropic from "@anthropic-ai/sdk";
import { GoogleGenAI, type GenerateContentResponse } from "@google/genai";
import OpenAI from "openai";
import {
  asArray,
  asNumber,
  asObject,
  asString,
  isObject,
  parseJson,
  type Json,
  type JsonObject,
} from "#lib/json.ts";
import type { ProtocolName } from "#model/chat.ts";
import { emptyChoice, parseInput, sortedOnce, type ChoiceReading, type Reading } from "./reading.ts";
import { unseal } from "./rooms.ts";

/** What the server answers: a JSON body, or a stream's text. */
export type Answer = { readonly whole: JsonObject } | { readonly stream: string };

/** Rejects with the SDK's own error where the answer is one. */
export async function readWithSdk(api: ProtocolName, answer: Answer): Promise<Reading> {
  const { choices, usage } = await readRaw(api, answer);
  for (const choice of choices) {
    choice.blobs = sortedOnce(choice.blobs);
    choice.urls = sortedOnce(choice.urls.filter((url) => url !== ""));
  }
  return { choices, usage };
}

function readRaw(api: ProtocolName, answer: Answer): Promise<Reading> {
  switch (api) {
    case "openai-chat":
      return readChat(answer);
    case "openai-responses":
      return readResponses(answer);
    case "anthropic-messages":
      return readMessages(answer);
    case "gemini":
      return readGemini(answer);
  }
}

function serve(answer: Answer) {
  return async (): Promise<Response> =>
    "whole" in answer
      ? Response.json(answer.whole)
      : new Response(answer.stream, { headers: { "content-type": "text/event-stream" } });
}

const settings = (answer: Answer) => ({ apiKey: "none", maxRetries: 0, fetch: serve(answer) });
const question = [{ role: "user" as const, content: "?" }];

/** The maker's own bytes, whether bare or sealed; none where the seal only marks an unsigned thought. */
function opened(text: string | null | undefined): string[] {
  if (!text) return [];
  const opaque = unseal(text.replace(/~$/, ""));
  if (opaque?.kind === "unsigned") return [];
  return [opaque?.data ?? text];
}

// ---- Chat Completions -----------------------------------------------------------------------------------------

type ChatMessage = OpenAI.ChatCompletionMessage | OpenAI.ChatCompletionChunk.Choice.Delta;

/** The SDK gives chunks; putting them together is every client's own work, and so it is done here. */
async function readChat(answer: Answer): Promise<Reading> {
  const client = new OpenAI(settings(answer));
  const asked = { model: "m", messages: question };
  const choices: ChoiceReading[] = [];
  let usage: OpenAI.CompletionUsage | undefined;
  const choiceAt = (index: number) => {
    while (choices.length <= index) choices.push(emptyChoice());
    return choices[index] ?? emptyChoice();
  };
  const calls: { readonly choice: ChoiceReading; readonly name: string; input: string; isCustom: boolean }[] =
    [];
  const addMessage = (choice: ChoiceReading, message: ChatMessage) => {
    choice.text += message.content ?? "";
    choice.refusal += message.refusal ?? "";
    const more: JsonObject = asObject(message) ?? {};
    choice.reasoning += asString(more["reasoning_content"]) ?? "";
    for (const detail of asArray(more["reasoning_details"])) choice.blobs.push(...blobOfDetail(detail));
    for (const annotation of asArray(more["annotations"])) {
      choice.urls.push(asString(asObject(asObject(annotation)?.["url_citation"])?.["url"]) ?? "");
    }
    const audio = asString(asObject(more["audio"])?.["data"]) ?? "";
    if (audio !== "") choice.media.push(audio);
    for (const image of asArray(more["images"])) {
      const url = asString(asObject(asObject(image)?.["image_url"])?.["url"]) ?? "";
      choice.media.push(url.replace(/^data:[^,]*,/, ""));
    }
    for (const call of message.tool_calls ?? []) {
      const custom = asObject(asObject(call)?.["custom"]);
      const called = custom ?? asObject(asObject(call)?.["function"]);
      const google = asObject(asObject(asObject(call)?.["extra_content"])?.["google"]);
      choice.blobs.push(...opened(asString(google?.["thought_signature"])));
      const name = asString(called?.["name"]);
      const input = asString(called?.["arguments"]) ?? asString(called?.["input"]) ?? "";
      if (name !== undefined) calls.push({ choice, name, input, isCustom: custom !== undefined });
      else calls[calls.length - 1] = { ...lastOf(calls), input: lastOf(calls).input + input };
    }
  };
  if ("whole" in answer) {
    const completion = await client.chat.completions.create(asked);
    for (const { index, message, finish_reason: finish } of completion.choices) {
      addMessage(choiceAt(index), message);
      choiceAt(index).finish = finish;
    }
    usage = completion.usage;
  } else {
    for await (const chunk of await client.chat.completions.create({ ...asked, stream: true })) {
      for (const { index, delta, finish_reason: finish } of chunk.choices) {
        addMessage(choiceAt(index), delta);
        choiceAt(index).finish = finish ?? choiceAt(index).finish;
      }
      usage = chunk.usage ?? usage;
    }
  }
  for (const { choice, name, input, isCustom } of calls)
    choice.calls.push({ name, input: isCustom ? input : parseInput(input) });
  return { choices, usage: usage ? chatUsage(usage) : {} };
}

/** A detail this house did not seal is a provider's own, and is state as a whole. */
function blobOfDetail(value: Json): string[] {
  const detail = asObject(value);
  const secret = asString(detail?.["signature"]) ?? asString(detail?.["data"]);
  if (detail?.["type"] === "reasoning.summary") return [];
  return secret !== undefined && unseal(secret) ? opened(secret) : [JSON.stringify(value)];
}

function lastOf<T>(entries: readonly T[]): T {
  const last = entries.at(-1);
  if (last === undefined) throw new Error("a call goes on before it began");
  return last;
}

function chatUsage(usage: OpenAI.CompletionUsage): Record<string, number> {
  return {
    input: usage.prompt_tokens,
    cacheRead: usage.prompt_tokens_details?.cached_tokens ?? 0,
    cacheWrite: asNumber(asObject(usage.prompt_tokens_details)?.["cache_write_tokens"]) ?? 0,
    output: usage.completion_tokens,
    reasoning: usage.completion_tokens_details?.reasoning_tokens ?? 0,
    total: usage.total_tokens,
  };
}

// ---- Responses ------------------------------------------------------------------------------------------------

async function readResponses(answer: Answer): Promise<Reading> {
  const { responses } = new OpenAI(settings(answer));
  const asked = { model: "m", input: "?" };
  const response =
    "whole" in answer ? await responses.create(asked) : await responses.stream(asked).finalResponse();
  const choice = emptyChoice();
  for (const item of response.output) addItem(choice, item);
  choice.finish = response.incomplete_details?.reason ?? response.status ?? "";
  const { usage } = response;
  return {
    choices: [choice],
    usage: usage
      ? {
          input: usage.input_tokens,
          cacheRead: usage.input_tokens_details.cached_tokens,
          cacheWrite: asNumber(asObject(usage.input_tokens_details)?.["cache_write_tokens"]) ?? 0,
          output: usage.output_tokens,
          reasoning: usage.output_tokens_details.reasoning_tokens,
          total: usage.total_tokens,
        }
      : {},
  };
}

function addItem(choice: ChoiceReading, item: OpenAI.Responses.ResponseOutputItem): void {
  if (item.type === "message") {
    for (const part of item.content) {
      if (part.type === "refusal") choice.refusal += part.refusal;
      else choice.text += part.text;
      for (const annotation of part.type === "output_text" ? part.annotations : []) {
        if (annotation.type === "url_citation") choice.urls.push(annotation.url);
      }
    }
  }
  if (item.type === "reasoning") {
    choice.blobs.push(...opened(item.encrypted_content));
    for (const { text } of [...item.summary, ...(item.content ?? [])]) choice.reasoning += text;
  }
  if (item.type === "function_call") {
    const name = item.namespace === undefined ? item.name : `${item.namespace}__${item.name}`;
    choice.calls.push({ name, input: parseInput(item.arguments) });
  }
  if (item.type === "custom_tool_call") choice.calls.push({ name: item.name, input: item.input });
  // The verbatim items of a Responses upstream are a hosted tool's; those made here carry this answer's id.
  if (item.type === "code_interpreter_call" && item.id.startsWith("ci_Ab12")) {
    choice.code.push(item.code ?? "");
    for (const output of item.outputs ?? []) choice.code.push(output.type === "logs" ? output.logs : "");
  }
  if (item.type === "image_generation_call" && item.id.startsWith("ig_Ab12"))
    choice.media.push(item.result ?? "");
}

// ---- Messages -------------------------------------------------------------------------------------------------

async function readMessages(answer: Answer): Promise<Reading> {
  const { messages } = new Anthropic(settings(answer));
  const asked = { model: "m", max_tokens: 1, messages: question };
  const message =
    "whole" in answer ? await messages.create(asked) : await messages.stream(asked).finalMessage();
  const choice = emptyChoice();
  for (const block of message.content) {
    if (block.type === "text") choice.text += block.text;
    if (block.type === "thinking") choice.reasoning += block.thinking;
    if (block.type === "thinking") choice.blobs.push(...opened(block.signature));
    if (block.type === "redacted_thinking") choice.blobs.push(...opened(block.data));
    for (const citation of block.type === "text" ? (block.citations ?? []) : []) {
      if (citation.type === "web_search_result_location") choice.urls.push(citation.url);
    }
    if (block.type === "tool_use") choice.calls.push({ name: block.name, input: toJson(block.input) });
  }
  choice.finish = message.stop_reason ?? "";
  const { usage } = message;
  const details = asObject(asObject(usage)?.["output_tokens_details"]);
  return {
    choices: [choice],
    usage: {
      input: usage.input_tokens,
      cacheRead: usage.cache_read_input_tokens ?? 0,
      cacheWrite: usage.cache_creation_input_tokens ?? 0,
      output: usage.output_tokens,
      reasoning: asNumber(details?.["thinking_tokens"]) ?? 0,
    },
  };
}

// ---- Gemini ---------------------------------------------------------------------------------------------------

async function readGemini(answer: Answer): Promise<Reading> {
  const { models } = new GoogleGenAI({ apiKey: "none", httpOptions: { fetch: serve(answer) } });
  const asked = { model: "m", contents: "?" };
  const responses: GenerateContentResponse[] = [];
  if ("whole" in answer) responses.push(await models.generateContent(asked));
  else for await (const chunk of await models.generateContentStream(asked)) responses.push(chunk);
  const choices: ChoiceReading[] = [];
  let usage: Reading["usage"] = {};
  for (const response of responses) {
    if (response.promptFeedback?.blockReason) choices.push({ ...emptyChoice(), finish: "blocked" });
    for (const candidate of response.candidates ?? []) {
      const index = candidate.index ?? 0;
      while (choices.length <= index) choices.push(emptyChoice());
      const choice = choices[index] ?? emptyChoice();
      for (const part of candidate.content?.parts ?? []) addGeminiPart(choice, part);
      for (const { uri } of candidate.citationMetadata?.citations ?? []) choice.urls.push(uri ?? "");
      for (const { web } of candidate.groundingMetadata?.groundingChunks ?? [])
        choice.urls.push(web?.uri ?? "");
      choice.urls = choice.urls.filter((url) => url !== "");
      choice.finish = candidate.finishReason ?? choice.finish;
    }
    if (response.usageMetadata) usage = geminiUsage(response.usageMetadata);
  }
  return { choices, usage };
}

type GeminiPart = NonNullable<
  NonNullable<NonNullable<GenerateContentResponse["candidates"]>[number]["content"]>["parts"]
>[number];

function addGeminiPart(choice: ChoiceReading, part: GeminiPart): void {
  if (part.text !== undefined) choice[part.thought ? "reasoning" : "text"] += part.text;
  choice.blobs.push(...openedBytes(part.thoughtSignature));
  if (part.functionCall) {
    choice.calls.push({ name: part.functionCall.name ?? "", input: toJson(part.functionCall.args ?? {}) });
  }
  if (part.executableCode) choice.code.push(part.executableCode.code ?? "");
  if (part.codeExecutionResult) choice.code.push(part.codeExecutionResult.output ?? "");
  if (part.inlineData?.data) choice.media.push(part.inlineData.data);
}

/** The field holds bytes, so that a seal in it is base64 of its text. */
function openedBytes(signature: string | undefined): string[] {
  if (signature === undefined) return [];
  const inside = Buffer.from(signature, "base64").toString();
  return unseal(inside) ? opened(inside) : [signature];
}

function geminiUsage(usage: NonNullable<GenerateContentResponse["usageMetadata"]>): Record<string, number> {
  return {
    input: usage.promptTokenCount ?? 0,
    toolPrompt: usage.toolUsePromptTokenCount ?? 0,
    cacheRead: usage.cachedContentTokenCount ?? 0,
    output: usage.candidatesTokenCount ?? 0,
    reasoning: usage.thoughtsTokenCount ?? 0,
    total: usage.totalTokenCount ?? 0,
  };
}

function toJson(value: unknown): Json {
  const copy = parseJson(JSON.stringify(value));
  return isObject(copy) ? copy : (copy ?? null);
}
