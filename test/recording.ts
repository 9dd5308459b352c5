/** Recorded provider traffic (test/recordings, sources in its README and LICENCES). */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { JsonObject } from "#lib/json.ts";

export interface Recording {
  readonly id: string;
  readonly provider: string;
  readonly protocol: string;
  readonly stream: boolean;
  readonly model: string;
  readonly features: readonly string[];
  readonly fidelity: JsonObject;
  readonly request: {
    readonly method: string;
    readonly path: string;
    readonly query: JsonObject;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: JsonObject;
  } | null;
  readonly response: {
    readonly status: number;
    readonly headers: Readonly<Record<string, string>>;
    readonly framing: "json" | "sse" | "json-array-stream";
    readonly body?: JsonObject;
    readonly sse?: string;
    readonly raw?: string;
  };
}

const folder = join(import.meta.dir, "recordings");

/** All recordings of one protocol (`openai-chat`, `gemini`, ...), those without a request last. */
export function readRecordings(protocol: string): readonly Recording[] {
  return [join(folder, protocol), join(folder, "response-only", protocol)].flatMap(readFolder);
}

/** Embeddings, token counting and model listing. */
export function readOtherRecordings(): readonly Recording[] {
  return readFolder(join(folder, "other-endpoints"));
}

function readFolder(directory: string): Recording[] {
  return readdirSync(directory)
    .filter((name) => name.endsWith(".json"))
    .sort()
    .map((name) => JSON.parse(readFileSync(join(directory, name), "utf8")));
}
