import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readDatabaseUrl } from "./database-url.ts";

function withFile<T>(text: string, work: (path: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), "xjp-config-"));
  try {
    writeFileSync(join(folder, "xjp.yaml"), text);
    return work(join(folder, "xjp.yaml"));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("the database is found though the providers' secrets are missing here", () => {
  const text = `database: { url: "postgres://\${DB_USER}@db/xjp" }\nconnectors: { a: { type: anthropic, api_key: "\${NOT_SET}" } }\n`;
  expect(withFile(text, (path) => readDatabaseUrl(path, { DB_USER: "xjp" }))).toBe("postgres://xjp@db/xjp");
});

test("a file that does not say leaves the default", () => {
  expect(withFile("server: { port: 1 }", (path) => readDatabaseUrl(path, {}))).toBeUndefined();
});

test("a file that cannot be read is named", () => {
  expect(() => readDatabaseUrl("/nowhere/xjp.yaml", {})).toThrow("/nowhere/xjp.yaml");
});
