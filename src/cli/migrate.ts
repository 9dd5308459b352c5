/** `xjp migrate`: brings the database's schema up to date, or says what is missing. */
import { openDatabase } from "#store/database.ts";
import { migrate as migrateDatabase, type MigrationStatus, migrationStatus } from "#store/migrate.ts";
import { type Command, databaseOptions, exitCodes, parseArguments } from "./command.ts";
import { namingDatabase } from "./naming-database.ts";
import { formatTable } from "./table.ts";
import { databaseUrl } from "./with-store.ts";

const usage = `xjp migrate [--status]

Brings the database's schema up to date. \`xjp serve\` does it at its start too; doing it before a deployment keeps the
first start short. Several may run at once.

  --status         only say what is applied and what is missing
  --database URL   instead of DATABASE_URL
  --json           for scripts
`;

const options = { ...databaseOptions, status: { type: "boolean", default: false } } as const;

export const migrate: Command = {
  name: "migrate",
  summary: "bring the database's schema up to date",
  usage,
  async run(given, io) {
    const { values } = parseArguments(given, { options, positionalsMax: 0 });
    const url = databaseUrl(values.database, io.env);
    const status = await namingDatabase(url, () => bringUp(url, !values.status));
    io.stdout.write(values.json ? toJson(status) : toTable(status));
    return exitCodes.done;
  },
};

async function bringUp(url: string, applies: boolean): Promise<MigrationStatus> {
  const database = await openDatabase(url, { migrate: false });
  try {
    if (applies) await migrateDatabase(database);
    return await migrationStatus(database);
  } finally {
    await database.close();
  }
}

function toJson({ applied, pending }: MigrationStatus): string {
  const value = {
    applied: applied.map(({ version, name }) => ({ version, name })),
    pending: pending.map(({ version, name }) => ({ version, name })),
  };
  return `${JSON.stringify(value, undefined, 2)}\n`;
}

function toTable({ applied, pending }: MigrationStatus): string {
  return formatTable(
    ["VERSION", "NAME", "STATUS"],
    [
      ...applied.map(({ version, name }) => [String(version), name, "applied"]),
      ...pending.map(({ version, name }) => [String(version), name, "missing"]),
    ],
  );
}
