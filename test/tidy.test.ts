/** The rules that make the house liveable, as far as a machine can see them: layers, names, sizes, habits. */
import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";

const root = join(import.meta.dir, "..");
const LINES_MAX = 400;

/** Folder of src -> folders it may import. `lib` and `model` know nothing above them. */
const layers: Readonly<Record<string, readonly string[]>> = {
  lib: [],
  model: ["lib"],
  protocols: ["model", "lib"],
  config: ["model", "lib"],
  telemetry: ["health", "model", "lib"],
  health: ["model", "lib"],
  store: ["model", "lib"],
  ledger: ["store", "model", "lib"],
  limits: ["store", "model", "lib"],
  connectors: ["protocols", "config", "model", "lib"],
  gateway: [
    "protocols",
    "connectors",
    "health",
    "limits",
    "ledger",
    "store",
    "telemetry",
    "config",
    "model",
    "lib",
  ],
  server: ["gateway", "admin", "protocols", "model", "lib"],
  // A second opinion on the wire formats: were it to share code with the gateway, a mistake would agree with itself.
  demo: ["lib"],
  cli: [
    "app",
    "config",
    "store",
    "ledger",
    "demo",
    "server",
    "telemetry",
    "connectors",
    "gateway",
    "model",
    "lib",
  ],
};

interface Source {
  readonly path: string;
  readonly folder: string;
  readonly lines: readonly string[];
  readonly text: string;
}

function read(folder: string): readonly Source[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry): readonly Source[] => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return ["node_modules", "recordings"].includes(entry.name) ? [] : read(path);
    if (!path.endsWith(".ts") || path.endsWith(".d.ts")) return [];
    const text = readFileSync(join(root, path), "utf8");
    return [{ path, folder: path.split("/")[1] ?? "", lines: text.split("\n"), text }];
  });
}

const all = ["src", "test", "bench"].flatMap((folder) =>
  readdirSync(root).includes(folder) ? read(folder) : [],
);
const sources = all.filter(({ path }) => path.startsWith("src/"));
const shipped = sources.filter(({ path }) => !path.endsWith(".test.ts"));

/** `path:line` of every line that breaks a rule, so a failure names the places. */
function offenders(
  files: readonly Source[],
  isWrong: (line: string, file: Source, index: number) => boolean,
): string[] {
  return files.flatMap((file) =>
    file.lines.flatMap((line, index) =>
      isWrong(line, file, index) ? [`${file.path}:${index + 1} ${line.trim()}`] : [],
    ),
  );
}

const IMPORT = /^(?:import|export)\b.*from "([^"]+)"|^\} from "([^"]+)"|\bimport\("([^"]+)"\)/;
const importOf = (line: string) => {
  const match = IMPORT.exec(line);
  return match?.[1] ?? match?.[2] ?? match?.[3];
};

describe("layers", () => {
  test("a folder imports only the folders below it", () => {
    const wrong = offenders(shipped, (line, file) => {
      const imported = importOf(line);
      if (!imported?.startsWith("#") || file.path === "src/app.ts" || file.path === "src/main.ts")
        return false;
      const target = imported.slice(1).split("/")[0] ?? "";
      return target !== file.folder && !(layers[file.folder] ?? []).includes(target);
    });
    expect(wrong).toEqual([]);
  });

  test("imports across folders show the layer: `#folder/...`, never `../`", () => {
    const wrong = offenders(sources, (line) => {
      const imported = importOf(line);
      // The composition root has no layer of its own.
      return imported?.startsWith("..") === true && !/\.json$|^\.\.\/app\.ts$/.test(imported);
    });
    expect(wrong).toEqual([]);
  });

  test("one protocol's room does not know another's", () => {
    const wrong = offenders(shipped, (line, file) => {
      const room = /^src\/protocols\/([^/]+)\//.exec(file.path)?.[1];
      const target = /^#protocols\/([^/]+)\//.exec(importOf(line) ?? "")?.[1];
      return room !== undefined && target !== undefined && target !== room;
    });
    expect(wrong).toEqual([]);
  });
});

describe("names", () => {
  test("files are kebab-case and named for what they hold", () => {
    const wrong = all
      .map(({ path }) => basename(path).replace(/(\.test)?\.ts$/, ""))
      .filter(
        (name) =>
          !/^[a-z0-9]+(-[a-z0-9]+)*$/.test(name) || /\b(utils?|helpers?|common|manager|service)\b/.test(name),
      );
    expect(wrong).toEqual([]);
  });

  test("no abbreviations for what has a name", () => {
    const wrong = offenders(shipped, (line) =>
      /\b(const|let|readonly|function) (req|res|msg|cfg|ctx|err|cb|tmp|idx)\b/.test(line),
    );
    expect(wrong).toEqual([]);
  });
});

describe("files", () => {
  test(`none has more than ${LINES_MAX} lines`, () => {
    expect(
      all
        .filter(({ lines }) => lines.length > LINES_MAX + 1)
        .map(({ path, lines }) => `${path} ${lines.length}`),
    ).toEqual([]);
  });

  test("each begins with what it is for", () => {
    expect(
      shipped.filter(({ text }) => !text.startsWith("/**") && !text.startsWith("//")).map(({ path }) => path),
    ).toEqual([]);
  });

  test("none is a barrel", () => {
    expect(offenders(shipped, (line) => line.startsWith("export * "))).toEqual([]);
  });

  test("unit tests sit beside a file that exists, or stand in test/", () => {
    const paths = new Set(all.map(({ path }) => path));
    const folders = new Set(shipped.map(({ path }) => dirname(path)));
    const orphans = sources
      .filter(({ path }) => path.endsWith(".test.ts"))
      .filter(({ path }) => !paths.has(path.replace(".test.ts", ".ts")) && !folders.has(dirname(path)));
    expect(orphans.map(({ path }) => path)).toEqual([]);
  });

  test("the path of a request stays under forty lines", () => {
    const handle = shipped.find(({ path }) => path === "src/gateway/handle.ts");
    const body = handle?.text.slice(handle.text.indexOf("export async function handle")) ?? "";
    expect(body).not.toBe("");
    expect(body.split("\n").length).toBeLessThan(40);
  });
});

describe("habits", () => {
  test("the process ends in main.ts only", () => {
    expect(
      offenders(
        shipped,
        (line, { path }) =>
          /\bprocess\.exit\b/.test(line) &&
          path !== "src/main.ts" &&
          !line.trim().startsWith("*") &&
          !line.trim().startsWith("/*"),
      ),
    ).toEqual([]);
  });

  test("the request path and its mechanisms take clock, chance and network from the World", () => {
    const pure = new Set([
      "gateway",
      "protocols",
      "health",
      "limits",
      "ledger",
      "model",
      "connectors",
      "config",
    ]);
    const wrong = offenders(
      shipped,
      (line, { folder }) =>
        pure.has(folder) &&
        /\b(Date\.now\(|Math\.random\(|setTimeout\(|setInterval\(|performance\.now\(|[^.\w]fetch\(`)/.test(
          line,
        ),
    );
    expect(wrong).toEqual([]);
  });

  test("nothing is left for later, nothing is switched off", () => {
    expect(
      offenders(
        all,
        (line, { path }) =>
          // This very line names what it forbids, so its own file is left out.
          /\b(TODO|FIXME|XXX)\b|\.(skip|only|todo)\(|@ts-(ignore|expect-error|nocheck)/.test(line) &&
          path !== "test/tidy.test.ts",
      ),
    ).toEqual([]);
  });

  test("a type assertion stands beside its reason", () => {
    const wrong = offenders(shipped, (line, file, index) => {
      if (
        !/[\w)\]}] as (?!const\b)[A-Za-z{(]/.test(line) ||
        /^\s*(\*|\/\/|import|export \{|\})/.test(line) ||
        /["'`].* as .*["'`]/.test(line)
      )
        return false;
      return !file.lines
        .slice(Math.max(0, index - 3), index + 1)
        .some((near) => near.includes("//") || near.includes("*/"));
    });
    expect(wrong).toEqual([]);
  });

  test("no state at module level", () => {
    expect(offenders(shipped, (line) => /^(export )?(let|var) /.test(line))).toEqual([]);
  });
});
