import { expect, test } from "bun:test";
import { join } from "node:path";
import { isObject } from "#lib/json.ts";
import { renderConfigReference } from "./config-reference.ts";
import { configJsonSchema } from "./schema.ts";

const page = renderConfigReference(configJsonSchema());

test("docs/config.md is what the schema says; `xjp config reference > docs/config.md` renews it", async () => {
  expect(await Bun.file(join(import.meta.dir, "../../docs/config.md")).text()).toBe(page);
});

test("every field has a description", () => {
  const nameless: string[] = [];
  walk(configJsonSchema(), "config");
  expect(nameless).toEqual([]);

  function walk(schema: unknown, path: string): void {
    if (Array.isArray(schema)) schema.forEach((item, index) => walk(item, `${path}[${index}]`));
    if (!isObject(schema)) return;
    if (isObject(schema["properties"])) {
      for (const [name, field] of Object.entries(schema["properties"])) {
        const isKind = isObject(field) && field["const"] !== undefined;
        if (!isKind && !(isObject(field) && field["description"])) nameless.push(`${path}.${name}`);
      }
    }
    for (const [name, inner] of Object.entries(schema)) walk(inner, `${path}.${name}`);
  }
});

test("every kind of connector and every section has its table", () => {
  for (const title of [
    "`connectors.NAME: clewdr`",
    "`connectors.NAME: openai-compatible`",
    "`models.NAME.targets[]`",
    "`models.NAME.timeouts_ms`",
  ]) {
    expect(page).toContain(`## ${title}`);
  }
});
