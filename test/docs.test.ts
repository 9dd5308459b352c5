/** The pages keep their word: links lead somewhere, examples load, commands exist, tables agree with the code. */
import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import packageJson from "../package.json" with { type: "json" };
import { commands } from "#cli/commands.ts";
import { loadConfig } from "#config/load.ts";
import { Failure, failureKinds } from "#model/failure.ts";
import { createMetrics } from "#telemetry/metrics.ts";

const root = join(import.meta.dir, "..");
const read = (path: string) => readFileSync(join(root, path), "utf8");

const pages = [
  "README.md",
  "README.zh-CN.md",
  "CHANGELOG.md",
  "CONTRIBUTING.md",
  "examples/README.md",
  ...readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".md"))
    .map((path) => `docs/${path}`),
];
const examples = readdirSync(join(root, "examples")).filter((name) => name.endsWith(".yaml"));

const fenced = (text: string) => [...text.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)];
const blocks = (text: string) => fenced(text).map(([block]) => block);
const prose = (text: string) => text.replaceAll(/^```[\s\S]*?^```$/gm, "");
const inlineCode = (text: string) => [...prose(text).matchAll(/`([^`\n]+)`/g)].map(([, code = ""]) => code);
const linksOf = (text: string) => [...prose(text).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = ""]) => link);

/** Every variable a configuration may ask for is set. */
const anyVariables = new Proxy<Record<string, string>>({}, { get: (_, name) => exampleValue(String(name)) });

function exampleValue(name: string): string | undefined {
  if (["HOST", "PORT", "LOG_LEVEL"].includes(name)) return undefined;
  if (name === "DATABASE_URL") return "postgres://127.0.0.1/xjp";
  return name.endsWith("_URL") ? "http://127.0.0.1:9" : "example";
}

describe("links", () => {
  for (const page of pages) {
    test(`of ${page} lead to files that are there`, () => {
      const relative = linksOf(read(page)).filter((link) => !/^(?:https?:|#)/.test(link));
      const dead = relative.filter(
        (link) => !existsSync(join(root, dirname(page), link.split("#")[0] ?? "")),
      );
      expect(dead).toEqual([]);
    });
  }

  test("files of the tree that pages name are there", () => {
    const named = pages.flatMap((page) => inlineCode(read(page)).map((code) => ({ page, code })));
    const dead = named.filter(
      ({ code }) =>
        /^(?:src|test|bin|scripts)\/[\w./-]+$/.test(code) && !existsSync(join(root, withApi(code))),
    );
    expect(dead).toEqual([]);
  });
});

/** `src/protocols/API/...` stands for each of the rooms. */
function withApi(path: string): string {
  return path.replace("/API/", "/gemini/");
}

describe("examples", () => {
  test("are all listed in their README", () => {
    expect(examples.filter((name) => !read("examples/README.md").includes(`(${name})`))).toEqual([]);
  });

  for (const name of examples) {
    test(`${name} loads`, () => {
      const loaded = loadConfig({ path: join(root, "examples", name), environment: anyVariables });
      expect(Object.keys(loaded.config.connectors)).not.toEqual([]);
      expect(loaded.needsDemo).toBe(false);
    });
  }

  test("the configuration shown in the README loads", () => {
    const shown = fenced(read("README.md")).flatMap(([, kind, text]) => (kind === "yaml" ? [text] : []));
    expect(shown).toHaveLength(1);
    for (const text of shown) {
      const { config } = loadConfig({ text: text ?? "", environment: anyVariables });
      expect(Object.keys(config.models)).not.toEqual([]);
    }
  });
});

describe("the command line", () => {
  const invocation = /\bxjp(?:\.mjs)? (?:-- )?([a-z][a-z-]*)((?: [^`|\n]*)?)/g;

  test("commands and options that pages name are in `--help`", async () => {
    const usage = new Map<string, string>();
    for (const entry of commands) usage.set(entry.name, (await entry.load()).usage);
    const found = pages.flatMap((page) => {
      const text = read(page);
      // `keys list` in a sentence means `xjp keys list`.
      const spoken = inlineCode(text).map((code) =>
        usage.has(code.split(" ")[0] ?? "") ? `xjp ${code}` : code,
      );
      const code = [...blocks(text), ...spoken].join("\n");
      return [...code.matchAll(invocation)].map(([whole, name = "", rest = ""]) => {
        const help = usage.get(name);
        const isThere = help !== undefined && optionsOf(rest).every((option) => help.includes(option));
        return { place: `${page}: ${whole}`, name, isThere };
      });
    });
    expect(found.filter(({ isThere }) => !isThere).map(({ place }) => place)).toEqual([]);
    const told = new Set(found.map(({ name }) => name));
    expect([...usage.keys()].filter((name) => !told.has(name))).toEqual([]);
  });

  test("options that the README names alone belong to a command", async () => {
    const all = await Promise.all(commands.map(async (entry) => (await entry.load()).usage));
    const alone = inlineCode(read("README.md")).filter((code) => code.startsWith("--"));
    expect(alone).not.toEqual([]);
    expect(alone.filter((option) => !all.some((usage) => usage.includes(option)))).toEqual([]);
  });

  test("npm scripts that pages name can be run", () => {
    const scripts: Readonly<Record<string, string>> = packageJson.scripts;
    const named = pages.flatMap((page) =>
      [...read(page).matchAll(/\bnpm run (?:--silent )?([a-z]+)/g)].map(([, script = ""]) => ({
        page,
        script,
      })),
    );
    const dead = named.filter(({ script }) => {
      const file = /^node (\S+)/.exec(scripts[script] ?? "")?.[1];
      return file === undefined || !existsSync(join(root, file));
    });
    expect(dead).toEqual([]);
  });
});

function optionsOf(text: string): readonly string[] {
  return [...text.matchAll(/(?:^|\s)(--[a-z][a-z-]*)/g)].map(([, option = ""]) => option);
}

describe("README.md and README.zh-CN.md", () => {
  const [english, chinese] = [read("README.md"), read("README.zh-CN.md")];

  test("have the same sections in the same order", () => {
    const levels = (text: string) => [...prose(text).matchAll(/^(#+) /gm)].map(([, marks]) => marks);
    expect(levels(chinese)).toEqual(levels(english));
  });

  test("show the same commands and code", () => {
    // A diagram is read, not typed.
    const typed = (text: string) => blocks(text).filter((block) => !block.startsWith("```mermaid"));
    expect(typed(chinese)).toEqual(typed(english));
    expect(blocks(chinese)).toHaveLength(blocks(english).length);
    expect(inlineCode(chinese).toSorted()).toEqual(inlineCode(english).toSorted());
  });

  test("lead to the same pages", () => {
    const others = (text: string) => linksOf(text).filter((link) => !link.startsWith("README"));
    expect(others(chinese)).toEqual(others(english));
  });
});

describe("tables", () => {
  const rowsOf = (page: string, heading: string) => {
    const [, section = ""] = read(page).split(`\n## ${heading}\n`);
    const [own = ""] = section.split(/^## /m);
    return [...own.matchAll(/^\| `.*$/gm)].map(([row]) => row);
  };

  test("docs/errors.md lists every kind with its status, blame and retry", () => {
    const written = rowsOf("docs/errors.md", "Every kind").map((row) =>
      row.split("|").slice(1, 5).join("|").trim(),
    );
    const real = failureKinds.map((kind) => {
      const { status, blame, retry } = new Failure(kind, "");
      return `\`${kind}\` | ${status} | ${blame} | ${retry}`;
    });
    expect(new Set(written)).toEqual(new Set(real));
  });

  test("docs/operations.md lists every metric as it is served", async () => {
    const { registry } = createMetrics();
    const real = (await registry.getMetricsAsJSON()).map(({ name, type, help }) => {
      const labels = labelsOf(registry.getSingleMetric(name)).map((label) => `\`${label}\``);
      return `| \`${name}\` | ${type} | ${labels.join(", ")} | ${help} |`;
    });
    expect(rowsOf("docs/operations.md", "Metrics")).toEqual(real);
  });
});

/** prom-client keeps them on the metric without declaring them. */
function labelsOf(metric: object | undefined): readonly string[] {
  const names: unknown = metric && "labelNames" in metric ? metric.labelNames : [];
  return Array.isArray(names) ? names.map(String) : [];
}
