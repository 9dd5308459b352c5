/** Items that come in one piece: a hosted tool's, verbatim; a generated picture; code that was run, with its output. */
import type { JsonObject } from "#lib/json.ts";
import type { PartStart } from "#model/chat-event.ts";
import { announce, conclude, itemId, type ItemSite, type OutputItem } from "./output-item.ts";

type WholeStart = Extract<PartStart, { type: "hosted" | "image" | "code" | "code_result" }>;

export class WholeItem implements OutputItem {
  readonly #site: ItemSite;
  #item: JsonObject;
  #text = "";
  #part: WholeStart["type"];

  constructor(site: ItemSite, start: WholeStart) {
    this.#site = site;
    this.#part = start.type;
    this.#item = firstForm(site, start);
    announce(site, start.type === "hosted" ? this.#item : { ...this.#item, status: "in_progress" });
  }

  /** Code and the result right behind it are one item. */
  accepts(part: PartStart): boolean {
    return (
      this.#item["type"] === "code_interpreter_call" && part.type === "code_result" && this.#part === "code"
    );
  }

  begin(part: PartStart): void {
    this.#text = "";
    if (part.type === "code" || part.type === "code_result") this.#part = part.type;
  }

  delta(text: string): void {
    this.#text += text;
  }

  cite(): void {
    // Nothing here carries citations.
  }

  endPart(): void {
    if (this.#part === "code") this.#item = { ...this.#item, code: this.#text };
    if (this.#part === "code_result") {
      this.#item = { ...this.#item, outputs: [{ type: "logs", logs: this.#text }] };
    }
  }

  close(): JsonObject {
    return conclude(this.#site, this.#item);
  }
}

function firstForm(site: ItemSite, start: WholeStart): JsonObject {
  switch (start.type) {
    case "hosted":
      return start.value;
    case "image": {
      const result = start.media.from === "base64" ? start.media.data : null;
      return { id: itemId("ig", site), type: "image_generation_call", status: "completed", result };
    }
    case "code":
    case "code_result": {
      const id = itemId("ci", site);
      const container = { container_id: `cntr_${site.id}`, code: "", outputs: [] };
      return { id, type: "code_interpreter_call", status: "completed", ...container };
    }
  }
}
