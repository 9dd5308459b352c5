import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UsageError } from "./command.ts";
import { config } from "./config.ts";

const folder = mkdtempSync(join(tmpdir(), "xjp-config-"));
afterAll(() => rmSync(folder, { recursive: true }));

async function run(...given: readonly string[]) {
  let stdout = "";
  let stderr = "";
  const code = await config.run(given, {
    env: { SET: "k" },
    stdout: { write: (text) => (stdout += text) },
    stderr: { write: (text) => (stderr += text) },
    now: () => 0,
    signal: new AbortController().signal,
  });
  return { code, stdout, stderr };
}

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

test("a good file is said to be good, with what it configures", async () => {
  const path = file("good.yaml", 'connectors: { a: { type: openai, api_key: "${SET}" } }');
  expect(await run("check", path)).toEqual({
    code: 0,
    stdout: `${path}: ok, connectors: a; models: by name\n`,
    stderr: "",
  });
});

test("every mistake is on a line of its own, with place and path", async () => {
  const path = file(
    "bad.yaml",
    'server:\n  port: x\nconnectors:\n  a: { type: openai, api_key: "${UNSET}" }\n',
  );
  const { code, stdout, stderr } = await run("check", path);
  expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
  expect(stderr.trimEnd().split("\n")).toEqual([
    `${path}:2: server.port: expected number, received string`,
    `${path}:4: connectors.a.api_key: environment variable UNSET is not set; set it, or write \${UNSET:-default}`,
  ]);
});

test("mistakes come as JSON for scripts", async () => {
  const { code, stdout } = await run("check", file("bad2.yaml", "nonsense: 1"), "--json");
  expect(code).toBe(1);
  expect(JSON.parse(stdout)).toEqual({
    ok: false,
    mistakes: [{ path: ["nonsense"], message: "unknown field", line: 1 }],
  });
});

test("a missing file is a failure, not a wrong use", async () => {
  const { code, stderr } = await run("check", join(folder, "none.yaml"));
  expect(code).toBe(1);
  expect(stderr).toContain("cannot read the file");
});

test("schema prints JSON Schema that knows the sections", async () => {
  const { code, stdout } = await run("schema");
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({
    $schema: "https://json-schema.org/draft/2020-12/schema",
    additionalProperties: false,
    properties: { server: {}, connectors: {}, models: {}, prices: {} },
  });
});

test.each([[], ["check"], ["schema", "x"], ["nonsense"], ["check", "a", "b"], ["check", "--nonsense"]])(
  "wrong use: config %p",
  async (...given) => {
    const error: unknown = await run(...given).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(UsageError);
  },
);
