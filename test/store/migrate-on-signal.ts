/** A process that says it is ready, waits for its standard input to end, and then migrates: URL. */
import { openDatabase } from "#store/database.ts";
import { migrate } from "#store/migrate.ts";

const database = await openDatabase(process.argv[2] ?? "", { migrate: false });
await database.sql`SELECT 1 AS one`;
process.stdout.write("ready");
await Bun.stdin.text();
await migrate(database);
await database.close();
