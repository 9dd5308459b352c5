/** `xjp keys`: what keys there are, and stopping or replacing one. */
import { Failure } from "#model/failure.ts";
import type { KeyRecord, KeyStore } from "#store/key-store.ts";
import { type Command, databaseOptions, exitCodes, type Io, parseArguments, UsageError } from "./command.ts";
import { parseDuration } from "./duration.ts";
import { describeLimits, formatTime, keyStatus, toKeyFields, toKeyJson } from "./key-report.ts";
import { printSecret } from "./keygen.ts";
import { formatFields, formatTable } from "./table.ts";
import { withStores } from "./with-store.ts";

const usage = `xjp keys list [--tenant T] [--all]
xjp keys show KEY
xjp keys revoke KEY
xjp keys rotate KEY [--grace SPAN]

KEY is a key's id (key_...) or its first characters (XJP_ab12cd). Changes reach every gateway process within a second.

  --tenant T       only this tenant's keys
  --all            revoked and expired keys too
  --grace SPAN     the old secret keeps working for so long, e.g. 24h; without it, it stops now
  --database URL   instead of DATABASE_URL
  --json           for scripts
`;

const options = {
  ...databaseOptions,
  tenant: { type: "string" },
  all: { type: "boolean", default: false },
  grace: { type: "string" },
} as const;

type Values = ReturnType<typeof parseArguments<typeof options>>["values"];

export const keys: Command = {
  name: "keys",
  summary: "list, show, revoke and rotate keys",
  usage,
  async run(given, io) {
    const { positionals, values } = parseArguments(given, { options, positionalsMax: 2 });
    const [action, key] = positionals;
    const work = chooseWork({ action, key, values, io });
    await withStores(values.database, io, (stores) => work(stores.keys));
    return exitCodes.done;
  },
};

interface Choice {
  readonly action: string | undefined;
  readonly key: string | undefined;
  readonly values: Values;
  readonly io: Io;
}

/** Chosen before the database is opened, so that a wrong command line touches nothing. */
function chooseWork({ action, key, values, io }: Choice): (store: KeyStore) => Promise<void> {
  if (action === "list") {
    if (key !== undefined) throw new UsageError("`xjp keys list` takes no KEY; `xjp keys show KEY` does.");
    return (store) => list(store, values, io);
  }
  if (action !== "show" && action !== "revoke" && action !== "rotate") {
    throw new UsageError("say what to do: list, show, revoke or rotate.");
  }
  if (key === undefined) throw new UsageError("KEY is missing: `xjp keys list` shows the ids.");
  const graceMs = values.grace === undefined ? undefined : parseDuration("--grace", values.grace);
  if (graceMs !== undefined && action !== "rotate")
    throw new UsageError("--grace goes with `xjp keys rotate`.");
  return async (store) => {
    const id = await findKeyId(store, key);
    switch (action) {
      case "show":
        return printKey(await store.show(id), values, io);
      case "revoke":
        return printKey(await store.deactivate(id), values, io);
      case "rotate": {
        const created = await store.rotate(id, graceMs === undefined ? {} : { graceMs });
        return printSecret(created, { io, json: values.json });
      }
    }
  };
}

async function list(store: KeyStore, values: Values, io: Io): Promise<void> {
  const found = await store.list({
    ...(values.tenant !== undefined && { tenantId: values.tenant }),
    onlyUsable: !values.all,
  });
  const nowMs = io.now();
  if (values.json)
    return printJson(
      found.map((key) => toKeyJson(key, nowMs)),
      io,
    );
  if (found.length === 0) {
    io.stdout.write("No keys: `xjp keygen TENANT` makes one.\n");
    return;
  }
  const rows = found.map((key) => [
    key.id,
    key.keyPrefix,
    key.tenantId,
    keyStatus(key, nowMs),
    describeLimits(key.limits),
    formatTime(key.lastUsedAtMs) ?? "never",
    key.description ?? "",
  ]);
  io.stdout.write(formatTable(["ID", "KEY", "TENANT", "STATUS", "LIMITS", "LAST USED", "DESCRIPTION"], rows));
}

/** A key by its id or the start of its secret. A whole secret is refused: it would stay in the shell's history. */
async function findKeyId(store: KeyStore, text: string): Promise<string> {
  if (!text.startsWith("XJP_")) return text;
  const matching = (await store.list()).filter((key) => key.keyPrefix.startsWith(text));
  const [only] = matching;
  if (only && matching.length === 1) return only.id;
  if (matching.length > 1)
    throw new UsageError("several keys begin so: give the id from `xjp keys list --all`.");
  throw new Failure(
    "not_found",
    "No key begins so: give the id from `xjp keys list --all`, and never a secret.",
    {
      code: "key_not_found",
    },
  );
}

function printKey(key: KeyRecord, values: Values, io: Io): void {
  if (values.json) return printJson(toKeyJson(key, io.now()), io);
  io.stdout.write(formatFields(toKeyFields(key, io.now())));
}

function printJson(value: unknown, io: Io): void {
  io.stdout.write(`${JSON.stringify(value, undefined, 2)}\n`);
}
