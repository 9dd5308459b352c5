/**
 * The log line of a request, written as text: an object of so many fields, most of them absent somewhere, would cost
 * several times as much. What stands in it beside numbers is the same from request to request, so it is made JSON, and
 * keys are hidden in it, once.
 */
import type { Failure } from "#model/failure.ts";
import type { UsageRecord } from "#model/usage-record.ts";
import { hideKeys } from "./log.ts";

export interface EndContext {
  readonly attempts: readonly UsageRecord[];
  readonly overheadMs: number;
  readonly keyPrefix: string | undefined;
  readonly failure: Failure | undefined;
  /** The logical model as config knows it; a name that only the client knows must not become a label. */
  readonly modelLabel: string;
}

/** A request that is over. */
export interface Ended {
  readonly record: UsageRecord;
  readonly context: EndContext;
  readonly endedAtMs: number;
}

/** Names remembered as JSON. Models are named by clients, who could invent some for ever. */
const MEMBERS_MAX = 4_096;

/** One of a line's fields that is a name: `,"tenant":"acme"`, or nothing. */
class NameField {
  readonly #start: string;
  readonly #members = new Map<string, string>();

  constructor(name: string) {
    this.#start = `,"${name}":`;
  }

  of(value: string | undefined): string {
    if (value === undefined || value === "") return "";
    let member = this.#members.get(value);
    if (member === undefined) {
      member = this.#start + quote(value);
      if (this.#members.size >= MEMBERS_MAX) this.#members.clear();
      this.#members.set(value, member);
    }
    return member;
  }
}

export class RequestLines {
  readonly #tenant = new NameField("tenant");
  readonly #key = new NameField("key");
  readonly #protocol = new NameField("protocol");
  readonly #model = new NameField("model");
  readonly #target = new NameField("target");
  readonly #outcome = new NameField("outcome");
  #timeMs = Number.NaN;
  #time = "";

  /** With its line feed. `level`: pino's number. */
  line(ended: Ended, level: number): string {
    return `{"level":${level},"time":"${this.#timeOf(ended.endedAtMs)}",${this.fields(ended)},"msg":"request"}\n`;
  }

  /** The line's own fields, as the inside of a JSON object. In few pieces: each joining makes a string. */
  fields({ record, context }: Ended): string {
    const { usage, attempts } = record;
    const { failure } = context;
    // The id is our own, letters and digits.
    const caller = `"request_id":"${record.id}"${this.#tenant.of(record.tenantId)}${this.#key.of(context.keyPrefix)}`;
    const asked = `${this.#protocol.of(record.protocolIn)}${this.#model.of(record.logicalModel)}${this.#target.of(record.target)}${record.isStream ? STREAM : NO_STREAM}`;
    const answered = `,"status":${record.status}${this.#outcome.of(record.outcome)}${failure ? failureFields(failure) : ""}`;
    const tried = `,"attempts":${attempts}${attempts > 1 ? attemptErrors(context.attempts) : ""}`;
    const used = `${count(INPUT, usage.input)}${count(OUTPUT, usage.output)}${count(COST, record.costNanoUsd)}`;
    const overheadMs = Math.round(context.overheadMs * 100) / 100;
    const took = `${count(FIRST_TOKEN, record.firstTokenMs)}${count(TOTAL, record.totalMs)}${count(OVERHEAD, overheadMs)}`;
    return `${caller}${asked}${answered}${tried}${used}${took}`;
  }

  /** A millisecond's requests share one. */
  #timeOf(ms: number): string {
    if (ms !== this.#timeMs) {
      this.#timeMs = ms;
      this.#time = new Date(ms).toISOString();
    }
    return this.#time;
  }
}

const STREAM = ',"stream":true';
const NO_STREAM = ',"stream":false';
const INPUT = ',"input_tokens":';
const OUTPUT = ',"output_tokens":';
const COST = ',"cost_nano_usd":';
const FIRST_TOKEN = ',"first_token_ms":';
const TOTAL = ',"total_ms":';
const OVERHEAD = ',"overhead_ms":';

function failureFields({ kind, blame, detail, message }: Failure): string {
  // A provider's own words may quote the prompt; they are the caller's to read, not the log's.
  const reason = detail.isUpstreamText === true ? detail.code : message;
  const told = reason === undefined ? "" : `,"reason":${quote(reason)}`;
  return `,"error":${quote(kind)},"blame":${quote(blame)}${told}`;
}

function attemptErrors(attempts: readonly UsageRecord[]): string {
  return `,"attempt_errors":${JSON.stringify(attempts.map(({ errorKind }) => errorKind ?? "ok"))}`;
}

function quote(text: string): string {
  return JSON.stringify(hideKeys(text));
}

/** JSON has no word for what is no number. */
function count(start: string, value: number | undefined): string {
  return value === undefined ? "" : start + (Number.isFinite(value) ? value : null);
}
