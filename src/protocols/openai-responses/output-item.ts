/**
 * Writes one output item: its events as they happen, and its final form for the closing event. One class a kind of
 * item; the reply writer keeps at most one open.
 */
import type { JsonObject } from "#lib/json.ts";
import type { Citation } from "#model/chat.ts";
import type { PartStart } from "#model/chat-event.ts";

export type ItemStatus = "completed" | "incomplete";

export interface ItemSite {
  /** The response's id without prefix, and the item's position in `output`: together the item's id. */
  readonly id: string;
  readonly outputIndex: number;
  readonly emit: (type: string, fields: JsonObject) => void;
}

export interface OutputItem {
  /** Whether a further part belongs to this same item. */
  accepts(part: PartStart): boolean;
  begin(part: PartStart): void;
  delta(text: string, logprobs: readonly JsonObject[]): void;
  cite(citation: Citation): void;
  endPart(): void;
  /** Says the item's end and gives its final form. */
  close(status: ItemStatus): JsonObject;
}

export function itemId(prefix: "msg" | "rs" | "fc" | "ctc" | "ig" | "ci", site: ItemSite): string {
  return `${prefix}_${site.id}_${site.outputIndex}`;
}

/** Whether an item's id was made here; ids of the providers do not end in a position. */
export function isOwnId(id: unknown): boolean {
  return typeof id === "string" && /^(?:msg|rs|fc|ctc|ig|ci)_[0-9A-Za-z]+_\d{1,4}(?:_prev)?$/.test(id);
}

export function announce(site: ItemSite, item: JsonObject): void {
  site.emit("response.output_item.added", { output_index: site.outputIndex, item });
}

export function conclude(site: ItemSite, item: JsonObject): JsonObject {
  site.emit("response.output_item.done", { output_index: site.outputIndex, item });
  return item;
}
