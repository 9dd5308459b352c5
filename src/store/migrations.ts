/**
 * Every migration, in order. To change the schema add `migrations/NNNN_name.sql` and a line here; an applied file is
 * never edited, because databases remember its checksum.
 */
import initial from "./migrations/0001_initial.sql" with { type: "text" };
import storedResponses from "./migrations/0002_stored_responses.sql" with { type: "text" };
import keyLineage from "./migrations/0003_key_lineage.sql" with { type: "text" };
import turnThoughts from "./migrations/0004_turn_thoughts.sql" with { type: "text" };
import requestsOfKeys from "./migrations/0005_requests_of_keys.sql" with { type: "text" };

export interface Migration {
  /** From 1, without gaps. */
  readonly version: number;
  readonly name: string;
  readonly text: string;
}

export const migrations: readonly Migration[] = [
  { version: 1, name: "initial", text: initial },
  { version: 2, name: "stored_responses", text: storedResponses },
  { version: 3, name: "key_lineage", text: keyLineage },
  { version: 4, name: "turn_thoughts", text: turnThoughts },
  { version: 5, name: "requests_of_keys", text: requestsOfKeys },
];
