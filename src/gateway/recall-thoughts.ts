/**
 * Step 4, second half, Chat clients only: the thoughts of earlier turns that came back without them are put back in, as
 * if the client had returned them. Every later step then does with them what it does with anybody's: to their maker
 * they go byte for byte, for anybody else they are left out and listed.
 */
import type { Chat } from "#model/chat.ts";
import { lacksThoughts, putThoughtsBack, type TurnThoughts } from "#model/turn-thoughts.ts";
import { callerOf } from "./admit.ts";
import type { Exchange } from "./exchange.ts";
import { anchorOf, createPlaces } from "./thought-anchor.ts";
import type { FoundThoughts } from "./thought-memory.ts";
import type { World } from "./world.ts";

/** The latest of the turns that lack their thoughts: older ones matter to no model. */
const TURNS_MAX = 500;

/** Gives the chat itself where nothing was put back, and no promise where nothing has to be waited for. */
export function recallThoughts(world: World, exchange: Exchange, chat: Chat): Chat | Promise<Chat> {
  if (chat.protocol !== "openai-chat" || exchange.settings.thoughts.ttlMs === 0) return chat;
  const anchors = findAnchors(chat);
  if (anchors.size === 0) return chat;
  const found = world.thoughts.find(callerOf(exchange).tenantId, [...anchors.values()]);
  const putBack = (thoughts: FoundThoughts): Chat => merge(exchange, chat, { anchors, thoughts });
  return found instanceof Promise ? found.then(putBack) : putBack(found);
}

/** By index of the turn. */
function findAnchors({ turns }: Chat): ReadonlyMap<number, string> {
  if (!turns.some(lacksThoughts)) return NO_ANCHORS;
  const anchors = new Map<number, string>();
  const placeOf = createPlaces(turns);
  for (let index = turns.length - 1; index >= 0 && anchors.size < TURNS_MAX; index -= 1) {
    const turn = turns[index];
    if (!turn || !lacksThoughts(turn)) continue;
    const call = turn.parts.find((part) => part.type === "tool_call");
    if (!call) continue;
    const place = () => placeOf(call, index);
    anchors.set(index, anchorOf(call, place));
  }
  return anchors;
}

const NO_ANCHORS: ReadonlyMap<number, string> = new Map();

interface Found {
  readonly anchors: ReadonlyMap<number, string>;
  readonly thoughts: FoundThoughts;
}

function merge(exchange: Exchange, chat: Chat, { anchors, thoughts }: Found): Chat {
  if (thoughts.size === 0) return chat;
  const recalled: TurnThoughts[] = [];
  const turns = chat.turns.map((turn, index) => {
    const own = thoughts.get(anchors.get(index) ?? "");
    if (!own || turn.side !== "assistant") return turn;
    const whole = putThoughtsBack(turn, own);
    if (whole !== turn) recalled.push(own);
    return whole;
  });
  if (recalled.length === 0) return chat;
  exchange.recalled = recalled;
  exchange.chatAsSent = chat;
  return { ...chat, turns };
}
