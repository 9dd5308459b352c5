/**
 * What becomes of a golden case, in one word and its particulars: what the target's own reader finds in the request it
 * got, held against what the caller said.
 */
import type { ProtocolName } from "#model/chat.ts";
import { lineOf, rooms } from "../matrix/rooms.ts";
import { differences, meaningOf } from "./meaning.ts";
import { translate } from "./translate.ts";
import type { GoldenCase } from "./golden-case.ts";

export type Fate =
  | { readonly fate: "kept" }
  /** Said in another way; the places, in the words of the canonical form. */
  | { readonly fate: "changed"; readonly where: readonly string[] }
  | { readonly fate: "dropped"; readonly what: readonly string[] }
  | { readonly fate: "refused"; readonly param: string };

/** Undefined where the client API cannot say it at all. */
export function fateOf(golden: GoldenCase, client: ProtocolName, upstream: ProtocolName): Fate | undefined {
  const input = golden.inputs[client];
  if (!input) return undefined;
  const outcome = translate(input, client, upstream);
  if ("refused" in outcome) return { fate: "refused", param: outcome.refused.detail.param ?? "" };
  const { encoded, chat } = outcome;
  if (encoded.dropped.length > 0) return { fate: "dropped", what: encoded.dropped };
  const received = rooms[upstream].client.decodeRequest(encoded.body, lineOf(upstream));
  const where = differences(meaningOf(chat), meaningOf(received)).map((line) => line.split(":")[0] ?? "");
  // A policy of the gateway, the same for everybody: nothing is stored unless asked for.
  const changed = where.filter((path) => path !== "store" && path !== "outputTokensMax");
  return changed.length === 0 ? { fate: "kept" } : { fate: "changed", where: [...new Set(changed)] };
}
