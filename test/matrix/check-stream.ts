/** One door to the grammar checkers: throws on a violation, and says how the stream ended. */
import type { ProtocolName } from "#model/chat.ts";
import { checkMessagesGrammar } from "../grammar/anthropic-messages.ts";
import { checkGeminiStream } from "../grammar/gemini.ts";
import { checkOpenaiChatStream } from "../grammar/openai-chat.ts";
import { checkOpenaiResponsesStream } from "../grammar/openai-responses.ts";

export function checkStream(api: ProtocolName, text: string): "end" | "error" {
  switch (api) {
    case "openai-chat":
      return checkOpenaiChatStream(text).at(-1)?.["error"] ? "error" : "end";
    case "openai-responses": {
      const last = checkOpenaiResponsesStream(text).at(-1)?.type;
      return last === "response.completed" || last === "response.incomplete" ? "end" : "error";
    }
    case "anthropic-messages":
      return checkMessagesGrammar(text) === "error" ? "error" : "end";
    case "gemini":
      return checkGeminiStream(text).error ? "error" : "end";
  }
}
