/** The models that call tools: `demo-tools`, and `demo-reasoning`, which thinks before it does. */
import type { Conversation, Item, ReplyPart, Tool } from "./conversation.ts";
import { lastUserText } from "./conversation.ts";
import { BOUND_TO_TEXT, bindCall, signThought } from "./opaque-blob.ts";
import { readArguments } from "./read-fields.ts";
import { sampleJson } from "./sample-json.ts";

type CallPart = Extract<ReplyPart, { kind: "call" }>;

export function answerTools(conversation: Conversation, serial: string): readonly ReplyPart[] {
  const results = resultsOfLoop(conversation);
  if (results.length > 0) return [{ kind: "text", text: quoteResults(results) }];
  const calls = callOfferedTools(conversation, serial);
  if (calls.length > 0) return calls;
  return [{ kind: "text", text: "I would call a tool, but none is offered." }];
}

/** Says how much of its opaque reasoning came back, so that a test can see it survive. */
export function answerReasoning(conversation: Conversation, serial: string): readonly ReplyPart[] {
  const said = lastUserText(conversation);
  const results = resultsOfLoop(conversation);
  const thought = `The user said ${countWords(said)} words and I have ${results.length} tool results. Let me think step by step.`;
  const calls = results.length > 0 ? [] : callOfferedTools(conversation, serial);
  const first = calls[0];
  const readable = conversation.wantsThoughts ? thought : "";
  const needsText = conversation.api === "anthropic" || conversation.api === "chat";
  const blob = signThought({
    api: conversation.api,
    text: needsText ? readable : "",
    boundTo: first ? bindCall(first.name, readArguments(first.input)) : BOUND_TO_TEXT,
  });
  const text = `I thought about it. ${conversation.blobsSeen} of my earlier thoughts came back unchanged. ${quoteResults(results)}`;
  return [
    { kind: "reasoning", text: thought, blob },
    ...(first ? calls : [{ kind: "text", text: text.trim() } as const]),
  ];
}

/** The tool the client insists on; else the first, and where parallel calls are allowed the second along with it. */
function callOfferedTools(conversation: Conversation, serial: string): readonly CallPart[] {
  if (!conversation.mayCall) return [];
  const forced = conversation.tools.find((tool) => tool.name === conversation.forcedTool);
  const [first, second] = conversation.tools;
  if (forced !== undefined) return [writeCall(forced, serial, 0)];
  if (first === undefined) return [];
  if (!conversation.mayCallParallel || second === undefined) return [writeCall(first, serial, 0)];
  return [writeCall(first, serial, 0), writeCall(second, serial, 1)];
}

function writeCall(tool: Tool, serial: string, index: number): CallPart {
  const input = tool.isFreeText ? `demo input for ${tool.name}` : JSON.stringify(sampleJson(tool.schema));
  return { kind: "call", id: callId(serial, index), name: tool.name, input, isFreeText: tool.isFreeText };
}

/** Good for every API: Anthropic allows no other characters. */
export function callId(serial: string, index: number): string {
  return `call_${serial}_${index}`;
}

/**
 * What was said since the assistant last said something: the running turn with its tool calls. Not since the user did,
 * because agents put reminders behind their results.
 */
export function runningTurn(conversation: Conversation): readonly Item[] {
  const { items } = conversation;
  return items.slice(items.findLastIndex(isAnswer) + 1);
}

/** The results of the running turn, in order. */
export function resultsOfLoop(conversation: Conversation): readonly ResultItem[] {
  return runningTurn(conversation).filter((item) => item.kind === "result");
}

function isAnswer(item: Item): boolean {
  return item.kind === "text" && item.role === "assistant" && item.text !== "";
}

type ResultItem = Extract<Item, { kind: "result" }>;

function quoteResults(results: readonly ResultItem[]): string {
  return results.map((result, index) => `Result ${index + 1}: "${result.text}"`).join(" ");
}

function countWords(text: string): number {
  return text.split(/\s+/).filter((word) => word !== "").length;
}
