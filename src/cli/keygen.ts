/** `xjp keygen`: makes a key. Its secret is printed here and can never be shown again. */
import type { Budget } from "#model/caller.ts";
import { toNanoUsd } from "#model/money.ts";
import type { CreatedKey, NewKey } from "#store/key-store.ts";
import {
  type Command,
  databaseOptions,
  exitCodes,
  type Io,
  parseArguments,
  parseChoice,
  parseCount,
  UsageError,
} from "./command.ts";
import { parseDuration } from "./duration.ts";
import { toKeyFields, toKeyJson } from "./key-report.ts";
import { formatFields } from "./table.ts";
import { withStores } from "./with-store.ts";

const usage = `xjp keygen TENANT [DESCRIPTION] [RPM] [RPD] [options]

Makes a key for TENANT, and the tenant where it is new. The secret is shown once.

  RPM, RPD             requests a minute and a UTC day; none given: unlimited
  --tpm N              tokens a minute
  --concurrency N      requests at once
  --budget-usd X       what its requests may cost in dollars, e.g. 25 or 0.5
  --budget-period P    day, month (default) or total; days and months are UTC
  --models a,b         only these models
  --expires SPAN       e.g. 90d, 12h
  --database URL       instead of DATABASE_URL
  --json               for scripts

Example: xjp keygen acme "build server" 60 10000 --budget-usd 25 --expires 90d
`;

const options = {
  ...databaseOptions,
  tpm: { type: "string" },
  concurrency: { type: "string" },
  "budget-usd": { type: "string" },
  "budget-period": { type: "string" },
  models: { type: "string" },
  expires: { type: "string" },
} as const;

export const keygen: Command = {
  name: "keygen",
  summary: "make a key",
  usage,
  async run(given, io) {
    const parsed = parseArguments(given, {
      options,
      positionalsMax: 4,
      counts: { 2: "RPM", 3: "RPD" },
    });
    const key = toNewKey(parsed, io.now());
    const created = await withStores(parsed.values.database, io, ({ keys }) => keys.create(key));
    printSecret(created, { io, json: parsed.values.json });
    return exitCodes.done;
  },
};

/** Also for `keys rotate`, which makes a secret too. */
export function printSecret({ key, secret }: CreatedKey, { io, json }: { io: Io; json: boolean }): void {
  if (json) {
    const { id, ...rest } = toKeyJson(key, io.now());
    io.stdout.write(`${JSON.stringify({ id, secret, ...rest }, undefined, 2)}\n`);
    return;
  }
  const [idField, , ...otherFields] = toKeyFields(key, io.now());
  const fields = formatFields([["secret", secret], ...(idField ? [idField] : []), ...otherFields]);
  io.stdout.write(`Keep the secret now, it is not shown again:\n\n${fields}`);
}

type Parsed = ReturnType<typeof parseArguments<typeof options>>;

function toNewKey({ positionals, values }: Parsed, nowMs: number): NewKey {
  const [tenantId, description, requestsPerMinuteText, requestsPerDayText] = positionals;
  if (tenantId === undefined) throw new UsageError("TENANT is missing: say whose key it is.");
  const requestsPerMinute = parseCount("RPM", requestsPerMinuteText);
  const requestsPerDay = parseCount("RPD", requestsPerDayText);
  const tokensPerMinute = parseCount("--tpm", values.tpm);
  const concurrencyMax = parseCount("--concurrency", values.concurrency);
  const budget = parseBudget(values["budget-usd"], values["budget-period"]);
  return {
    tenantId,
    ...(description !== undefined && description !== "" && { description }),
    limits: {
      ...(requestsPerMinute !== undefined && { requestsPerMinute }),
      ...(requestsPerDay !== undefined && { requestsPerDay }),
      ...(tokensPerMinute !== undefined && { tokensPerMinute }),
      ...(concurrencyMax !== undefined && { concurrencyMax }),
      ...(budget && { budget }),
    },
    ...(values.models !== undefined && {
      modelsAllowed: values.models.split(",").map((model) => model.trim()),
    }),
    ...(values.expires !== undefined && { expiresAtMs: nowMs + parseDuration("--expires", values.expires) }),
  };
}

function parseBudget(usd: string | undefined, periodText: string | undefined): Budget | undefined {
  const period = parseChoice("--budget-period", periodText, ["day", "month", "total"]);
  if (usd === undefined) {
    if (period === undefined) return undefined;
    throw new UsageError("--budget-period needs --budget-usd.");
  }
  try {
    return { limitNanoUsd: toNanoUsd(usd), period: period ?? "month" };
  } catch {
    throw new UsageError(`--budget-usd must be an amount in dollars such as 25 or 0.5, not "${usd}".`);
  }
}
