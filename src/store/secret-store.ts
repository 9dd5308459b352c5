/** The gateway's own secrets, shared by all its processes, e.g. the key that seals opaque blobs. */
import type { Database } from "./database.ts";
import { textColumn } from "./row.ts";

export interface SecretOptions {
  readonly database: Database;
  readonly name: string;
  readonly now: () => number;
  readonly randomBytes?: (count: number) => Uint8Array;
}

const SECRET_BYTES = 32;

/** 32 random bytes, made by whoever asks first and the same for everyone after. */
export async function readOrCreateSecret(options: SecretOptions): Promise<Uint8Array> {
  const { database, name, now, randomBytes = secureRandomBytes } = options;
  const { sql } = database;
  const find = () => sql`SELECT value FROM secrets WHERE name = ${name}`;
  let [row] = await find();
  if (!row) {
    const value = Buffer.from(randomBytes(SECRET_BYTES)).toString("base64url");
    await sql`INSERT INTO secrets ${sql.rows([{ name, value, created_at: now() }])} ON CONFLICT (name) DO NOTHING`;
    [row] = await find();
  }
  if (!row) throw new Error(`secret ${name} was not stored`);
  return new Uint8Array(Buffer.from(textColumn(row, "value"), "base64url"));
}

function secureRandomBytes(count: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(count));
}
