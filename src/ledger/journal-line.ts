/**
 * One line of the journal: JSON closed by LF, so a line without its LF was cut off by a crash. Two kinds: a request
 * passed the gate; a request ended, with all its rows in one line, so that they are kept together or not at all.
 */
import { isObject, parseJson } from "#lib/json.ts";
import type { ProtocolName } from "#model/chat.ts";
import type { UsageRecord } from "#model/usage-record.ts";
import { decodeUsage } from "#store/usage-text.ts";

/** The `text` of what is settled is a usage text (usage-text.ts). */
export type JournalLine =
  | { readonly admitted: AdmittedRequest }
  | { readonly settled: readonly UsageRecord[]; readonly text: string };

/** As little as makes an honest row if the request is never settled. */
export interface AdmittedRequest {
  readonly id: string;
  readonly keyId: string;
  readonly tenantId: string;
  readonly logicalModel: string;
  readonly protocol: ProtocolName;
  readonly isStream: boolean;
  readonly admittedAtMs: number;
}

/** Without its LF, which goes into the file after it. */
export function encodeAdmitted(request: AdmittedRequest): string {
  return JSON.stringify({ admitted: request });
}

/** Undefined where the text is no line of ours: torn, or damaged on disk. */
export function decodeLine(text: string): JournalLine | undefined {
  const value = parseJson(text);
  if (!isObject(value)) return undefined;
  const settled = decodeUsage(value);
  const { admitted } = value;
  const isAdmitted = isObject(admitted) && typeof admitted["id"] === "string";
  if (isAdmitted === (settled !== undefined)) return undefined;
  if (settled) return { settled, text };
  // The one trust of this parser: lines are written by `encodeAdmitted` alone, and a torn one is no JSON.
  return value as unknown as JournalLine;
}

/** The usage texts among the lines, as they were read, and how many rows are in them. */
export function settledIn(lines: readonly JournalLine[]): {
  readonly texts: readonly string[];
  readonly rows: number;
} {
  const settled = lines.filter((line) => "settled" in line);
  return {
    texts: settled.map(({ text }) => text),
    rows: settled.reduce((rows, line) => rows + line.settled.length, 0),
  };
}
