/**
 * A conversation through one client API's official SDK. The client keeps its history as that API's users do: what the
 * SDK returned goes back as it came, with whatever opaque fields it holds, and nothing else.
 */
import Anthropic from "@anthropic-ai/sdk";
import { GoogleGenAI, type Content, type Part } from "@google/genai";
import OpenAI from "openai";
import { asArray, asObject, asString, isObject, parseJson, type JsonObject } from "#lib/json.ts";
import type { ProtocolName } from "#model/chat.ts";
import { PARAMETERS } from "../demo/samples.ts";

export interface Said {
  readonly text: string;
  readonly calls: readonly { readonly id: string; readonly name: string }[];
  /** `x-xjp-dropped`, as a list. */
  readonly dropped: readonly string[];
}

export interface Talker {
  /** A user's words, and the model's answer to them. */
  say(text: string, model: string): Promise<Said>;
  /** Results for every call of the last answer, in order, and the model's answer to them. */
  answerCalls(results: readonly string[], model: string): Promise<Said>;
}

export interface Line {
  readonly url: string;
  readonly key: string;
  readonly isStreamed: boolean;
}

export function openTalker(api: ProtocolName, line: Line): Talker {
  switch (api) {
    case "openai-chat":
      return talkChat(line);
    case "openai-responses":
      return talkResponses(line);
    case "anthropic-messages":
      return talkMessages(line);
    case "gemini":
      return talkGemini(line);
  }
}

const EMPTY = { type: "object", properties: {} };
const droppedOf = (headers: { get(name: string): string | null }) =>
  (headers.get("x-xjp-dropped") ?? "").split(",").filter((name) => name !== "");

// ---- Chat Completions -----------------------------------------------------------------------------------------

function talkChat({ url, key, isStreamed }: Line): Talker {
  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 });
  const messages: OpenAI.ChatCompletionMessageParam[] = [];
  const tools: OpenAI.ChatCompletionTool[] = [
    { type: "function", function: { name: "weather", parameters: PARAMETERS } },
    { type: "function", function: { name: "clock", parameters: EMPTY } },
  ];
  let calls: Said["calls"] = [];
  const ask = async (model: string): Promise<Said> => {
    const asked = { model, messages, tools, reasoning_effort: "high" as const };
    const { message, headers } = isStreamed
      ? await streamChat(client, asked)
      : await wholeChat(client, asked);
    messages.push(message);
    calls = asArray(asObject(message)?.["tool_calls"]).map((call) => {
      const id = asString(asObject(call)?.["id"]) ?? "";
      return { id, name: asString(asObject(asObject(call)?.["function"])?.["name"]) ?? "" };
    });
    return { text: asString(asObject(message)?.["content"]) ?? "", calls, dropped: droppedOf(headers) };
  };
  return {
    say: (text, model) => {
      messages.push({ role: "user", content: text });
      return ask(model);
    },
    answerCalls: (results, model) => {
      for (const [index, content] of results.entries()) {
        messages.push({ role: "tool", tool_call_id: calls[index]?.id ?? "", content });
      }
      return ask(model);
    },
  };
}

interface ChatAnswer {
  readonly message: OpenAI.ChatCompletionMessageParam;
  readonly headers: Headers;
}

async function wholeChat(
  client: OpenAI,
  asked: OpenAI.ChatCompletionCreateParamsNonStreaming,
): Promise<ChatAnswer> {
  const { data, response } = await client.chat.completions.create(asked).withResponse();
  const message = data.choices[0]?.message;
  if (!message) throw new Error("no choice");
  return { message, headers: response.headers };
}

/** Deltas put together as the clients do that know `reasoning_details`: strings grow, lists grow by their index. */
async function streamChat(
  client: OpenAI,
  asked: OpenAI.ChatCompletionCreateParamsNonStreaming,
): Promise<ChatAnswer> {
  const { data, response } = await client.chat.completions.create({ ...asked, stream: true }).withResponse();
  let content = "";
  let thoughts = "";
  const details: JsonObject[] = [];
  const calls: { id: string; type: string; name: string; text: string; extra: JsonObject }[] = [];
  for await (const { choices } of data) {
    const delta = asObject(parseJson(JSON.stringify(choices[0]?.delta ?? {}))) ?? {};
    content += asString(delta["content"]) ?? "";
    thoughts += asString(delta["reasoning_content"]) ?? "";
    for (const detail of asArray(delta["reasoning_details"]))
      if (isObject(detail)) addDetail(details, detail);
    for (const value of asArray(delta["tool_calls"])) {
      const call = asObject(value) ?? {};
      const called = asObject(call["function"]) ?? {};
      const index = Number(call["index"]);
      const known = calls[index] ?? { id: "", type: "function", name: "", text: "", extra: {} };
      calls[index] = {
        ...known,
        id: asString(call["id"]) ?? known.id,
        name: asString(called["name"]) ?? known.name,
        text: known.text + (asString(called["arguments"]) ?? ""),
        extra: asObject(call["extra_content"]) ?? known.extra,
      };
    }
  }
  const message = {
    role: "assistant" as const,
    content: content === "" ? null : content,
    ...(thoughts !== "" && { reasoning_content: thoughts }),
    ...(details.length > 0 && { reasoning_details: details }),
    ...(calls.length > 0 && {
      tool_calls: calls.map(({ id, name, text, extra }) => ({
        id,
        type: "function" as const,
        function: { name, arguments: text },
        ...(Object.keys(extra).length > 0 && { extra_content: extra }),
      })),
    }),
  };
  return { message, headers: response.headers };
}

/** Pieces of one detail have its index; its text grows, its signature comes with the last. */
function addDetail(details: JsonObject[], piece: JsonObject): void {
  const last = details.at(-1);
  if (last?.["type"] !== piece["type"] || last?.["index"] !== piece["index"]) return void details.push(piece);
  const text = (asString(last?.["text"]) ?? "") + (asString(piece["text"]) ?? "");
  details[details.length - 1] = { ...last, ...piece, ...(text !== "" && { text }) };
}

// ---- Responses ------------------------------------------------------------------------------------------------

function talkResponses({ url, key, isStreamed }: Line): Talker {
  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 });
  const input: OpenAI.Responses.ResponseInputItem[] = [];
  const tools: OpenAI.Responses.FunctionTool[] = [
    { type: "function", name: "weather", parameters: PARAMETERS, strict: false },
    { type: "function", name: "clock", parameters: EMPTY, strict: false },
  ];
  let calls: Said["calls"] = [];
  const ask = async (model: string): Promise<Said> => {
    const asked = { model, input, tools, store: false, reasoning: { summary: "auto" as const } };
    const { response, headers } = isStreamed
      ? await streamResponses(client, asked)
      : await wholeResponses(client, asked);
    // The SDK's own helpers send output items back as they came.
    input.push(...(response.output as OpenAI.Responses.ResponseInputItem[]));
    calls = response.output.flatMap((item) =>
      item.type === "function_call" ? [{ id: item.call_id, name: item.name }] : [],
    );
    return { text: response.output_text, calls, dropped: droppedOf(headers) };
  };
  return {
    say: (text, model) => {
      input.push({ role: "user", content: text });
      return ask(model);
    },
    answerCalls: (results, model) => {
      for (const [index, output] of results.entries()) {
        input.push({ type: "function_call_output", call_id: calls[index]?.id ?? "", output });
      }
      return ask(model);
    },
  };
}

type ResponsesAsked = OpenAI.Responses.ResponseCreateParamsNonStreaming;
interface ResponsesAnswer {
  readonly response: OpenAI.Responses.Response;
  readonly headers: Headers;
}

async function wholeResponses(client: OpenAI, asked: ResponsesAsked): Promise<ResponsesAnswer> {
  const { data, response } = await client.responses.create(asked).withResponse();
  return { response: data, headers: response.headers };
}

async function streamResponses(client: OpenAI, asked: ResponsesAsked): Promise<ResponsesAnswer> {
  const { data, response } = await client.responses.create({ ...asked, stream: true }).withResponse();
  for await (const event of data) {
    if (event.type !== "response.completed") continue;
    const texts = event.response.output.flatMap((item) =>
      item.type === "message"
        ? item.content.map((part) => (part.type === "output_text" ? part.text : ""))
        : [],
    );
    return { response: { ...event.response, output_text: texts.join("") }, headers: response.headers };
  }
  throw new Error("the stream ended without response.completed");
}

// ---- Messages -------------------------------------------------------------------------------------------------

function talkMessages({ url, key, isStreamed }: Line): Talker {
  const client = new Anthropic({ baseURL: url, apiKey: key, maxRetries: 0 });
  const messages: Anthropic.MessageParam[] = [];
  const tools: Anthropic.Tool[] = [
    { name: "weather", input_schema: { ...PARAMETERS, type: "object" } },
    { name: "clock", input_schema: { type: "object" } },
  ];
  let calls: Said["calls"] = [];
  const ask = async (model: string): Promise<Said> => {
    const thinking = { type: "enabled", budget_tokens: 1024 } as const;
    const asked = { model, max_tokens: 3000, messages, tools, thinking };
    const { data, response } = isStreamed
      ? await client.messages.stream(asked).withResponse()
      : await client.messages.create(asked).withResponse();
    const message = "finalMessage" in data ? await data.finalMessage() : data;
    messages.push({ role: "assistant", content: message.content });
    calls = message.content.flatMap((block) =>
      block.type === "tool_use" ? [{ id: block.id, name: block.name }] : [],
    );
    const texts = message.content.map((block) => (block.type === "text" ? block.text : ""));
    return { text: texts.join(""), calls, dropped: droppedOf(response.headers) };
  };
  return {
    say: (text, model) => {
      messages.push({ role: "user", content: text });
      return ask(model);
    },
    answerCalls: (results, model) => {
      const content = results.map((result, index) => ({
        type: "tool_result" as const,
        tool_use_id: calls[index]?.id ?? "",
        content: result,
      }));
      messages.push({ role: "user", content });
      return ask(model);
    },
  };
}

// ---- Gemini ---------------------------------------------------------------------------------------------------

function talkGemini({ url, key, isStreamed }: Line): Talker {
  const seen: { headers: Headers } = { headers: new Headers() };
  const { models } = new GoogleGenAI({
    apiKey: key,
    httpOptions: {
      baseUrl: url,
      retryOptions: { attempts: 1 },
      fetch: async (input, init) => {
        const response = await fetch(input, init);
        seen.headers = response.headers;
        return response;
      },
    },
  });
  const contents: Content[] = [];
  const functionDeclarations = [
    { name: "weather", parametersJsonSchema: PARAMETERS },
    { name: "clock", parametersJsonSchema: EMPTY },
  ];
  let calls: Said["calls"] = [];
  const ask = async (model: string): Promise<Said> => {
    const config = { tools: [{ functionDeclarations }], thinkingConfig: { includeThoughts: true } };
    const asked = { model, contents, config };
    const parts: Part[] = [];
    if (isStreamed) {
      for await (const chunk of await models.generateContentStream(asked)) {
        parts.push(...(chunk.candidates?.[0]?.content?.parts ?? []));
      }
    } else parts.push(...((await models.generateContent(asked)).candidates?.[0]?.content?.parts ?? []));
    contents.push({ role: "model", parts });
    calls = parts.flatMap(({ functionCall }) =>
      functionCall ? [{ id: functionCall.id ?? "", name: functionCall.name ?? "" }] : [],
    );
    const text = parts.map((part) => (part.thought ? "" : (part.text ?? ""))).join("");
    return { text, calls, dropped: droppedOf(seen.headers) };
  };
  return {
    say: (text, model) => {
      contents.push({ role: "user", parts: [{ text }] });
      return ask(model);
    },
    answerCalls: (results, model) => {
      const parts = results.map((output, index) => ({
        functionResponse: { ...calls[index], response: { output } },
      }));
      contents.push({ role: "user", parts });
      return ask(model);
    },
  };
}
