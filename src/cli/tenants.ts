/** `xjp tenants`: who owns keys. Disabling one stops all its keys within a second. */
import type { JsonObject } from "#lib/json.ts";
import type { Tenant, TenantStore } from "#store/tenant-store.ts";
import { type Command, databaseOptions, exitCodes, type Io, parseArguments, UsageError } from "./command.ts";
import { formatTime } from "./key-report.ts";
import { formatFields, formatTable } from "./table.ts";
import { withStores } from "./with-store.ts";

const usage = `xjp tenants list
xjp tenants show TENANT
xjp tenants create TENANT [NAME]
xjp tenants disable TENANT
xjp tenants enable TENANT

Disabling a tenant stops all its keys within a second; enabling it lets them work again.

  --database URL   instead of DATABASE_URL
  --json           for scripts
`;

export const tenants: Command = {
  name: "tenants",
  summary: "list, show, create, disable and enable tenants",
  usage,
  async run(given, io) {
    const { positionals, values } = parseArguments(given, { options: databaseOptions, positionalsMax: 3 });
    const work = chooseWork(positionals);
    const found = await withStores(values.database, io, (stores) => work(stores.tenants));
    print(found, { io, json: values.json });
    return exitCodes.done;
  },
};

type Found = Tenant | readonly Tenant[];

function chooseWork(positionals: readonly string[]): (store: TenantStore) => Promise<Found> {
  const [action, id, name] = positionals;
  if (action === "list") {
    if (id !== undefined)
      throw new UsageError("`xjp tenants list` takes no TENANT; `xjp tenants show` does.");
    return (store) => store.list();
  }
  if (action !== "show" && action !== "create" && action !== "disable" && action !== "enable") {
    throw new UsageError("say what to do: list, show, create, disable or enable.");
  }
  if (id === undefined) throw new UsageError("TENANT is missing: `xjp tenants list` shows them.");
  if (name !== undefined && action !== "create") throw new UsageError(`"${name}" is one argument too many.`);
  switch (action) {
    case "show":
      return (store) => store.show(id);
    case "create":
      return (store) => store.create({ id, ...(name !== undefined && { name }) });
    case "disable":
      return (store) => store.setActive(id, false);
    case "enable":
      return (store) => store.setActive(id, true);
  }
}

function print(found: Found, { io, json }: { io: Io; json: boolean }): void {
  if (json) {
    const value = isList(found) ? found.map(toJson) : toJson(found);
    io.stdout.write(`${JSON.stringify(value, undefined, 2)}\n`);
    return;
  }
  if (!isList(found)) {
    io.stdout.write(formatFields(toFields(found)));
    return;
  }
  if (found.length === 0) {
    io.stdout.write("No tenants: `xjp keygen TENANT` makes one with its first key.\n");
    return;
  }
  const rows = found.map((tenant) => toFields(tenant).map(([, value]) => value));
  io.stdout.write(formatTable(["ID", "NAME", "STATUS", "ACTIVE KEYS", "CREATED"], rows));
}

function isList(found: Found): found is readonly Tenant[] {
  return Array.isArray(found);
}

function toJson(tenant: Tenant): JsonObject {
  return {
    id: tenant.id,
    name: tenant.name,
    is_active: tenant.isActive,
    active_keys: tenant.activeKeys,
    created_at: formatTime(tenant.createdAtMs) ?? null,
  };
}

function toFields(tenant: Tenant): readonly (readonly [string, string])[] {
  return [
    ["id", tenant.id],
    ["name", tenant.name],
    ["status", tenant.isActive ? "active" : "disabled"],
    ["active keys", String(tenant.activeKeys)],
    ["created", formatTime(tenant.createdAtMs) ?? ""],
  ];
}
