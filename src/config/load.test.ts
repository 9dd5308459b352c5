import { describe, expect, test } from "bun:test";
import { inspect } from "node:util";
import { Secret } from "#lib/secret.ts";
import { loadConfig, type LoadedConfig } from "./load.ts";
import { ConfigError, formatMistake } from "./mistake.ts";

const CONTRACT_EXAMPLE = `
server: { host: 0.0.0.0, port: 8080 }
database: { url: sqlite:./data/xjp.db }
connectors:
  openrouter: { type: openrouter, api_key: "\${OPENROUTER_API_KEY}" }
  vertex:     { type: vertex, project: my-proj, region: us-central1 }          # ADC, or api_key
  clewdr:     { type: clewdr, base_url: "http://127.0.0.1:8484", api_key: "secret-password" }
  local:      { type: openai-compatible, base_url: "http://127.0.0.1:9000/v1", api_key: sk-x, protocol: openai-chat }
models:
  claude-sonnet-4.5:
    strategy: priority            # priority | weighted | latency | cost
    targets:
      - { connector: clewdr,     model: claude-sonnet-4-5 }
      - { connector: openrouter, model: anthropic/claude-sonnet-4.5, weight: 3 }
      - { connector: vertex,     model: claude-sonnet-4-5@20250929, publisher: anthropic }
    timeouts_ms: { connect: 3000, first_token: 30000, idle: 30000, total: 600000 }
    retry: { attempts_max: 4, backoff_ms: 250, backoff_max_ms: 4000 }
    aliases: [claude-sonnet-4-5, claude-sonnet-4-5-20250929]
prices: { "local/my-model": { input_usd_per_mtok: 0.5, output_usd_per_mtok: 1.5 } }
`;

function load(text: string, environment: Record<string, string> = {}): LoadedConfig {
  return loadConfig({ text, environment });
}

/** The mistakes of a file, as a person sees them. */
function mistakesOf(text: string, environment: Record<string, string> = {}): readonly string[] {
  try {
    load(text, environment);
  } catch (error) {
    if (error instanceof ConfigError) return error.mistakes.map((mistake) => formatMistake(mistake));
    throw error;
  }
  return [];
}

test("the contract's example loads as it is written", () => {
  const { config, needsDemo } = load(CONTRACT_EXAMPLE, { OPENROUTER_API_KEY: "sk-or-1" });
  const { openrouter, clewdr } = config.connectors;
  expect(openrouter?.type === "openrouter" && openrouter.api_key.reveal()).toBe("sk-or-1");
  expect(clewdr?.type === "clewdr" && clewdr.api_key?.reveal()).toBe("secret-password");
  expect(config.models["claude-sonnet-4.5"]?.targets.map(({ weight }) => weight)).toEqual([1, 3, 1]);
  expect(needsDemo).toBe(false);
});

test("no key is seen in a printed configuration", () => {
  const loaded = load(CONTRACT_EXAMPLE, { OPENROUTER_API_KEY: "sk-or-1" });
  const printed = inspect(loaded, { depth: 20 }) + JSON.stringify(loaded.config);
  for (const secret of ["sk-or-1", "secret-password", "sk-x"]) expect(printed).not.toContain(secret);
  expect(printed).toContain("[secret]");
});

test("an empty file is a complete configuration with the demo connector", () => {
  const { config, needsDemo } = load("");
  expect(config.connectors).toMatchObject({ demo: { type: "demo" } });
  expect(config.server).toMatchObject({ host: "0.0.0.0", port: 8080 });
  expect(needsDemo).toBe(true);
});

describe("variables", () => {
  const file = (port: string, key = "k") =>
    `server: { port: "${port}" }\nconnectors: { a: { type: openai, api_key: "${key}" } }`;

  test("fill strings, numbers and parts of strings", () => {
    const { config } = load(file("${P}", "a-${K}-${L:-z}"), { P: "9000", K: "1" });
    expect(config.server.port).toBe(9000);
    const { a } = config.connectors;
    expect(a?.type === "openai" && a.api_key.reveal()).toBe("a-1-z");
  });

  test("a key that looks like a number stays text", () => {
    const { a } = load(file("1".replace("1", "${P}"), "${K}"), { P: "1", K: "12345" }).config.connectors;
    expect(a?.type === "openai" && a.api_key).toBeInstanceOf(Secret);
    expect(a?.type === "openai" && a.api_key.reveal()).toBe("12345");
  });

  test("a default stands in where the variable is missing or empty", () => {
    expect(load(file("${P:-7000}")).config.server.port).toBe(7000);
    expect(load(file("${P:-7000}"), { P: "" }).config.server.port).toBe(7000);
  });

  test("cannot become YAML", () => {
    const { config } = load('log: { level: info }\nconnectors: { a: { type: openai, api_key: "${K}" } }', {
      K: "x}#:[",
    });
    const { a } = config.connectors;
    expect(a?.type === "openai" && a.api_key.reveal()).toBe("x}#:[");
  });

  test("a missing one is an error that names it, once", () => {
    expect(mistakesOf(file("1", "${NOWHERE}"))).toContainEqual(
      "2: connectors.a.api_key: environment variable NOWHERE is not set; set it, or write ${NOWHERE:-default}",
    );
    expect(mistakesOf(file("1", "${NOWHERE}")).filter((line) => line.includes("api_key"))).toHaveLength(1);
  });

  test("text that no variable brought is no number", () => {
    expect(mistakesOf('server: { port: "9000" }')).toEqual([
      "1: server.port: expected number, received string",
    ]);
  });

  test("a variable that is no number is an error without its content", () => {
    expect(mistakesOf('server: { port: "${P}" }', { P: "hunter2" })).toEqual([
      "1: server.port: expected number, received string",
    ]);
  });
});

describe("mistakes", () => {
  test("all are reported at once, in the order of the file", () => {
    const text = `server:
  port: 70000
  prot: 1
connectors:
  a: { type: openai }
  b: { type: nonsense }
  c: { type: openai-compatible, base_url: "ftp://x" }
models:
  fast:
    targets:
      - { connector: nowhere, model: m }
      - { connector: c, model: m, weight: 0 }
    aliases: [slow]
  slow: { targets: [] }
`;
    const found = mistakesOf(text);
    const expected = [
      "2: server.port: must be at most 65535",
      "3: server.prot: unknown field",
      "5: connectors.a.api_key: is missing",
      "6: connectors.b.type: must be openrouter, vertex, clewdr, anthropic, openai, gemini, openai-compatible or demo",
      "7: connectors.c.base_url:",
      "11: models.fast.targets[0].connector: unknown connector 'nowhere'; there are: a, b, c",
      "12: models.fast.targets[1].weight: must be above 0",
      "13: models.fast.aliases[0]: 'slow' is a model of its own; remove this alias, or rename one of the two",
      "14: models.slow.targets: needs at least one",
    ];
    expect(found.map((line, index) => line.slice(0, expected[index]?.length))).toEqual(expected);
  });

  const connectors = 'connectors: { c: { type: openai-compatible, base_url: "http://h/v1" } }\n';
  const cases: readonly (readonly [string, string, string])[] = [
    ["unknown top-level field", "modles: {}", "modles: unknown field"],
    [
      "a repeated model",
      `${connectors}models:\n  a:\n    targets: [{ connector: c, model: m }]\n  a:\n    targets: [{ connector: c, model: n }]\n`,
      "models.a: is written twice",
    ],
    [
      "a repeated alias",
      `${connectors}models:\n  a: { targets: [{ connector: c, model: m }], aliases: [x] }\n  b: { targets: [{ connector: c, model: m }], aliases: [x] }\n`,
      "models.b.aliases[0]: 'x' is an alias of model 'a' already; remove one of the two",
    ],
    [
      "an alias of its own name",
      `${connectors}models: { a: { targets: [{ connector: c, model: m }], aliases: [a] } }`,
      "'a' is a name of this model already",
    ],
    [
      "a name no request can carry",
      `${connectors}models: { " a ": { targets: [{ connector: c, model: m }] } }`,
      "can never match",
    ],
    [
      "a target written twice",
      `${connectors}models: { a: { targets: [{ connector: c, model: m }, { connector: c, model: m }] } }`,
      "'c/m' is a target already",
    ],
    [
      "a publisher elsewhere than on Vertex",
      `${connectors}models: { a: { targets: [{ connector: c, model: m, publisher: p }] } }`,
      "only Vertex has publishers",
    ],
    ["Vertex without project and key", "connectors: { v: { type: vertex } }", "needs a project"],
    [
      "Claude in express mode",
      "connectors: { v: { type: vertex, api_key: k } }\nmodels: { a: { targets: [{ connector: v, model: claude-x }] } }",
      "express mode",
    ],
    [
      "a price of an unknown connector",
      'prices: { "x/m": { input_usd_per_mtok: 1, output_usd_per_mtok: 1 } }',
      "unknown connector 'x'",
    ],
    [
      "a price without a connector",
      "prices: { m: { input_usd_per_mtok: 1, output_usd_per_mtok: 1 } }",
      "Write connector/model",
    ],
    [
      "a negative price",
      `${connectors}prices: { "c/m": { input_usd_per_mtok: -1, output_usd_per_mtok: 1 } }`,
      "input_usd_per_mtok",
    ],
    [
      "credentials in a URL",
      'connectors: { c: { type: openai-compatible, base_url: "http://u:p@h/v1" } }',
      "without user",
    ],
    [
      "a query in a URL",
      'connectors: { c: { type: openai-compatible, base_url: "http://h/v1?x=1" } }',
      "without user, query",
    ],
    [
      "a relative URL",
      "connectors: { c: { type: openai-compatible, base_url: h/v1 } }",
      "connectors.c.base_url",
    ],
    ["a key with a line end", 'connectors: { c: { type: openai, api_key: "a\\nb" } }', "printable ASCII"],
    [
      "a header that belongs to the connector",
      'connectors: { c: { type: demo, headers: { Authorization: "x" } } }',
      "belongs to the connector",
    ],
    [
      "a header value with a line end",
      'connectors: { c: { type: demo, headers: { x-a: "x\\r\\ny: z" } } }',
      "printable ASCII on one line",
    ],
    [
      "a referer that no header can hold",
      'connectors: { c: { type: openrouter, api_key: k, referer: "https://m\u00fcnchen.example" } }',
      "printable ASCII",
    ],
    ["a connector name with a slash", "connectors: { a/b: { type: demo } }", "Use letters"],
    ["a database nobody knows", "database: { url: mysql://x }", "postgres://"],
    ["broken YAML", "server: { port: [", "1: not valid YAML from here on: Unexpected"],
    [
      "broken YAML further down",
      "a: 1\n# why\nb: [1,\n  2]\n\n c: 3\nd: 4\n",
      "6: not valid YAML from here on",
    ],
    ["a bracket left open", "server:\n  port: {a\nlog: {}\n", "2: not valid YAML from here on"],
    ["broken YAML too long to look through", `a: [\n${"b: 1\n".repeat(600)}`, "not valid YAML: Unexpected"],
    ["no type", "connectors: { c: {} }", "connectors.c.type: must be openrouter, vertex,"],
    [
      "a word that is none of those",
      "log: { level: loud }",
      "log.level: must be trace, debug, info, warn, error, fatal or silent",
    ],
    ["half a port", "server: { port: 1.5 }", "server.port: expected whole number, received number"],
    ["a section that is none", "server: 7", "server: expected mapping, received number"],
    ["a list that is none", "media: { allow_hosts: x }", "media.allow_hosts: expected list, received string"],
    [
      "a field left empty",
      "connectors: { c: { type: openai, api_key: } }",
      "expected string, received nothing",
    ],
    ["a list as the file", "- a", "must be a mapping"],
    ["connectors that are no mapping", "connectors: [a]", "connectors:"],
  ];
  test.each(cases)("%s", (_, text, message) => {
    expect(mistakesOf(text).join("\n")).toContain(message);
  });

  test("a file that cannot be read is a mistake too", () => {
    expect(() => loadConfig({ path: "/nowhere/xjp.yaml", environment: {} })).toThrow(
      /nowhere\/xjp.yaml.*ENOENT/s,
    );
  });

  test("values of keys are never in a message", () => {
    expect(
      mistakesOf('connectors: { a: { type: openai, api_key: "sk-very private" } }').join(),
    ).not.toContain("sk-very");
  });
});

describe("without a file", () => {
  const cases: readonly (readonly [Record<string, string>, Record<string, unknown>])[] = [
    [{}, { demo: { type: "demo" } }],
    [
      { OPENROUTER_API_KEY: "k" },
      { openrouter: { type: "openrouter", base_url: "https://openrouter.ai/api/v1" } },
    ],
    [
      { VERTEX_PROJECT: "p", VERTEX_REGION: "europe-west4" },
      { vertex: { type: "vertex", project: "p", region: "europe-west4" } },
    ],
    [{ VERTEX_API_KEY: "k" }, { vertex: { type: "vertex" } }],
    [{ CLEWDR_API_KEY: "k" }, { clewdr: { type: "clewdr", base_url: "http://127.0.0.1:8484" } }],
    [{ CLEWDR_URL: "http://h:1/" }, { clewdr: { type: "clewdr", base_url: "http://h:1" } }],
    [
      { ANTHROPIC_API_KEY: "k", OPENAI_API_KEY: "k" },
      { anthropic: { type: "anthropic" }, openai: { type: "openai" } },
    ],
    [{ GEMINI_API_KEY: "k" }, { gemini: { type: "gemini" } }],
    [{ OPENAI_API_KEY: " " }, { demo: { type: "demo" } }],
  ];
  test.each(cases)("%p brings up its connectors and no others", (environment, expected) => {
    const { connectors } = loadConfig({ environment }).config;
    expect(connectors).toMatchObject(expected);
    expect(Object.keys(connectors)).toEqual(Object.keys(expected));
  });

  test("--demo adds the demo connector to what is configured", () => {
    const { config } = loadConfig({ environment: { OPENAI_API_KEY: "k" }, demo: true });
    expect(Object.keys(config.connectors)).toEqual(["openai", "demo"]);
  });

  test("host, port, database and log level of the environment come before the file's", () => {
    const environment = { PORT: "9001", DATABASE_URL: "postgres://h/d", LOG_LEVEL: "debug" };
    const text = "server: { port: 1, host: 127.0.0.1 }\nlog: { level: warn }";
    expect(load(text, environment).config).toMatchObject({
      server: { host: "127.0.0.1", port: 9001 },
      database: { url: "postgres://h/d" },
      log: { level: "debug" },
    });
    expect(loadConfig({ environment: { HOST: "::1" } }).config.server.host).toBe("::1");
  });

  test("a mistake of the environment names the variable, and no line of the file", () => {
    const text = "server:\n  port: 1\nlog: { level: warn }\n";
    expect(mistakesOf(text, { PORT: "http", LOG_LEVEL: "loud" })).toEqual([
      "server.port (PORT): expected number, received string",
      "log.level (LOG_LEVEL): must be trace, debug, info, warn, error, fatal or silent",
    ]);
    expect(mistakesOf("", { CLEWDR_URL: "ftp://x" }).join()).toStartWith(
      "connectors.clewdr.base_url (CLEWDR_URL): Must be",
    );
    expect(mistakesOf('server:\n  port: "${NOWHERE}"\n', { PORT: "1" }).join()).toStartWith(
      "2: server.port: environment variable NOWHERE is not set",
    );
    const own = "connectors:\n  clewdr: { type: clewdr, base_url: ftp://x }";
    expect(mistakesOf(own, { CLEWDR_URL: "http://h" }).join()).toStartWith(
      "2: connectors.clewdr.base_url: Must be",
    );
  });
});

test("a file without connectors takes the environment's", () => {
  const { config } = load("log: { level: warn }", { OPENAI_API_KEY: "k" });
  expect(Object.keys(config.connectors)).toEqual(["openai"]);
});
