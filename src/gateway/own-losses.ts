/**
 * Which losses of a request are its client's own. Thoughts that the gateway put back are lost to every other maker, and
 * without them an upstream may have to be asked for less; a strict client can help neither, so it is not refused for them.
 */
import type { Chat } from "#model/chat.ts";
import type { EncodedRequest } from "#protocols/protocol.ts";
import type { Exchange } from "./exchange.ts";

/** What is dropped of `chat` and would be dropped, too, had nothing been put back. */
export function ownLosses(
  exchange: Exchange,
  chat: Chat,
  { dropped }: EncodedRequest,
  encode: (form: Chat) => EncodedRequest,
): readonly string[] {
  const { chatAsSent, isStrict } = exchange;
  if (!chatAsSent || !isStrict || dropped.length === 0) return dropped;
  // Media of the caller's turns may have been fetched since; only the model's turns differ.
  const turns = chat.turns.map((turn, index) =>
    turn.side === "assistant" ? (chatAsSent.turns[index] ?? turn) : turn,
  );
  const asSent = new Set(encode({ ...chat, turns }).dropped);
  return dropped.filter((name) => asSent.has(name));
}
