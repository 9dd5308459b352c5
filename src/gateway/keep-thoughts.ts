/**
 * Watches an answer to a Chat client for tool calls that were thought over, and keeps those thoughts before the client
 * can send the calls back: it may well send them back alone.
 */
import type { AssistantPart } from "#model/chat.ts";
import type { ChatEvent } from "#model/chat-event.ts";
import { foldReply } from "#model/reply.ts";
import { cutThoughts } from "#model/turn-thoughts.ts";
import { callerOf } from "./admit.ts";
import type { Attempt, Exchange } from "./exchange.ts";
import { anchorOf, createPlaces, isUnguessable } from "./thought-anchor.ts";
import type { World } from "./world.ts";

/** Undefined where nothing could come of it: other APIs have fields for their state, and echo them. */
export function watchThoughts(exchange: Exchange): ThoughtWatch | undefined {
  const isAtRisk = exchange.protocolName === "openai-chat" && (exchange.chat?.tools.length ?? 0) > 0;
  return isAtRisk && exchange.settings.thoughts.ttlMs > 0 ? new ThoughtWatch(exchange) : undefined;
}

/** The same for a whole answer. Undefined where there is nothing to wait for. */
export function keepThoughts(
  world: World,
  exchange: Exchange,
  attempt: Attempt,
  events: readonly ChatEvent[],
): Promise<void> | undefined {
  const watch = watchThoughts(exchange);
  watch?.push(events);
  return watch?.keep(world, attempt);
}

export class ThoughtWatch {
  readonly #exchange: Exchange;
  /** Of the answer only what thoughts and their places are made of. */
  readonly #events: ChatEvent[] = [];
  /** Whether the text of each choice's open part is among that. */
  readonly #isTextKept: boolean[] = [];
  #chars = 0;
  #hasCall = false;
  #hasThought = false;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  push(events: readonly ChatEvent[]): void {
    for (const event of events) this.#note(event);
  }

  /** Resolves when they are durable, or cannot become so; undefined where the answer has none. */
  keep(world: World, attempt: Attempt): Promise<void> | undefined {
    const { thoughts: rules } = this.#exchange.settings;
    if (!this.#hasCall || !this.#hasThought || this.#chars > rules.turnBytesMax) return undefined;
    const takesUnsigned = wantsUnsigned(world, attempt);
    const turns = foldReply(this.#events).choices.flatMap(({ parts }) => {
      const thoughts = cutThoughts(parts, takesUnsigned);
      return thoughts ? [{ thoughts, anchor: this.#anchor(parts) }] : [];
    });
    if (turns.length === 0) return undefined;
    const { tenantId } = callerOf(this.#exchange);
    const { ttlMs, turnBytesMax: bytesMax } = rules;
    const kept = turns.map((turn) => world.thoughts.keep({ tenantId, ttlMs, bytesMax, ...turn }));
    return Promise.all(kept).then(() => undefined);
  }

  #anchor(parts: readonly AssistantPart[]): string {
    const call = parts.find((part) => part.type === "tool_call");
    const turns = this.#exchange.chat?.turns ?? [];
    return call ? anchorOf(call, () => createPlaces(turns)(call, turns.length)) : "";
  }

  #note(event: ChatEvent): void {
    switch (event.type) {
      case "delta":
        if (this.#isTextKept[event.choice] === true) this.#add(event, event.text.length);
        return;
      case "part_start": {
        const { part, choice } = event;
        if (part.type === "tool_call") this.#hasCall = true;
        if (part.type === "reasoning") this.#hasThought = true;
        this.#isTextKept[choice] =
          part.type === "reasoning" || (part.type === "tool_call" && !isUnguessable(part.id, part.name));
        // A picture is a large part with no thought in it.
        this.#add(part.type === "image" ? { ...event, part: { type: "text" } } : event, PART_CHARS);
        return;
      }
      case "signature":
        this.#hasThought = true;
        this.#add(event, event.opaque.data.length);
        return;
      case "part_end":
        this.#add(event, 0);
        return;
      case "start":
      case "transcript":
      case "citation":
      case "finish":
      case "usage":
      case "error":
      case "end":
        return;
    }
  }

  /** Past what is kept of one answer nothing of it is, so nothing of it is held either. */
  #add(event: ChatEvent, chars: number): void {
    this.#chars += chars;
    if (this.#chars <= this.#exchange.settings.thoughts.turnBytesMax) this.#events.push(event);
    else this.#events.length = 0;
  }
}

/** What the place of a part comes to in a row, about. */
const PART_CHARS = 50;

function wantsUnsigned(world: World, { target, protocolOut }: Attempt): boolean {
  if (!protocolOut) return false;
  const { upstream } = world.protocols[protocolOut];
  return upstream.takesPlainThoughts?.(target.connector.dialect(target, protocolOut)) === true;
}
