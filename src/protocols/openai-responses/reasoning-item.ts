/**
 * A reasoning item: summaries and raw thoughts that came under one id, and the opaque state, bare where it is
 * OpenAI's own, sealed where a client must hand back another vendor's.
 */
import type { JsonObject } from "#lib/json.ts";
import type { Opaque } from "#model/chat.ts";
import type { PartStart } from "#model/chat-event.ts";
import {
  announce,
  conclude,
  itemId,
  type ItemSite,
  type ItemStatus,
  type OutputItem,
} from "./output-item.ts";

interface ReasoningSource {
  readonly seal: (opaque: Opaque) => string;
  /** The upstream's id: parts that share it are one item. */
  readonly id?: string;
  /** Appended to the item's own id. */
  readonly suffix?: string;
}

export class ReasoningItem implements OutputItem {
  readonly #site: ItemSite;
  readonly #source: ReasoningSource;
  readonly #id: string;
  readonly #summary: JsonObject[] = [];
  readonly #content: JsonObject[] = [];
  #encrypted: string | undefined;
  #open: { readonly isSummary: boolean; text: string } | undefined;

  constructor(site: ItemSite, source: ReasoningSource) {
    this.#site = site;
    this.#source = source;
    this.#id = `${itemId("rs", site)}${source.suffix ?? ""}`;
    announce(site, this.#item());
  }

  accepts(part: PartStart): boolean {
    if (part.type !== "reasoning" || part.id === undefined) return false;
    return part.id === this.#source.id && this.#encrypted === undefined;
  }

  begin(part: PartStart): void {
    if (part.type !== "reasoning" || part.kind === "redacted") return;
    this.#open = { isSummary: part.kind === "summary", text: "" };
    this.#emitPart("added", "");
  }

  delta(text: string): void {
    if (!this.#open) return;
    this.#open.text += text;
    const type = this.#open.isSummary
      ? "response.reasoning_summary_text.delta"
      : "response.reasoning_text.delta";
    this.#emit(type, { delta: text });
  }

  cite(): void {
    // Thoughts carry no citations.
  }

  sign(opaque: Opaque): void {
    const isBare = opaque.kind === "openai_encrypted" && opaque.vendor === "openai";
    this.#encrypted = isBare ? opaque.data : this.#source.seal(opaque);
  }

  endPart(): void {
    const open = this.#open;
    if (!open) return;
    const { text, isSummary } = open;
    this.#emit(isSummary ? "response.reasoning_summary_text.done" : "response.reasoning_text.done", { text });
    this.#emitPart("done", text);
    if (isSummary) this.#summary.push({ type: "summary_text", text });
    else this.#content.push({ type: "reasoning_text", text });
    this.#open = undefined;
  }

  close(status: ItemStatus): JsonObject {
    this.endPart();
    return conclude(this.#site, { ...this.#item(), status });
  }

  #item(): JsonObject {
    return {
      id: this.#id,
      type: "reasoning",
      summary: [...this.#summary],
      ...(this.#content.length > 0 && { content: [...this.#content] }),
      ...(this.#encrypted !== undefined && { encrypted_content: this.#encrypted }),
    };
  }

  #emitPart(word: "added" | "done", text: string): void {
    if (this.#open?.isSummary) {
      this.#emit(`response.reasoning_summary_part.${word}`, { part: { type: "summary_text", text } });
      return;
    }
    this.#emit(`response.content_part.${word}`, { part: { type: "reasoning_text", text } });
  }

  #emit(type: string, fields: JsonObject): void {
    const index = this.#open?.isSummary
      ? { summary_index: this.#summary.length }
      : { content_index: this.#content.length };
    this.#site.emit(type, { item_id: this.#id, output_index: this.#site.outputIndex, ...index, ...fields });
  }
}
