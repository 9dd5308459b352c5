/**
 * The grammar of a Responses event stream, checked from the text alone. Throws on the first violation, with the
 * event's number. Strict on purpose: it judges what this gateway writes, not what providers send.
 *
 *   created in_progress (item.added content* item.done)* (completed | incomplete | failed)      or      error
 */
import { isDeepStrictEqual } from "node:util";
import { type Json, type JsonObject, asArray, asObject, isObject } from "#lib/json.ts";

export interface ResponsesEvent {
  readonly type: string;
  readonly fields: JsonObject;
}

/** The events of a well-formed stream. */
export function checkOpenaiResponsesStream(text: string): readonly ResponsesEvent[] {
  const events = readEvents(text);
  const checker = new Checker();
  for (const event of events) checker.check(event);
  checker.finish();
  return events;
}

function readEvents(text: string): readonly ResponsesEvent[] {
  if (text !== "" && !text.endsWith("\n\n")) throw new Error("the stream does not end with a blank line");
  return text
    .split("\n\n")
    .filter((block) => block !== "" && !block.startsWith(":"))
    .map((block, index) => {
      const [first = "", second = "", ...rest] = block.split("\n");
      if (!first.startsWith("event: ") || !second.startsWith("data: ") || rest.length > 0) {
        throw new Error(`event ${index} is not an event line and one data line: ${block.slice(0, 80)}`);
      }
      const fields: unknown = JSON.parse(second.slice("data: ".length));
      if (!isObject(fields)) throw new Error(`event ${index} is no object`);
      const type = first.slice("event: ".length);
      if (fields["type"] !== type)
        throw new Error(`event ${index}: named ${type}, typed ${plain(fields["type"])}`);
      return { type, fields };
    });
}

/** Texts collected for one open part, by what closes it. */
interface OpenPart {
  readonly key: string;
  text: string;
  isDone: boolean;
  annotations: number;
}

class Checker {
  #count = 0;
  #phase: "start" | "created" | "running" | "ended" = "start";
  #id: Json | undefined;
  #item:
    | { readonly id: Json; readonly type: string; text: string; isDone: boolean; parts: number }
    | undefined;
  #part: OpenPart | undefined;
  readonly #done: JsonObject[] = [];

  check({ type, fields }: ResponsesEvent): void {
    const at = `event ${this.#count} (${type})`;
    this.#must(
      fields["sequence_number"] === this.#count,
      `${at}: sequence_number ${plain(fields["sequence_number"])}`,
    );
    this.#must(this.#phase !== "ended", `${at}: comes after the terminal event`);
    this.#count++;
    if (type === "error") {
      this.#must(this.#phase === "start", `${at}: after response.created it must be response.failed`);
      this.#must(typeof fields["message"] === "string", `${at}: has no message`);
      this.#phase = "ended";
      return;
    }
    if (isObject(fields["response"])) return this.#lifecycle(type, fields["response"], at);
    this.#must(this.#phase === "running", `${at}: before response.in_progress`);
    this.#itemEvent(type, fields, at);
  }

  finish(): void {
    this.#must(this.#phase === "ended", "the stream has no terminal event");
  }

  #lifecycle(type: string, response: JsonObject, at: string): void {
    this.#must(typeof response["id"] === "string" && response["id"].startsWith("resp_"), `${at}: bad id`);
    this.#must(this.#id === undefined || this.#id === response["id"], `${at}: the id changed`);
    this.#id = response["id"];
    for (const name of MANDATORY)
      this.#must(response[name] !== undefined, `${at}: response.${name} is missing`);
    const status = type.slice("response.".length);
    switch (type) {
      case "response.created":
        this.#must(this.#phase === "start", `${at}: not first`);
        this.#phase = "created";
        break;
      case "response.in_progress":
        this.#must(this.#phase === "created", `${at}: not second`);
        this.#phase = "running";
        break;
      case "response.completed":
      case "response.incomplete":
      case "response.failed":
        return this.#terminal(status, response, at);
      default:
        throw new Error(`${at}: unknown`);
    }
    this.#must(response["status"] === "in_progress", `${at}: status ${plain(response["status"])}`);
    this.#must(asArray(response["output"]).length === 0, `${at}: output before any item`);
  }

  #terminal(status: string, response: JsonObject, at: string): void {
    this.#must(this.#phase === "running", `${at}: nothing was begun`);
    this.#must(response["status"] === status, `${at}: status ${plain(response["status"])}`);
    this.#must((status === "failed") === isObject(response["error"]), `${at}: error and status disagree`);
    this.#must(
      (status === "incomplete") === isObject(response["incomplete_details"]),
      `${at}: incomplete_details`,
    );
    const output = asArray(response["output"]);
    if (status !== "failed") {
      this.#must(this.#item === undefined, `${at}: an item is still open`);
      this.#must(
        isDeepStrictEqual(output, this.#done),
        `${at}: output differs from the items that were done`,
      );
    }
    if (status === "completed") for (const item of output) this.#parses(item, at);
    this.#phase = "ended";
  }

  #parses(item: Json, at: string): void {
    const call = asObject(item);
    if (call?.["type"] !== "function_call") return;
    try {
      JSON.parse(plain(call["arguments"]));
    } catch {
      throw new Error(`${at}: arguments do not parse: ${plain(call["arguments"]).slice(0, 80)}`);
    }
  }

  #itemEvent(type: string, fields: JsonObject, at: string): void {
    this.#must(
      fields["output_index"] === this.#done.length,
      `${at}: output_index ${plain(fields["output_index"])}`,
    );
    const item = asObject(fields["item"]);
    if (type === "response.output_item.added") {
      this.#must(this.#item === undefined, `${at}: the item before is still open`);
      this.#must(
        typeof item?.["id"] === "string" && typeof item["type"] === "string",
        `${at}: item without id or type`,
      );
      this.#item = {
        id: item?.["id"] ?? null,
        type: plain(item?.["type"]),
        text: "",
        isDone: false,
        parts: 0,
      };
      return;
    }
    const open = this.#item;
    if (!open) throw new Error(`${at}: no item is open`);
    if (type === "response.output_item.done") {
      this.#must(this.#part === undefined, `${at}: a part is still open`);
      this.#must(
        item?.["id"] === open.id && item["type"] === open.type,
        `${at}: another item than was added`,
      );
      if (TEXT_OF.has(open.type)) {
        this.#must(open.isDone, `${at}: its text was never done`);
        this.#must(item?.[TEXT_OF.get(open.type) ?? ""] === open.text, `${at}: text differs from its deltas`);
      }
      this.#done.push(item ?? {});
      this.#item = undefined;
      return;
    }
    this.#must(fields["item_id"] === open.id, `${at}: item_id ${plain(fields["item_id"])}`);
    this.#contentEvent(type, fields, at);
  }

  #contentEvent(type: string, fields: JsonObject, at: string): void {
    const open = this.#item;
    if (!open) throw new Error(`${at}: no item is open`);
    const call = /^response\.(function_call_arguments|custom_tool_call_input)\.(delta|done)$/.exec(type);
    if (call) {
      const field = call[1] === "function_call_arguments" ? "arguments" : "input";
      this.#must(TEXT_OF.get(open.type) === field && !open.isDone, `${at}: not for this item now`);
      if (call[2] === "delta") open.text += plain(fields["delta"]);
      else this.#must(fields[field] === open.text, `${at}: differs from its deltas`);
      open.isDone = call[2] === "done";
      return;
    }
    const isSummary = type.includes("reasoning_summary");
    const key = `${isSummary ? "summary" : "content"}${plain(fields[isSummary ? "summary_index" : "content_index"])}`;
    if (type.endsWith("_part.added")) {
      this.#must(this.#part === undefined, `${at}: the part before is still open`);
      this.#part = { key, text: "", isDone: false, annotations: 0 };
      return;
    }
    const part = this.#part;
    if (part?.key !== key) throw new Error(`${at}: part ${key} was not added`);
    this.#partEvent(type, fields, { part, at });
  }

  #partEvent(type: string, fields: JsonObject, { part, at }: { part: OpenPart; at: string }): void {
    if (type.endsWith("annotation.added")) {
      this.#must(fields["annotation_index"] === part.annotations++, `${at}: annotation_index`);
      return;
    }
    if (type.endsWith(".delta")) {
      this.#must(!part.isDone, `${at}: after the text was done`);
      part.text += plain(fields["delta"]);
      return;
    }
    if (type.endsWith("_part.done")) {
      const done = asObject(fields["part"]);
      this.#must(part.isDone, `${at}: the text was not done`);
      this.#must((done?.["text"] ?? done?.["refusal"]) === part.text, `${at}: differs from its deltas`);
      this.#must(asArray(done?.["annotations"]).length === part.annotations, `${at}: annotations differ`);
      this.#part = undefined;
      return;
    }
    this.#must(
      /^response\.(?:output_text|refusal|reasoning_text|reasoning_summary_text)\.done$/.test(type),
      `${at}: unknown`,
    );
    this.#must(!part.isDone, `${at}: said twice`);
    this.#must((fields["text"] ?? fields["refusal"]) === part.text, `${at}: differs from its deltas`);
    part.isDone = true;
  }

  #must(holds: boolean, complaint: string): void {
    if (!holds) throw new Error(complaint);
  }
}

const TEXT_OF: ReadonlyMap<string, string> = new Map([
  ["function_call", "arguments"],
  ["custom_tool_call", "input"],
]);

const MANDATORY = [
  "object",
  "created_at",
  "status",
  "error",
  "incomplete_details",
  "instructions",
  "metadata",
  "model",
  "output",
  "parallel_tool_calls",
  "temperature",
  "tool_choice",
  "tools",
  "top_p",
  "text",
  "usage",
] as const;

function plain(value: Json | undefined): string {
  return typeof value === "string" ? value : JSON.stringify(value ?? null);
}
