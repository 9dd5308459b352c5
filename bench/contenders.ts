/**
 * Who is compared, all in front of the same simulated provider: nginx as the floor, the gateway with everything on,
 * Portkey. Each is one process; nginx has no worker beside itself.
 */
import { join } from "node:path";
import { startChild, freePort, type Child } from "./child.ts";

export interface Contender {
  readonly child: Child;
  readonly headers: Readonly<Record<string, string>>;
  /** What a lane's model is called here; undefined where it cannot translate by model name. */
  readonly model: (lane: Lane) => string | undefined;
}

/** `whole` answers at once; the others stream a token every 20 ms (`idle`: every second; `warm`: as fast as they can). */
export type Lane =
  | "whole"
  | "whole-anthropic"
  | "stream"
  | "stream-anthropic"
  | "stream-gemini"
  | "warm"
  | "warm-anthropic"
  | "warm-gemini"
  | "idle";

export interface Contenders {
  readonly direct: Contender;
  readonly nginx: Contender;
  readonly gateway: Contender;
  readonly portkey: Contender;
}

/** The provider's own names: 150 tokens make about 1 KB of JSON. */
const upstreamModels = {
  whole: "demo-lorem-150",
  "whole-anthropic": "demo-lorem-150",
  stream: "demo-lorem-3000-d20",
  "stream-anthropic": "demo-lorem-3000-d20",
  "stream-gemini": "demo-lorem-3000-d20",
  warm: "demo-lorem-300",
  "warm-anthropic": "demo-lorem-300",
  "warm-gemini": "demo-lorem-300",
  idle: "demo-lorem-120-d1000",
} as const;

const root = join(import.meta.dir, "..");

/** Started one after another and ended with the stack, in whatever way the run ends. */
export async function startContenders(folder: string, stack: AsyncDisposableStack): Promise<Contenders> {
  const upstreamPort = await freePort();
  const start = async (options: Parameters<typeof startChild>[0]) => stack.use(await startChild(options));
  const upstream = await start({
    name: "upstream",
    folder,
    port: upstreamPort,
    command: [process.execPath, join(root, "src/demo/run.ts"), String(upstreamPort)],
  });
  const nginxPort = await freePort();
  const nginxConfig = join(folder, "nginx.conf");
  await Bun.write(nginxConfig, nginxText({ port: nginxPort, upstreamPort, folder }));
  const nginx = await start({
    name: "nginx",
    folder,
    port: nginxPort,
    command: ["nginx", "-p", folder, "-c", nginxConfig],
  });
  const portkeyPort = await freePort();
  const portkey = await start({
    name: "portkey",
    folder,
    port: portkeyPort,
    env: { TRUSTED_CUSTOM_HOSTS: "127.0.0.1,localhost", NODE_ENV: "production" },
    command: [
      "node",
      join(root, "bench/node_modules/@portkey-ai/gateway/build/start-server.js"),
      `--port=${portkeyPort}`,
      "--headless",
    ],
  });
  const plain = {
    headers: { authorization: "Bearer demo" },
    model: (lane: Lane) =>
      lane.endsWith("anthropic") || lane.endsWith("gemini") ? undefined : upstreamModels[lane],
  };
  const portkeyHeaders = {
    ...plain.headers,
    "x-portkey-provider": "openai",
    "x-portkey-custom-host": `http://127.0.0.1:${upstreamPort}/v1`,
  };
  return {
    direct: { ...plain, child: upstream },
    nginx: { ...plain, child: nginx },
    gateway: await startGateway(folder, { upstreamPort, start }),
    portkey: { ...plain, child: portkey, headers: portkeyHeaders },
  };
}

interface GatewayStart {
  readonly upstreamPort: number;
  readonly start: (options: Parameters<typeof startChild>[0]) => Promise<Child>;
}

/** The command line as people run it: key with limits and budget, journal, SQLite, metrics, the log in a file. */
async function startGateway(folder: string, { upstreamPort, start }: GatewayStart): Promise<Contender> {
  const port = await freePort();
  const config = join(folder, "gateway.yaml");
  await Bun.write(config, gatewayText({ port, upstreamPort, folder }));
  const launcher = join(root, "bin/xjp.mjs");
  const key = Bun.spawnSync(
    [
      "node",
      launcher,
      "keygen",
      "bench",
      "benchmark",
      "100000000",
      "1000000000",
      "--tpm=1000000000000",
      "--concurrency=100000",
      "--budget-usd=1000000",
      `--database=sqlite:${folder}/xjp.db`,
      "--json",
    ],
    { cwd: folder },
  );
  if (key.exitCode !== 0) throw new Error(`keygen failed: ${key.stderr.toString()}`);
  const child = await start({
    name: "gateway",
    folder,
    port,
    isLauncher: true,
    command: ["node", launcher, "serve", "--config", config],
  });
  return {
    child,
    headers: { authorization: `Bearer ${JSON.parse(key.stdout.toString()).secret}` },
    model: (lane) => lane,
  };
}

function gatewayText({ port, upstreamPort, folder }: { port: number; upstreamPort: number; folder: string }) {
  const connectorOf = (lane: string) => /-(anthropic|gemini)$/.exec(lane)?.[1] ?? "openai";
  const models = Object.entries(upstreamModels).map(
    ([lane, model]) => `  ${lane}: { targets: [{ connector: ${connectorOf(lane)}, model: ${model} }] }`,
  );
  const prices = Object.entries(upstreamModels).map(
    ([lane, model]) => `  ${connectorOf(lane)}/${model}: { input_usd_per_mtok: 1, output_usd_per_mtok: 2 }`,
  );
  return `server: { host: 127.0.0.1, port: ${port}, drain_ms: 100 }
database: { url: "sqlite:${folder}/xjp.db" }
journal: { folder: "${folder}/journal" }
connectors:
  openai: { type: openai, api_key: demo, base_url: "http://127.0.0.1:${upstreamPort}/v1" }
  anthropic: { type: anthropic, api_key: demo, base_url: "http://127.0.0.1:${upstreamPort}" }
  gemini: { type: gemini, api_key: demo, base_url: "http://127.0.0.1:${upstreamPort}" }
models:
${models.join("\n")}
prices:
${[...new Set(prices)].join("\n")}
`;
}

function nginxText({ port, upstreamPort, folder }: { port: number; upstreamPort: number; folder: string }) {
  return `daemon off;
master_process off;
pid ${folder}/nginx.pid;
error_log ${folder}/nginx-error.log;
events { worker_connections 4096; }
http {
  access_log off;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  keepalive_requests 1000000000;
  upstream provider {
    server 127.0.0.1:${upstreamPort};
    keepalive 64;
    keepalive_requests 1000000000;
  }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://provider;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
    }
  }
}
`;
}
