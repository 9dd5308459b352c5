/** Fields that point into the provider's own store, and who has none. */
import type { JsonObject } from "#lib/json.ts";
import type { Dialect } from "#protocols/protocol.ts";
import { unsupported } from "./encode-content.ts";

/** Throws `unsupported` naming the field. OpenRouter's Responses API is stateless and answers 400 itself. */
export function refuseServerState(fields: JsonObject, dialect: Dialect): void {
  if (dialect.host !== "openrouter") return;
  for (const name of ["previous_response_id", "conversation", "prompt"]) {
    if ((fields[name] ?? undefined) !== undefined) throw unsupported(name, "Stored conversation state");
  }
  if (fields["background"] === true) throw unsupported("background", "Background work");
}
