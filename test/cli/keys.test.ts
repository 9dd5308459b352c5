/** The commands about keys, tenants and the schema, as a person or a script uses them. */
import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openDatabase } from "#store/database.ts";
import { migrations } from "#store/migrations.ts";
import { createKeyStore } from "#store/key-store.ts";
import { commands } from "#cli/commands.ts";
import { callXjp } from "./call.ts";

const START_MS = Date.UTC(2026, 0, 1);
const folder = mkdtempSync(join(tmpdir(), "xjp-cli-"));
const counter = { databases: 0 };
const main = join(import.meta.dir, "..", "..", "src", "main.ts");

afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Desk {
  readonly url: string;
  readonly clock: { nowMs: number };
  readonly call: (...given: string[]) => ReturnType<typeof callXjp>;
  readonly json: (...given: string[]) => Promise<unknown>;
}

function createDesk(): Desk {
  counter.databases += 1;
  const url = `sqlite:${join(folder, `new-${counter.databases}`, "xjp.db")}`;
  const clock = { nowMs: START_MS };
  const call = (...given: string[]) => callXjp(given, { env: { DATABASE_URL: url }, now: () => clock.nowMs });
  const json = async (...given: string[]) => {
    const outcome = await call(...given, "--json");
    expect(outcome).toMatchObject({ code: 0, stderr: "" });
    return JSON.parse(outcome.stdout);
  };
  return { url, clock, call, json };
}

const secretPattern = /XJP_[A-Za-z0-9_-]{43}/;

describe("keygen", () => {
  test("makes a key that verifies, and shows its secret once", async () => {
    const { url, call, clock } = createDesk();
    const { code, stdout, stderr } = await call("keygen", "acme");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const [secret = ""] = secretPattern.exec(stdout) ?? [];
    const database = await openDatabase(url);
    const caller = await createKeyStore({ database, now: () => clock.nowMs }).verify(secret);
    await database.close();
    expect(caller).toMatchObject({ tenantId: "acme", limits: {} });
    for (const given of [
      ["keys", "list"],
      ["keys", "show", caller.keyId],
      ["keys", "list", "--json"],
    ]) {
      const shown = await call(...given);
      expect(shown.stdout).toContain(caller.keyId);
      expect(shown.stdout).not.toContain(secret);
    }
  });

  test("gives the key every limit it was asked for", async () => {
    const { json } = createDesk();
    const options =
      "--tpm 90000 --concurrency 4 --budget-usd 12.5 --budget-period day --models a,b --expires 90d";
    expect(await json("keygen", "acme", "build server", "60", "1000", ...options.split(" "))).toEqual({
      id: expect.stringMatching(/^key_[0-9a-f]{24}$/),
      secret: expect.stringMatching(secretPattern),
      tenant_id: "acme",
      key_prefix: expect.stringMatching(/^XJP_.{6}$/),
      description: "build server",
      status: "active",
      is_active: true,
      rate_limit_rpm: 60,
      rate_limit_rpd: 1000,
      rate_limit_tpm: 90_000,
      concurrency_max: 4,
      budget_usd: "12.5",
      budget_period: "day",
      models_allowed: ["a", "b"],
      created_at: "2026-01-01T00:00:00.000Z",
      expires_at: "2026-04-01T00:00:00.000Z",
      last_used_at: null,
      revoked_at: null,
      rotated_from: null,
    });
  });

  test.each([
    [["keygen"], "TENANT is missing"],
    [["keygen", "no spaces"], "tenant must be"],
    [["keygen", "acme", "d", "0"], "RPM must be a whole number above 0"],
    [["keygen", "acme", "d", "1.5"], "RPM must be a whole number above 0"],
    [["keygen", "acme", "d", "-5"], 'RPM must be a whole number above 0, not "-5"'],
    [["keygen", "acme", "--tpm", "9", "d", "5", "-15"], 'RPD must be a whole number above 0, not "-15"'],
    [["keygen", "acme", "d", "5", "many"], "RPD must be a whole number above 0"],
    [["keygen", "acme", "d", "5", "5", "5"], "one argument too many"],
    [["keygen", "acme", "--tpm", "1e3"], "--tpm must be a whole number"],
    [["keygen", "acme", "--concurrency", "-1"], "--concurrency"],
    [["keygen", "acme", "--budget-usd", "ten"], "--budget-usd must be an amount"],
    [["keygen", "acme", "--budget-usd", "99999999999"], "budget must be between"],
    [["keygen", "acme", "--budget-period", "day"], "--budget-period needs --budget-usd"],
    [
      ["keygen", "acme", "--budget-usd", "1", "--budget-period", "week"],
      "--budget-period must be day, month, total",
    ],
    [["keygen", "acme", "--models", ""], "models must not name an empty model"],
    [["keygen", "acme", "--models", "a,,b"], "models must not name an empty model"],
    [["keygen", "acme", "--expires", "soon"], "--expires must be a span of time"],
    [["keygen", "acme", "--expires", "0d"], "--expires must be a span of time"],
    [["keygen", "acme", "bell\u0007"], "description must not contain control characters"],
    [["keygen", "acme", "--wat"], "Unknown option '--wat'"],
    [["keygen", "acme", "--tpm"], "--tpm"],
    [["keygen", "acme", "--database", "mysql://h/x"], "database URL is not usable"],
    [["keys"], "say what to do"],
    [["keys", "wat"], "say what to do"],
    [["keys", "show"], "KEY is missing"],
    [["keys", "list", "x"], "takes no KEY"],
    [["keys", "show", "x", "--grace", "1h"], "--grace goes with"],
    [["keys", "rotate", "x", "--grace", "never"], "--grace must be a span"],
    [["tenants"], "say what to do"],
    [["tenants", "show"], "TENANT is missing"],
    [["tenants", "list", "x"], "takes no TENANT"],
    [["tenants", "disable", "x", "y"], "one argument too many"],
    [["tenants", "create", "no spaces"], "tenant must be"],
    [["migrate", "now"], "one argument too many"],
    [["wat"], 'there is no command "wat"'],
  ])("refuses %j as wrong usage, in one line", async (given, message) => {
    const { call } = createDesk();
    const { code, stdout, stderr } = await call(...given);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(message);
    expect(stderr).toMatch(/^xjp[^\n]*\n$/);
  });
});

describe("keys", () => {
  test("are listed, shown, revoked and rotated", async () => {
    const { call, json, clock } = createDesk();
    expect((await call("keys", "list")).stdout).toContain("xjp keygen");
    const first = Object(await json("keygen", "acme", "first", "60"));
    const second = Object(await json("keygen", "other"));
    expect(await json("keys", "list", "--tenant", "acme")).toMatchObject([
      { id: first.id, rate_limit_rpm: 60 },
    ]);
    const rotated = Object(await json("keys", "rotate", first.id, "--grace", "1h"));
    expect(rotated).toMatchObject({ rotated_from: first.id, rate_limit_rpm: 60, description: "first" });
    expect(rotated.secret).not.toBe(first.secret);
    expect(await json("keys", "show", first.key_prefix)).toMatchObject({
      expires_at: "2026-01-01T01:00:00.000Z",
    });
    expect(await json("keys", "revoke", second.id)).toMatchObject({ id: second.id, status: "revoked" });
    clock.nowMs += 3_600_000;
    expect(Object(await json("keys", "list")).map((key: { id: string }) => key.id)).toEqual([rotated.id]);
    expect(await json("keys", "list", "--all")).toHaveLength(3);
    expect((await call("keys", "list", "--all")).stdout).toMatch(/expired.*60 requests\/min/);
  });

  test("a limit of one is told in the singular", async () => {
    const { call } = createDesk();
    const { stdout } = await call("keygen", "acme", "d", "1", "1", "--tpm", "1");
    expect(stdout).toContain("1 request/min, 1 request/day, 1 token/min");
  });

  test.each([
    [["keys", "show", "key_nobody"], "No key has this id"],
    [["keys", "revoke", "key_nobody"], "No key has this id"],
    [["keys", "rotate", "XJP_nobody"], "No key begins so"],
    [["tenants", "show", "nobody"], "No tenant has this id"],
    [
      ["keys", "list", "--database", "postgres://u:hunter2@127.0.0.1:1/x"],
      "The database at 127.0.0.1:1 is not available.",
    ],
    [["migrate", "--database", "postgres://u:hunter2@127.0.0.1:1/x"], "at 127.0.0.1:1 is not available"],
    [
      ["keys", "list", "--database", "sqlite:/proc/nowhere/x.db"],
      "The database /proc/nowhere/x.db is not available",
    ],
  ])("%j fails in one line that says what to do", async (given, message) => {
    const { call } = createDesk();
    const { code, stdout, stderr } = await call(...given);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toContain(message);
    expect(stderr).not.toContain("hunter2");
    expect(stderr).toMatch(/^xjp[^\n]*\n$/);
  });

  test("a whole secret is not repeated when given for an id", async () => {
    const { call, json } = createDesk();
    const { secret } = Object(await json("keygen", "acme"));
    const { code, stderr } = await call("keys", "revoke", secret);
    expect(code).toBe(1);
    expect(stderr).not.toContain(secret);
  });
});

test("tenants are created, disabled and enabled", async () => {
  const { call, json } = createDesk();
  expect((await call("tenants", "list")).stdout).toContain("xjp keygen");
  await json("tenants", "create", "acme", "Acme Inc.");
  await json("keygen", "acme");
  expect(await json("tenants", "disable", "acme")).toMatchObject({
    id: "acme",
    is_active: false,
    active_keys: 1,
  });
  expect(await call("keygen", "acme")).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("switched off"),
  });
  expect(await json("tenants", "enable", "acme")).toMatchObject({ is_active: true });
  expect(await json("tenants", "list")).toMatchObject([{ name: "Acme Inc." }]);
  expect((await call("tenants", "list")).stdout).toContain("Acme Inc.");
  expect(await call("tenants", "create", "acme")).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("exists"),
  });
});

test("migrate says what is missing, then applies it", async () => {
  const { json } = createDesk();
  const all = migrations.map(({ version, name }) => ({ version, name }));
  const none = { applied: [], pending: all };
  expect(await json("migrate", "--status")).toMatchObject(none);
  expect(await json("migrate", "--status")).toMatchObject(none);
  expect(await json("migrate")).toMatchObject({ applied: all, pending: [] });
});

describe("xjp", () => {
  test.each([[["--help"]], [["-h"]], [["help"]]])("%j lists the commands", async (given) => {
    const { code, stdout } = await callXjp(given);
    expect(code).toBe(0);
    for (const name of ["keygen", "keys", "tenants", "migrate"]) expect(stdout).toContain(`  ${name} `);
  });

  test.each(["keygen", "keys", "tenants", "migrate"])(
    "%s --help says how, and does nothing",
    async (name) => {
      const { call, url } = createDesk();
      const { code, stdout } = await call(name, "x", "--help");
      expect(code).toBe(0);
      expect(stdout).toStartWith(`xjp ${name}`);
      expect(existsSync(url.slice("sqlite:".length))).toBe(false);
    },
  );

  test("the commands are described alike: no capital, no full stop", async () => {
    const { stdout } = await callXjp(["--help"]);
    const descriptions = [...stdout.matchAll(/^  \S+ +(.*)$/gm)].map(([, text = ""]) => text);
    expect(descriptions).toHaveLength(commands.length);
    expect(descriptions.filter((text) => !/^[a-z].*[^.]$/.test(text))).toEqual([]);
  });

  test.each(commands.map(({ name }) => name))("%s --help ends with one line end", async (name) => {
    expect((await callXjp([name, "--help"])).stdout).toMatch(/[^\n]\n$/);
  });

  test("without a command shows the list as wrong usage", async () => {
    const { code, stdout, stderr } = await callXjp([]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain("keygen");
  });

  test("runs as a process: output whole through a slow pipe, exit codes, a reader that leaves", async () => {
    const { url } = createDesk();
    const database = await openDatabase(url);
    const keys = createKeyStore({ database, now: () => START_MS });
    for (let count = 0; count < 400; count += 1)
      await keys.create({ tenantId: "acme", description: "x".repeat(400) });
    await database.close();
    const start = (...given: string[]) =>
      Bun.spawn([process.execPath, main, ...given], {
        env: { ...process.env, DATABASE_URL: url },
        stdout: "pipe",
        stderr: "pipe",
      });

    const whole = start("keys", "list", "--json");
    expect(JSON.parse(await whole.stdout.text())).toHaveLength(400);
    expect(await whole.exited).toBe(0);

    const wrong = start("keygen");
    expect([await wrong.exited, await wrong.stderr.text()]).toEqual([
      2,
      expect.stringContaining("TENANT is missing"),
    ]);

    const left = start("keys", "list", "--json");
    const reader = left.stdout.getReader();
    await reader.read();
    await reader.cancel();
    expect([await left.exited, await left.stderr.text()]).toEqual([0, ""]);
  }, 30_000);

  test("ends at once on Ctrl-C while a database does not answer", async () => {
    const asked = Promise.withResolvers<void>();
    using silent = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      socket: { open: () => asked.resolve(), data() {} },
    });
    const database = `postgres://user@127.0.0.1:${silent.port}/nothing`;
    const child = Bun.spawn([process.execPath, main, "keys", "list", "--database", database], {
      stderr: "pipe",
    });
    await asked.promise;
    child.kill("SIGINT");
    expect([await child.exited, await child.stderr.text()]).toEqual([130, ""]);
  }, 30_000);
});
