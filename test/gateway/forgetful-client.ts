/**
 * A Chat client that sends back of an answer what the API itself knows, role, content and calls, and nothing of what
 * it was thought of: most of them. The official SDK does the talking.
 */
import OpenAI from "openai";
import { PARAMETERS } from "../demo/samples.ts";
import type { Line, Said, Talker } from "../matrix/talker.ts";

type Message = OpenAI.ChatCompletionMessageParam;
type Call = OpenAI.ChatCompletionMessageFunctionToolCall;
type Asked = OpenAI.ChatCompletionCreateParamsNonStreaming;

export interface ForgetfulLine extends Line {
  readonly fields?: Partial<Asked>;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface ForgetfulTalker extends Talker {
  /** As they will be sent. */
  readonly messages: Message[];
  /** The same conversation, gone on with elsewhere or with another key. */
  moveTo(line: ForgetfulLine): ForgetfulTalker;
}

const tools: OpenAI.ChatCompletionTool[] = [
  { type: "function", function: { name: "weather", parameters: PARAMETERS } },
  { type: "function", function: { name: "clock", parameters: { type: "object", properties: {} } } },
];

export function openForgetful(line: ForgetfulLine, messages: Message[] = []): ForgetfulTalker {
  const client = new OpenAI({
    baseURL: `${line.url}/v1`,
    apiKey: line.key,
    maxRetries: 0,
    defaultHeaders: { ...line.headers },
  });
  const ask = async (model: string): Promise<Said> => {
    const asked = { model, messages, tools, reasoning_effort: "high" as const, ...line.fields };
    const answer = line.isStreamed ? await askStreamed(client, asked) : await askWhole(client, asked);
    const { text, calls } = answer;
    messages.push({
      role: "assistant",
      content: text === "" ? null : text,
      ...(calls.length > 0 && { tool_calls: calls }),
    });
    return {
      text,
      calls: calls.map((call) => ({ id: call.id, name: call.function.name })),
      dropped: (answer.headers.get("x-xjp-dropped") ?? "").split(",").filter((name) => name !== ""),
    };
  };
  return {
    messages,
    moveTo: (other) => openForgetful(other, structuredClone(messages)),
    say: (text, model) => {
      messages.push({ role: "user", content: text });
      return ask(model);
    },
    answerCalls: (results, model) => {
      const last = messages.at(-1);
      const calls = last?.role === "assistant" ? (last.tool_calls ?? []) : [];
      for (const [index, content] of results.entries())
        messages.push({ role: "tool", tool_call_id: calls[index]?.id ?? "", content });
      return ask(model);
    },
  };
}

interface Answer {
  readonly text: string;
  readonly calls: Call[];
  readonly headers: Headers;
}

async function askWhole(client: OpenAI, asked: Asked): Promise<Answer> {
  const { data, response } = await client.chat.completions.create(asked).withResponse();
  const message = data.choices[0]?.message;
  const calls = (message?.tool_calls ?? []).flatMap((call) =>
    call.type === "function" ? [toCall(call.id, call.function.name, call.function.arguments)] : [],
  );
  return { text: message?.content ?? "", calls, headers: response.headers };
}

async function askStreamed(client: OpenAI, asked: Asked): Promise<Answer> {
  const { data, response } = await client.chat.completions.create({ ...asked, stream: true }).withResponse();
  const calls: Call[] = [];
  let text = "";
  for await (const { choices } of data) {
    const delta = choices[0]?.delta;
    text += delta?.content ?? "";
    for (const piece of delta?.tool_calls ?? []) {
      const known = calls[piece.index] ?? toCall(piece.id ?? "", piece.function?.name ?? "", "");
      const grown = known.function.arguments + (piece.function?.arguments ?? "");
      calls[piece.index] = toCall(known.id, known.function.name, grown);
    }
  }
  return { text, calls, headers: response.headers };
}

function toCall(id: string, name: string, text: string): Call {
  return { id, type: "function", function: { name, arguments: text } };
}
