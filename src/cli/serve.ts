/** `xjp serve`: the gateway itself. */
import { createApp, type App } from "../app.ts";
import { loadConfig, type LoadedConfig } from "#config/load.ts";
import { watchConfig } from "#config/reload.ts";
import { waitingForRestart } from "#config/waiting-for-restart.ts";
import type { Config } from "#config/schema.ts";
import { createDemoUpstream } from "#demo/demo-upstream.ts";
import { systemClock } from "#lib/clock.ts";
import { ConnectionPool } from "#lib/connection-pool.ts";
import { createFetchClient } from "#lib/fetch-client.ts";
import type { HttpClient } from "#lib/http-client.ts";
import { resolveHost } from "#lib/safe-fetch.ts";
import { Turn } from "#lib/turn.ts";
import { listen, type Listener, type ListenOptions } from "#server/listen.ts";
import { openDatabase } from "#store/database.ts";
import { createLog, flushLog, type Log } from "#telemetry/log.ts";
import { exitCodes, parseArguments, UsageError, type Command, type Io } from "./command.ts";
import { namingDatabase } from "./naming-database.ts";
import { printBanner } from "./serve-banner.ts";

const PORT_MAX = 65_535;

export const serve: Command = {
  name: "serve",
  summary: "start the gateway",
  usage: `xjp serve [--config FILE] [--port N] [--host H] [--demo]

  --config FILE   configuration (default: XJP_CONFIG; without one, connectors whose
                  environment variables are set come up by themselves)
  --port N        data port (default: config, PORT, 8080); 0 takes any free one
  --host H        address (default: config, HOST, 0.0.0.0)
  --demo          add the built-in demo upstream; it is there anyway where nothing is configured
`,
  runsUntilStopped: true,
  async run(given, io) {
    const { values } = parseArguments(given, {
      options: {
        config: { type: "string" },
        port: { type: "string" },
        host: { type: "string" },
        demo: { type: "boolean", default: false },
      },
      positionalsMax: 0,
    });
    const environment = withOverrides(io.env, values);
    const path = values.config ?? (io.env["XJP_CONFIG"] || undefined);
    const source = { environment, demo: values.demo, ...(path !== undefined && { path }) };
    await runGateway(loadConfig(source), source, io);
    return exitCodes.done;
  },
};

/** The command line wins over the file, as the environment does not: so it is kept apart from it. */
function withOverrides(
  env: Io["env"],
  values: { readonly port?: string | undefined; readonly host?: string | undefined },
): Io["env"] {
  if (values.port !== undefined) parsePort(values.port);
  return {
    ...env,
    ...(values.port !== undefined && { PORT: values.port }),
    ...(values.host !== undefined && { HOST: values.host }),
  };
}

function parsePort(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port <= PORT_MAX && text !== "") return port;
  throw new UsageError(`--port must be 0 to ${PORT_MAX}, not "${text}".`);
}

async function runGateway(
  loaded: LoadedConfig,
  source: Parameters<typeof loadConfig>[0],
  io: Io,
): Promise<void> {
  const { config } = loaded;
  const log = createLog({ level: config.log.level });
  await using stack = new AsyncDisposableStack();
  stack.defer(() => flushLog(log));
  const { url } = config.database;
  const database = await namingDatabase(url, () => openDatabase(url));
  stack.defer(() => database.close());
  const demo = loaded.needsDemo ? createDemoUpstream().serve(0, "127.0.0.1") : undefined;
  stack.defer(async () => demo?.stop());
  const turn = new Turn();
  const app = await createApp({
    loaded,
    database,
    clock: systemClock,
    random: Math.random,
    http: createHttpClient(io.env, turn),
    fetch: patientFetch,
    media: { fetch: (url, init) => fetch(url, init), resolve: resolveHost },
    variables: io.env,
    log,
    ...(demo && { demoUrl: `http://127.0.0.1:${demo.port}` }),
  });
  stack.defer(() => app.close());
  stack.use(tellBeforeExit(() => app.world.telemetry.flush()));
  const listener = openPort(loaded, app, {
    turn,
    onBug: (error) => log.error({ err: error }, "bug outside a request"),
  });
  stack.defer(() => listener.close());
  stack.use(
    source.path === undefined
      ? ignoreHangup((message) => log.info(message))
      : reloadOnChange(source, { app, started: config, log }),
  );
  await printBanner({ app, listener, loaded, io });
  await stopped(io.signal);
  log.info("draining: no new requests, answers under way may end");
  app.status.drain();
  await Bun.sleep(config.server.drain_delay_ms);
}

/** Bun's own five minutes would cut a long answer; the gateway's deadlines rule. */
function patientFetch(url: string, init: RequestInit): Promise<Response> {
  return fetch(url, { ...init, timeout: false });
}

const PROXY_VARIABLES = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"];

/** Where the environment names a proxy, requests go the way of `fetch`, which finds it. */
function createHttpClient(environment: Io["env"], turn: Turn): HttpClient {
  const named = PROXY_VARIABLES.flatMap((name) => [environment[name], environment[name.toLowerCase()]]);
  const hasProxy = named.some((url) => url !== undefined && url !== "");
  return hasProxy ? createFetchClient(patientFetch) : new ConnectionPool(systemClock, turn);
}

/** An exit by an uncaught error writes the log's buffer; requests that wait to be told come before that. */
function tellBeforeExit(flush: () => void): Disposable {
  process.prependListener("exit", flush);
  return { [Symbol.dispose]: () => process.off("exit", flush) };
}

/** Without a file there is nothing to reload, and the signal's default would end the process in mid-answer. */
function ignoreHangup(tell: (message: string) => void): Disposable {
  const onHangup = () => tell("SIGHUP: there is no config file to reload");
  process.on("SIGHUP", onHangup);
  return { [Symbol.dispose]: () => process.off("SIGHUP", onHangup) };
}

function openPort(
  loaded: LoadedConfig,
  app: App,
  { turn, onBug }: Required<Pick<ListenOptions, "turn" | "onBug">>,
): Listener {
  const { host, port, drain_ms: drainMs } = loaded.config.server;
  return listen({
    host,
    port,
    drainMs,
    turn,
    answer: (request) => app.answer(request),
    onDrainOver: () => app.cutAnswers(),
    onBug,
  });
}

function reloadOnChange(
  source: Parameters<typeof loadConfig>[0],
  { app, started, log }: { readonly app: App; readonly started: Config; readonly log: Log },
): Disposable {
  const watcher = watchConfig(source, {
    onLoaded: (loaded) => {
      app.reload(loaded);
      log.info("config reloaded");
      const waiting = waitingForRestart(started, loaded.config);
      if (waiting.length > 0) log.warn(`these settings wait for a restart: ${waiting.join(", ")}`);
    },
    onRejected: (error) => log.warn(`config not reloaded, the old one stays in force: ${error.message}`),
  });
  const onHangup = () => watcher.reload();
  process.on("SIGHUP", onHangup);
  return {
    [Symbol.dispose]() {
      process.off("SIGHUP", onHangup);
      watcher.close();
    },
  };
}

function stopped(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
