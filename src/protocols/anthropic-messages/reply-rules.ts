/**
 * What was renamed or emulated on the way up and must be undone on the way down. Derived from the request again, so
 * that nothing has to be carried from the encoder to the decoder.
 */
import type { Chat } from "#model/chat.ts";
import type { Dialect } from "#protocols/protocol.ts";
import { planOutput } from "./plan-output.ts";
import { ToolNames } from "./tool-names.ts";

export interface ReplyRules {
  readonly toolNames?: ToolNames;
  /** The tool whose call is the answer: structured output where the model or host has none. */
  readonly answerTool?: string;
}

/** Nothing to undo where the caller spoke this API itself: the native lane renames nothing. */
export function replyRules(chat: Chat | undefined, dialect: Dialect): ReplyRules {
  if (chat === undefined) return {};
  const plan = planOutput(chat, dialect);
  return {
    ...(chat.protocol !== "anthropic-messages" && { toolNames: new ToolNames(chat.tools) }),
    ...(plan.type === "forced_tool" && { answerTool: plan.name }),
  };
}
