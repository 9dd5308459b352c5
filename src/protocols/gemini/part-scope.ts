/** What decoding one part of a conversation may look at beside the part. */
import type { Json } from "#lib/json.ts";
import type { RequestLine } from "#protocols/protocol.ts";
import type { CallHistory } from "./call-history.ts";
import { badRequest, type Fields } from "./fields.ts";

export interface PartScope {
  readonly calls: CallHistory;
  readonly unseal: RequestLine["unseal"];
}

/** A part nobody here knows, kept verbatim; an empty one says nothing at all and is refused. */
export function unknownValue(part: Fields): Json {
  if (Object.keys(part.value).length > 0) return part.value;
  throw badRequest(part.path, "a part with text, data, a call or a result");
}
