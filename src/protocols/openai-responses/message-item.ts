/** A message: texts and refusals in a row share one, each as a content part of its own. */
import type { JsonObject } from "#lib/json.ts";
import type { Citation } from "#model/chat.ts";
import type { PartStart } from "#model/chat-event.ts";
import { fromCitation } from "./citation.ts";
import {
  announce,
  conclude,
  itemId,
  type ItemSite,
  type ItemStatus,
  type OutputItem,
} from "./output-item.ts";

interface OpenPart {
  readonly isRefusal: boolean;
  text: string;
  readonly annotations: JsonObject[];
  readonly logprobs: JsonObject[];
}

export class MessageItem implements OutputItem {
  readonly #site: ItemSite;
  readonly #id: string;
  readonly #content: JsonObject[] = [];
  #part: OpenPart | undefined;

  constructor(site: ItemSite) {
    this.#site = site;
    this.#id = itemId("msg", site);
    announce(site, this.#item("in_progress"));
  }

  accepts(part: PartStart): boolean {
    return isText(part);
  }

  begin(part: PartStart): void {
    this.#part = { isRefusal: part.type === "refusal", text: "", annotations: [], logprobs: [] };
    this.#emit("response.content_part.added", { part: partObject(this.#part) });
  }

  delta(text: string, logprobs: readonly JsonObject[]): void {
    const part = this.#part;
    if (!part) return;
    part.text += text;
    part.logprobs.push(...logprobs);
    if (part.isRefusal) this.#emit("response.refusal.delta", { delta: text });
    else this.#emit("response.output_text.delta", { delta: text, logprobs });
  }

  cite(citation: Citation): void {
    const part = this.#part;
    const annotation = part && fromCitation(citation, part.text.length);
    if (!annotation || part.isRefusal) return;
    this.#emit("response.output_text.annotation.added", {
      annotation_index: part.annotations.length,
      annotation,
    });
    part.annotations.push(annotation);
  }

  endPart(): void {
    const part = this.#part;
    if (!part) return;
    if (part.isRefusal) this.#emit("response.refusal.done", { refusal: part.text });
    else this.#emit("response.output_text.done", { text: part.text, logprobs: part.logprobs });
    const done = partObject(part);
    this.#emit("response.content_part.done", { part: done });
    this.#content.push(done);
    this.#part = undefined;
  }

  close(status: ItemStatus): JsonObject {
    this.endPart();
    return conclude(this.#site, this.#item(status));
  }

  #item(status: string): JsonObject {
    return { id: this.#id, type: "message", status, role: "assistant", content: [...this.#content] };
  }

  #emit(type: string, fields: JsonObject): void {
    const output_index = this.#site.outputIndex;
    this.#site.emit(type, {
      item_id: this.#id,
      output_index,
      content_index: this.#content.length,
      ...fields,
    });
  }
}

/** Code and audio have no place of their own in what this API gives, so they are text. */
function isText(part: PartStart): boolean {
  return part.type === "text" || part.type === "refusal" || part.type === "audio";
}

function partObject(part: OpenPart): JsonObject {
  if (part.isRefusal) return { type: "refusal", refusal: part.text };
  return {
    type: "output_text",
    text: part.text,
    annotations: [...part.annotations],
    logprobs: [...part.logprobs],
  };
}
