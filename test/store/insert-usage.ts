/** A process that inserts 600 rows made from one, in an order and in batches of its own: URL RECORD SEED. */
import { openDatabase } from "#store/database.ts";
import { openUsage } from "./open-usage.ts";

const ROWS = 600;
const BATCH_ROWS = 40;
const [url = "", record = "", seed = ""] = process.argv.slice(2);

const database = await openDatabase(url);
const usage = openUsage(database);
// A stride without a common factor with 600 visits every number once, in an order that differs by seed.
const stride = [7, 11, 13][Number(seed) - 1] ?? 1;
const ids = Array.from({ length: ROWS }, (_, index) => `r${(index * stride) % ROWS}`);
for (let start = 0; start < ROWS; start += BATCH_ROWS) {
  const batch = ids.slice(start, start + BATCH_ROWS);
  await usage.insert(batch.map((id) => ({ ...JSON.parse(record), id })));
}
await database.close();
