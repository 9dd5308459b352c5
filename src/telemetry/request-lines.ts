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
const QUOTED_MAX = 4_096;

export class RequestLines {
  readonly #quoted = new Map<string, string>();
  #timeMs = Number.NaN;
  #time = "";

  /** With its line feed. `level`: pino's number. */
  line(ended: Ended, level: number): string {
    return `{"level":${level},"time":"${this.#timeOf(ended.endedAtMs)}",${this.fields(ended)},"msg":"request"}\n`;
  }

  /** The line's own fields, as the inside of a JSON object. */
  fields({ record, context }: Ended): string {
    const { keyPrefix, failure, attempts, overheadMs } = context;
    const { usage } = record;
    // Our own, letters and digits.
    let fields = `"request_id":"${record.id}"`;
    fields += this.#name("tenant", record.tenantId || undefined);
    fields += this.#name("key", keyPrefix);
    fields += this.#name("protocol", record.protocolIn);
    fields += this.#name("model", record.logicalModel || undefined);
    fields += this.#name("target", record.target);
    fields += `,"stream":${record.isStream},"status":${record.status},"outcome":"${record.outcome}"`;
    if (failure) fields += this.#failureFields(failure);
    fields += count("attempts", record.attempts);
    if (record.attempts > 1) {
      const errors = attempts.map((attempt) => attempt.errorKind ?? "ok");
      fields += `,"attempt_errors":${JSON.stringify(errors)}`;
    }
    fields += count("input_tokens", usage.input);
    fields += count("output_tokens", usage.output);
    fields += count("cost_nano_usd", record.costNanoUsd);
    fields += count("first_token_ms", record.firstTokenMs);
    fields += count("total_ms", record.totalMs);
    return fields + count("overhead_ms", Math.round(overheadMs * 100) / 100);
  }

  #failureFields({ kind, blame, detail, message }: Failure): string {
    // A provider's own words may quote the prompt; they are the caller's to read, not the log's.
    const reason = detail.isUpstreamText === true ? detail.code : message;
    const told = reason === undefined ? "" : `,"reason":${quote(reason)}`;
    return this.#name("error", kind) + this.#name("blame", blame) + told;
  }

  #name(name: string, value: string | undefined): string {
    if (value === undefined) return "";
    let quoted = this.#quoted.get(value);
    if (quoted === undefined) {
      quoted = quote(value);
      if (this.#quoted.size >= QUOTED_MAX) this.#quoted.clear();
      this.#quoted.set(value, quoted);
    }
    return `,"${name}":${quoted}`;
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

function quote(text: string): string {
  return JSON.stringify(hideKeys(text));
}

/** JSON has no word for what is no number. */
function count(name: string, value: number | undefined): string {
  return value === undefined ? "" : `,"${name}":${Number.isFinite(value) ? value : null}`;
}
