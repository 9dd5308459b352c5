/** Starts that cannot be: what a person reads, and that it is no bug of ours. */
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { callXjp } from "./call.ts";

const folder = mkdtempSync(join(tmpdir(), "xjp-serve-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, more = ""): string {
  const path = join(folder, name);
  const journal = join(folder, "journal");
  writeFileSync(
    path,
    `database: { url: "sqlite::memory:" }\njournal: { folder: ${journal} }\nlog: { level: silent }\n${more}`,
  );
  return path;
}

test.each([
  ["serve", "`--port`, `PORT` or `server.port`"],
  ["demo-upstream", "`--port`"],
])("%s on a port that is taken says so in one line, and how to choose another", async (command, names) => {
  using taken = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const config = command === "serve" ? ["--config", file("taken.yaml")] : [];
  const { port } = taken;
  const { code, stderr } = await callXjp([command, ...config, "--host", "127.0.0.1", "--port", String(port)]);
  expect(code).toBe(1);
  expect(stderr).toBe(
    `xjp ${command}: Port ${port} of 127.0.0.1 is in use. Stop what uses it, or choose another with ${names}.\n`,
  );
});

test("serve on what is no address says so, and where it is set", async () => {
  const env = { HOST: "999" };
  const { code, stderr } = await callXjp(["serve", "--config", file("host.yaml"), "--port", "0"], { env });
  expect({ code, stderr }).toEqual({
    code: 1,
    stderr:
      "xjp serve: 999 is no address of this machine. Choose one with `--host`, `HOST` or `server.host`; 0.0.0.0 is all of them.\n",
  });
});

test("serve with a database that is away names its host and port, never user or password", async () => {
  const env = { DATABASE_URL: "postgres://someone:hunter2@127.0.0.1:1/x" };
  const { code, stderr } = await callXjp(["serve", "--config", file("away.yaml"), "--port", "0"], { env });
  expect(code).toBe(1);
  expect(stderr).toStartWith("xjp serve: The database at 127.0.0.1:1 is not available. Check DATABASE_URL");
  expect(stderr).not.toMatch(/someone|hunter2/);
});

test("serve with many mistakes in its file shows the first three, each in a line, and where the rest is", async () => {
  const path = file("many.yaml", "a: 1\nb: 1\nc: 1\nd: 1\n");
  const { code, stderr } = await callXjp(["serve", "--config", path]);
  expect(code).toBe(1);
  expect(stderr.trimEnd().split("\n")).toEqual([
    "xjp serve: The configuration has 4 mistakes:",
    `  ${path}:4: a: unknown field`,
    `  ${path}:5: b: unknown field`,
    `  ${path}:6: c: unknown field`,
    `  and 1 more: \`xjp config check ${path}\` lists them all`,
  ]);
});
