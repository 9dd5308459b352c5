/** `logprobsResult` as the records the other APIs use: `{token, logprob, bytes, top_logprobs}`. */
import { asArray, asNumber, asObject, asString, type Json, type JsonObject } from "#lib/json.ts";

const NONE: readonly JsonObject[] = [];

export function decodeLogprobs(value: Json | undefined): readonly JsonObject[] {
  const result = asObject(value);
  if (!result) return NONE;
  const tops = asArray(result["topCandidates"]);
  return asArray(result["chosenCandidates"]).flatMap((chosen, index) => {
    const record = toRecord(chosen);
    if (!record) return [];
    const top = asArray(asObject(tops[index])?.["candidates"])
      .map(toRecord)
      .filter((candidate) => candidate !== undefined);
    return [{ ...record, top_logprobs: top }];
  });
}

function toRecord(value: Json | undefined): JsonObject | undefined {
  const candidate = asObject(value);
  const token = asString(candidate?.["token"]);
  if (token === undefined) return undefined;
  const logprob = asNumber(candidate?.["logProbability"]) ?? 0;
  return { token, logprob, bytes: [...Buffer.from(token, "utf8")] };
}
