/** Asks a URL with our own client and prints what came of it: a process of its own, because trust is read at its start. */
import { Cancellation } from "#lib/cancellation.ts";
import { systemClock } from "#lib/clock.ts";
import { ConnectionPool } from "#lib/connection-pool.ts";

const pool = new ConnectionPool(systemClock);
for (const url of process.argv.slice(2)) {
  const body = "x".repeat(300_000);
  const request = {
    url,
    method: "POST",
    headers: [],
    body,
    connectMs: 5_000,
    cancellation: new Cancellation(),
  } as const;
  try {
    const reply = await pool.request(request);
    console.log(reply.status, await reply.text(1_000_000));
  } catch (error) {
    console.log(error);
  }
}
process.exit(0);
