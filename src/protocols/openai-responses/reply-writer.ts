/**
 * Canonical events to this API's events and to the final Response object. Streams and whole answers use this one
 * machine, so they cannot disagree.
 *
 *   start: created, in_progress -> item ... item -> finish -> usage* -> end: completed | incomplete
 *                                       any point -> error: failed (or `error` where nothing was created)
 *
 * An item stays open over its parts and is closed by the next item or the finish, which also tells whether it was
 * cut off. `output_index` is the position in `output`, because an item is appended when it closes and only one is
 * open.
 */
import { asObject, type JsonObject } from "#lib/json.ts";
import type { Opaque } from "#model/chat.ts";
import type { ChatEvent, PartStart } from "#model/chat-event.ts";
import type { Failure } from "#model/failure.ts";
import { mergeUsage, type Usage } from "#model/usage.ts";
import { openaiErrorObject } from "#protocols/openai-errors.ts";
import type { Envelope } from "#protocols/protocol.ts";
import { CallItem } from "./call-item.ts";
import { CARRIED_BACK_SUFFIX } from "./decode-reasoning.ts";
import { failedFields } from "./failed-fields.ts";
import { MessageItem } from "./message-item.ts";
import type { ItemSite, ItemStatus, OutputItem } from "./output-item.ts";
import { ReasoningItem } from "./reasoning-item.ts";
import { type ResponseState, responseObject } from "./response-object.ts";
import { WholeItem } from "./whole-item.ts";

type Finish = Extract<ChatEvent, { type: "finish" }>;
type Emit = (type: string, fields: JsonObject) => void;

export class ReplyWriter {
  readonly #envelope: Envelope;
  readonly #output: JsonObject[] = [];
  #emit: Emit;
  #model: string;
  #isCreated = false;
  #item: OutputItem | undefined;
  /** Announced by the upstream and not yet by us: a signature may still have to go in front of it. */
  #pending: PartStart | undefined;
  #late: Opaque | undefined;
  #hasRefused = false;
  #isAudio = false;
  #isIgnored = false;
  #finish: Finish | undefined;
  #usage: Usage | undefined;
  #final: JsonObject | undefined;

  constructor(envelope: Envelope, emit: Emit) {
    this.#envelope = envelope;
    this.#emit = emit;
    this.#model = envelope.model;
  }

  /** The finished Response object; undefined before the end. */
  get response(): JsonObject | undefined {
    return this.#final;
  }

  push(event: ChatEvent): void {
    // This API has one answer; further choices cannot be asked for through it.
    if (this.#final || ("choice" in event && event.choice !== 0)) return;
    if (this.#isIgnored && PART_EVENTS.has(event.type)) return;
    switch (event.type) {
      case "start":
        this.#model = event.model ?? this.#model;
        return this.#create();
      case "part_start":
        return this.#beginPart(event.part);
      case "delta":
        this.#openPending();
        // A client of this API cannot ask for audio; should some come, its words are kept and its bytes are not.
        if (this.#isAudio) return;
        return this.#item?.delta(event.text, event.logprobs ?? []);
      case "transcript":
        this.#openPending();
        return this.#item?.delta(event.text, []);
      case "citation":
        this.#openPending();
        return this.#item?.cite(event.citation);
      case "signature":
        return this.#sign(event.opaque);
      case "part_end":
        return this.#endPart();
      case "finish":
        this.#finish = event;
        return;
      case "usage":
        this.#usage = mergeUsage(this.#usage, event.usage);
        return;
      case "end":
        return this.#complete();
      case "error":
        return this.#fail(event.failure);
    }
  }

  #create(): void {
    if (this.#isCreated) return;
    this.#isCreated = true;
    const response = this.#respond({ status: "in_progress" });
    this.#emit("response.created", { response });
    this.#emit("response.in_progress", { response });
  }

  #beginPart(part: PartStart): void {
    this.#create();
    // Another API's hosted tool cannot be in a request of this one, and its block would be no item here.
    this.#isIgnored = part.type === "hosted" && part.protocol !== "openai-responses";
    if (this.#isIgnored) return;
    if (part.type !== "image" || part.media.from !== "url") {
      this.#pending = part;
      return;
    }
    // A picture's item holds its bytes; where there is only an address, it is told as text.
    this.#pending = { type: "text" };
    this.#openPending();
    this.#item?.delta(`![image](${part.media.url})`, []);
  }

  #openPending(): void {
    const part = this.#pending;
    if (!part) return;
    this.#pending = undefined;
    this.#isAudio = part.type === "audio";
    if (part.type === "refusal") this.#hasRefused = true;
    if (!this.#item?.accepts(part)) {
      this.#closeItem("completed");
      this.#item = this.#newItem(part);
    }
    this.#item.begin(part);
  }

  #newItem(part: PartStart): OutputItem {
    const site = this.#site();
    switch (part.type) {
      case "text":
      case "refusal":
      case "audio":
        return new MessageItem(site);
      case "reasoning":
        return new ReasoningItem(site, {
          seal: this.#envelope.seal,
          ...(part.id !== undefined && { id: part.id }),
        });
      case "tool_call":
        return new CallItem(site, part, this.#envelope.chat.tools);
      case "image":
      case "code":
      case "code_result":
      case "hosted":
        return new WholeItem(site, part);
    }
  }

  /** Where the signature belongs to a call or a text, it travels in a reasoning item of its own beside it. */
  #sign(opaque: Opaque): void {
    const isReasoning = this.#pending
      ? this.#pending.type === "reasoning"
      : this.#item instanceof ReasoningItem;
    if (isReasoning) {
      this.#openPending();
      if (this.#item instanceof ReasoningItem) this.#item.sign(opaque);
      return;
    }
    if (this.#pending) this.#carry(opaque, "");
    else this.#late = opaque;
  }

  #carry(opaque: Opaque, suffix: string): void {
    this.#closeItem("completed");
    const carrier = new ReasoningItem(this.#site(), { seal: this.#envelope.seal, suffix });
    carrier.sign(opaque);
    this.#output.push(carrier.close("completed"));
  }

  #endPart(): void {
    // A text without a word is not worth an item; everything else is.
    if (this.#pending?.type === "text") this.#pending = undefined;
    else {
      this.#openPending();
      this.#item?.endPart();
    }
    const late = this.#late;
    this.#late = undefined;
    if (late) this.#carry(late, CARRIED_BACK_SUFFIX);
  }

  #closeItem(status: ItemStatus): void {
    const item = this.#item;
    this.#item = undefined;
    if (item) this.#output.push(item.close(status));
  }

  #complete(): void {
    this.#create();
    const incompleteReason = this.#incompleteReason();
    const status = incompleteReason === undefined ? "completed" : "incomplete";
    this.#closeItem(status);
    this.#final = this.#respond({ status, ...(incompleteReason && { incompleteReason }) });
    this.#emit(`response.${status}`, { response: this.#final });
  }

  #incompleteReason(): ResponseState["incompleteReason"] {
    switch (this.#finish?.reason) {
      case "length":
      case "context_full":
        return "max_output_tokens";
      case "content_filter":
        return "content_filter";
      case "refusal":
        return this.#hasRefused ? undefined : "content_filter";
      case "stop":
      case "stop_sequence":
      case "tool_calls":
      case "pause":
      case undefined:
        return undefined;
    }
  }

  #fail(failure: Failure): void {
    const emit = this.#emit;
    if (!this.#isCreated) {
      const error = openaiErrorObject(failure);
      this.#final = { error };
      const { code, message, param } = error;
      return emit("error", { code, message, param, error });
    }
    // What is half said is kept in the object, but its end is not announced.
    this.#emit = () => undefined;
    this.#closeItem("incomplete");
    const failed = failedFields(failure, this.#respond({ status: "failed" }));
    this.#final = asObject(failed["response"]);
    emit("response.failed", failed);
  }

  #respond(state: Omit<ResponseState, "model" | "output" | "usage">): JsonObject {
    return responseObject(this.#envelope, {
      ...state,
      model: this.#model,
      output: [...this.#output],
      ...(this.#usage && { usage: this.#usage }),
    });
  }

  #site(): ItemSite {
    return {
      id: this.#envelope.id,
      outputIndex: this.#output.length,
      emit: (type, fields) => this.#emit(type, fields),
    };
  }
}

const PART_EVENTS: ReadonlySet<ChatEvent["type"]> = new Set([
  "delta",
  "transcript",
  "signature",
  "citation",
  "part_end",
]);
