/** What a request carries beyond text, for connectors that must refuse some of it. */
import type { AssistantPart, Chat, Media, ToolResultPart, UserPart } from "#model/chat.ts";
import type { Feature } from "./connector.ts";

type Part = UserPart | ToolResultPart | AssistantPart;

export function featuresOf(chat: Chat): ReadonlySet<Feature> {
  if (isPlain(chat)) return NONE;
  const features = new Set<Feature>();
  if (chat.tools.length > 0) features.add("tools");
  for (const turn of chat.turns) {
    if (turn.side === "system") continue;
    for (const part of turn.parts) addPart(features, part);
  }
  return features;
}

const NONE: ReadonlySet<Feature> = new Set();

/** Nothing but text and no tools, as most requests are. */
function isPlain({ tools, turns }: Chat): boolean {
  if (tools.length > 0) return false;
  for (const { parts } of turns)
    for (const part of parts) if ("type" in part && part.type !== "text") return false;
  return true;
}

function addPart(features: Set<Feature>, part: Part): void {
  switch (part.type) {
    // A history with tools in it needs an upstream that knows them, even where none is offered any more.
    case "tool_call":
      features.add("tools");
      return;
    case "tool_result":
      features.add("tools");
      for (const inner of part.content) addPart(features, inner);
      return;
    case "image":
      features.add(isUrl(part.media) ? "image_url" : "image");
      return;
    case "document":
      features.add(isUrl(part.media) ? "document_url" : "document");
      for (const inner of part.blocks ?? []) addPart(features, inner);
      return;
    case "video":
      features.add("video");
      return;
    case "audio":
      // What an assistant said earlier is known by its transcript; only sound itself needs an upstream that hears.
      if (part.media) features.add("audio");
      return;
    case "text":
    case "search_result":
    case "unknown":
    case "refusal":
    case "reasoning":
    case "code":
    case "code_result":
    case "hosted":
      return;
  }
}

function isUrl(media: Media | undefined): boolean {
  return media?.from === "url";
}
