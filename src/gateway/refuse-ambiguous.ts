/**
 * Refuses a body that another reader could take for something else than we do, in a field that decides what is asked
 * and what it may cost. A forwarded body goes up as the caller wrote it, and servers differ: of equal names some count
 * the first and some the last, and those written in Go take `MAX_TOKENS` for `max_tokens`.
 */
import { isObject, type Json, type JsonObject } from "#lib/json.ts";
import { repeatedMember } from "#lib/repeated-member.ts";
import { Failure } from "#model/failure.ts";

export function refuseAmbiguous(text: string, raw: JsonObject): void {
  const decisive: string[] = [];
  for (const name of Object.keys(raw)) {
    if (DECISIVE.has(name)) decisive.push(name);
    else if (CONFIGS.has(name)) decisive.push(name, ...decisiveBelow(name, raw[name]));
    else if (!PLAIN.test(name) && DECISIVE.has(fold(name)))
      throw refusal(name, `is another spelling of \`${fold(name)}\``);
  }
  const repeated = repeatedMember(text, decisive);
  if (repeated !== undefined) throw refusal(repeated, "is there more than once");
}

const DECISIVE: ReadonlySet<string> = new Set([
  "model",
  "stream",
  "n",
  "max_tokens",
  "max_completion_tokens",
  "max_output_tokens",
  "service_tier",
]);

/** Gemini's, in both spellings. That one object has only one of them is seen to where it is read. */
const CONFIGS: ReadonlySet<string> = new Set(["generationConfig", "generation_config"]);
const LIMITS = ["maxOutputTokens", "max_output_tokens", "candidateCount", "candidate_count"];

function decisiveBelow(parent: string, config: Json | undefined): readonly string[] {
  if (!isObject(config)) return [];
  return LIMITS.filter((name) => Object.hasOwn(config, name)).map((name) => `${parent}.${name}`);
}

/** As nearly every field is written. */
const PLAIN = /^[a-z_]+$/;

/** As Go does it: of all characters only the long s and the Kelvin sign fold to ASCII letters, and the latter by itself. */
function fold(name: string): string {
  return name.toLowerCase().replaceAll("\u017f", "s");
}

function refusal(param: string, problem: string): Failure {
  return new Failure(
    "bad_request",
    `\`${param}\` ${problem}, which servers read differently. Send it once.`,
    {
      param,
    },
  );
}
