/** A call of the client's own tool: arguments for functions, free input for custom tools. */
import type { JsonObject } from "#lib/json.ts";
import type { Tool } from "#model/chat.ts";
import type { PartStart } from "#model/chat-event.ts";
import { splitName } from "./encode-tools.ts";
import {
  announce,
  conclude,
  itemId,
  type ItemSite,
  type ItemStatus,
  type OutputItem,
} from "./output-item.ts";

type CallStart = Extract<PartStart, { type: "tool_call" }>;

export class CallItem implements OutputItem {
  readonly #site: ItemSite;
  readonly #call: CallStart;
  readonly #fixed: JsonObject;
  readonly #id: string;
  #text = "";
  #isEnded = false;

  constructor(site: ItemSite, call: CallStart, tools: readonly Tool[]) {
    this.#site = site;
    this.#call = call;
    this.#id = itemId(call.custom ? "ctc" : "fc", site);
    const own = call.raw?.protocol === "openai-responses" ? call.raw.value : {};
    this.#fixed = { ...own, call_id: call.id, ...clientName(call, tools) };
    announce(site, this.#item("in_progress"));
  }

  accepts(): boolean {
    return false;
  }

  begin(): void {
    // The call is its own only part.
  }

  delta(text: string): void {
    this.#text += text;
    this.#emit("delta", { delta: text });
  }

  cite(): void {
    // Arguments carry no citations.
  }

  endPart(): void {
    if (this.#isEnded) return;
    // No arguments at all must still parse.
    if (this.#text.trim() === "" && !this.#call.custom) this.delta("{}");
    this.#isEnded = true;
    const name = this.#fixed["name"];
    this.#emit("done", this.#call.custom ? { input: this.#text } : { arguments: this.#text, name });
  }

  close(status: ItemStatus): JsonObject {
    this.endPart();
    return conclude(this.#site, this.#item(status));
  }

  #item(status: string): JsonObject {
    const shared = { id: this.#id, ...this.#fixed, status };
    return this.#call.custom
      ? { type: "custom_tool_call", ...shared, input: this.#text }
      : { type: "function_call", ...shared, arguments: this.#text };
  }

  #emit(word: "delta" | "done", fields: JsonObject): void {
    const what = this.#call.custom ? "custom_tool_call_input" : "function_call_arguments";
    const place = { item_id: this.#id, output_index: this.#site.outputIndex };
    this.#site.emit(`response.${what}.${word}`, { ...place, ...fields });
  }
}

/** The name as the client declared it: flattened names get their namespace back. */
function clientName(call: CallStart, tools: readonly Tool[]): JsonObject {
  if (call.namespace === undefined) return { ...splitName(call.name, tools) };
  const prefix = `${call.namespace}__`;
  const name = call.name.startsWith(prefix) ? call.name.slice(prefix.length) : call.name;
  return { name, namespace: call.namespace };
}
