/** What every database behind the store must do. Run on SQLite and on a real PostgreSQL. */
import { afterAll, afterEach, beforeAll, describe } from "bun:test";
import { type Database, openDatabase } from "#store/database.ts";
import { testDatabase } from "./database-cases.ts";
import { testKeys } from "./key-cases.ts";
import { testKeyManagement } from "./key-management-cases.ts";
import { testMigrations } from "./migration-cases.ts";
import { testResponses } from "./response-cases.ts";
import { testThoughts } from "./thought-cases.ts";
import { testUsage } from "./usage-cases.ts";

/** Making a PostgreSQL cluster takes its time on a busy machine. */
const HOOK_TIMEOUT_MS = 60_000;

/** One kind of database, as the cases use it. */
export interface Backend {
  readonly name: string;
  start(): Promise<void>;
  stop(): Promise<void>;
  /** The URL of an empty database that other processes can open too. */
  emptyDatabase(): Promise<string>;
  /** The test that asked for it is over, and nobody has it open. */
  release(url: string): Promise<void>;
  /** Everything the database keeps on disk, for finding what must not be there. */
  bytesOnDisk(url: string): AsyncIterable<Uint8Array>;
  /** The plan of a statement, as text. */
  explain(url: string, statement: string): Promise<string>;
}

/** For the cases: fresh databases that are closed after the test. */
export interface Bench extends Backend {
  open(): Promise<Database>;
  reopen(url: string): Promise<Database>;
}

export function testStore(backend: Backend): void {
  describe(`on ${backend.name}`, () => {
    const opened: Database[] = [];
    const reopen = async (url: string) => {
      const database = await openDatabase(url);
      opened.push(database);
      return database;
    };
    const urls: string[] = [];
    const emptyDatabase = async () => {
      const url = await backend.emptyDatabase();
      urls.push(url);
      return url;
    };
    const bench: Bench = {
      ...backend,
      emptyDatabase,
      reopen,
      open: async () => reopen(await emptyDatabase()),
    };

    beforeAll(() => backend.start(), HOOK_TIMEOUT_MS);
    afterEach(async () => {
      for (const database of opened.splice(0)) await database.close();
      for (const url of urls.splice(0)) await backend.release(url);
    });
    afterAll(() => backend.stop(), HOOK_TIMEOUT_MS);

    testDatabase(bench);
    testMigrations(bench);
    testKeys(bench);
    testKeyManagement(bench);
    testUsage(bench);
    testResponses(bench);
    testThoughts(bench);
  });
}
