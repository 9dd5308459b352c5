import { describe, expect, test } from "bun:test";
import { loadConfig, type LoadedConfig } from "./load.ts";
import { listModels, resolveModel } from "./model-catalogue.ts";

const SETUPS: Readonly<Record<string, string>> = {
  openrouter: "openrouter: { type: openrouter, api_key: k }",
  vertex: "vertex: { type: vertex, project: p }",
  express: "express: { type: vertex, api_key: k }",
  clewdr: "clewdr: { type: clewdr }",
  anthropic: "anthropic: { type: anthropic, api_key: k }",
  openai: "openai: { type: openai, api_key: k }",
  gemini: "gemini: { type: gemini, api_key: k }",
  demo: "demo: { type: demo }",
  ollama: 'ollama: { type: openai-compatible, base_url: "http://h/v1" }',
};

function withConnectors(names: string, more = ""): LoadedConfig {
  const connectors = names.split(" ").map((name) => `  ${SETUPS[name] ?? ""}`);
  return loadConfig({ text: ["connectors:", ...connectors, more].join("\n"), environment: {} });
}

describe("a name that is not listed", () => {
  const all = "openrouter vertex clewdr anthropic openai gemini demo ollama";
  const cases: readonly (readonly [string, string, string | undefined])[] = [
    // By connector.
    [all, "ollama/llama3:8b", "ollama/llama3:8b"],
    [all, "openrouter/meta-llama/llama-4:free", "openrouter/meta-llama/llama-4:free"],
    [all, "openrouter/openrouter/auto", "openrouter/openrouter/auto"],
    [all, "openrouter/auto", "openrouter/openrouter/auto"],
    [all, "openrouter/claude-sonnet-4-5", "openrouter/anthropic/claude-sonnet-4.5"],
    [all, "anthropic/claude-sonnet-4.5", "anthropic/claude-sonnet-4-5"],
    [all, "ollama/", undefined],
    // Claude: its maker, then Clewdr, Vertex, OpenRouter.
    [all, "claude-opus-4-6", "anthropic/claude-opus-4-6"],
    ["openrouter vertex clewdr", "claude-opus-4-6", "clewdr/claude-opus-4-6"],
    ["openrouter vertex", "claude-opus-4.6", "vertex/claude-opus-4-6"],
    ["openrouter", "claude-sonnet-4-5-20250929", "openrouter/anthropic/claude-sonnet-4.5"],
    ["openrouter", "claude-3-5-sonnet-20241022", "openrouter/anthropic/claude-3.5-sonnet"],
    ["openrouter", "claude-sonnet-5", "openrouter/anthropic/claude-sonnet-5"],
    ["openai", "claude-opus-4-6", undefined],
    ["express openrouter", "claude-opus-4-6", "openrouter/anthropic/claude-opus-4.6"],
    ["express openrouter", "gemini-2.5-pro", "express/gemini-2.5-pro"],
    // A project's own endpoints are not open to requests.
    ["vertex", "vertex/endpoints/123", undefined],
    // OpenAI.
    [all, "gpt-4o", "openai/gpt-4o"],
    [all, "o3-mini", "openai/o3-mini"],
    [all, "text-embedding-3-small", "openai/text-embedding-3-small"],
    ["openrouter", "gpt-4o", "openrouter/openai/gpt-4o"],
    ["anthropic", "gpt-4o", undefined],
    // Gemini.
    [all, "gemini-2.5-pro", "gemini/gemini-2.5-pro"],
    ["vertex openrouter", "gemini-2.5-pro", "vertex/gemini-2.5-pro"],
    ["openrouter", "gemini-2.5-pro", "openrouter/google/gemini-2.5-pro"],
    // The demo's own names only: a mistyped model must not be answered by a demo.
    [all, "demo", "demo/demo"],
    [all, "demo-fault-500-x1", "demo/demo-fault-500-x1"],
    ["demo", "gpt-4o", undefined],
    ["demo", "demonstration", undefined],
    // Names of OpenRouter's form, and a lone server of one's own.
    ["openrouter openai", "meta-llama/llama-4", "openrouter/meta-llama/llama-4"],
    ["openai", "meta-llama/llama-4", undefined],
    ["ollama", "llama3", "ollama/llama3"],
    ["ollama openai", "llama3", undefined],
    // Nothing to be found, whatever it is called.
    [all, "", undefined],
    [all, "/", undefined],
    [all, "__proto__/x", "openrouter/__proto__/x"],
    [all, "constructor", undefined],
    [all, "toString/x", "openrouter/toString/x"],
  ];
  test.each(cases)("with %s, %p goes to %p", (names, model, target) => {
    const resolved = resolveModel(withConnectors(names), model);
    expect(resolved?.targets.map(({ id }) => id)).toEqual(target === undefined ? undefined : [target]);
    expect(resolved?.isListed ?? false).toBe(false);
  });

  test("is refused where models are listed, unless that is allowed", () => {
    const models = "models: { fast: { targets: [{ connector: openai, model: gpt-4o }] } }";
    expect(resolveModel(withConnectors("openai", models), "gpt-4o")).toBeUndefined();
    const allowing = withConnectors("openai", `${models}\nunlisted_models: allow`);
    expect(resolveModel(allowing, "gpt-4o")?.targets[0]?.id).toBe("openai/gpt-4o");
  });
});

describe("a listed model", () => {
  const loaded = withConnectors(
    "openai vertex",
    `models:
  fast:
    strategy: weighted
    targets:
      - { connector: openai, model: gpt-4o, weight: 3 }
      - { connector: vertex, model: claude-x, publisher: anthropic }
    timeouts_ms: { connect: 1, idle: 2 }
    retry: { attempts_max: 2 }
    aliases: [quick, openai/gpt-4o]
  slow: { targets: [{ connector: openai, model: o3 }] }`,
  );

  test("is found by name and alias, under its own name", () => {
    for (const name of ["fast", "quick", "openai/gpt-4o"]) {
      expect(resolveModel(loaded, name)).toBe(loaded.models.get("fast"));
    }
    expect(resolveModel(loaded, "quick")?.logicalModel).toBe("fast");
  });

  test("has its own settings and the defaults of the rest", () => {
    expect(resolveModel(loaded, "fast")).toEqual({
      logicalModel: "fast",
      isListed: true,
      strategy: "weighted",
      targets: [
        { id: "openai/gpt-4o", connector: "openai", model: "gpt-4o", weight: 3 },
        { id: "vertex/claude-x", connector: "vertex", model: "claude-x", weight: 1, publisher: "anthropic" },
      ],
      timeouts: { connectMs: 1, firstTokenMs: 120_000, idleMs: 2, totalMs: 1_200_000 },
      retry: { attemptsMax: 2, backoffMs: 250, backoffMaxMs: 4000 },
      breaker: {
        failureRatio: 0.5,
        requestsMin: 5,
        windowMs: 30_000,
        cooldownMs: 5_000,
        cooldownMaxMs: 60_000,
      },
    });
  });

  test("is listed once, however many aliases it has", () => {
    expect(listModels(loaded)).toEqual([
      { id: "fast", ownedBy: "openai" },
      { id: "slow", ownedBy: "openai" },
    ]);
  });
});

test("without listed models the list shows what the connectors are known to serve, each name once", () => {
  const ids = listModels(withConnectors("anthropic clewdr demo")).map(({ id }) => id);
  expect(ids).toContain("claude-opus-5");
  expect(ids).toContain("demo");
  expect(new Set(ids).size).toBe(ids.length);
});

test("the built-in demo is there beside listed models, and nothing else is", () => {
  const models = "models: { fast: { targets: [{ connector: openai, model: gpt-4o }] } }";
  const text = `connectors: { openai: { type: openai, api_key: k } }\n${models}`;
  const loaded = loadConfig({ text, environment: {}, demo: true });
  expect(resolveModel(loaded, "demo-tools")?.targets[0]?.id).toBe("demo/demo-tools");
  expect(resolveModel(loaded, "gpt-4o")).toBeUndefined();
  expect(listModels(loaded).map(({ id }) => id)).toEqual(expect.arrayContaining(["fast", "demo"]));
  expect(listModels(loaded).map(({ id }) => id)).not.toContain("gpt-4o");
});

test("a configured model hides the connector's of the same name, which is listed once, first", () => {
  const models = "models: { demo: { targets: [{ connector: ollama, model: m }] } }\nunlisted_models: allow";
  const loaded = withConnectors("demo ollama", models);
  const listed = listModels(loaded);
  expect(listed.filter(({ id }) => id === "demo")).toEqual([{ id: "demo", ownedBy: "ollama" }]);
  expect(listed.map(({ id }) => id).slice(0, 2)).toEqual(["demo", "demo-lorem-100"]);
});

test("a demo connector of the file's own serves only what is listed", () => {
  const models = "models: { fast: { targets: [{ connector: demo, model: demo }] } }";
  const loaded = withConnectors("demo", models);
  expect(resolveModel(loaded, "demo-tools")).toBeUndefined();
  expect(listModels(loaded).map(({ id }) => id)).toEqual(["fast"]);
});

test("whatever the list shows can be asked for", () => {
  const loaded = withConnectors("openrouter vertex clewdr anthropic openai gemini demo");
  for (const { id } of listModels(loaded)) expect(resolveModel(loaded, id), id).toBeDefined();
});
