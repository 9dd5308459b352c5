/** What a start prints: where the gateway is, with which key, and a line to paste. */
import type { App } from "../app.ts";
import type { LoadedConfig } from "#config/load.ts";
import type { Listener } from "#server/listen.ts";
import type { Io } from "./command.ts";

const FIRST_TENANT = "default";
const PLACEHOLDER = "$XJP_KEY";

export interface BannerContext {
  readonly app: App;
  readonly listener: Listener;
  readonly loaded: LoadedConfig;
  readonly io: Io;
}

/** Makes the first key where there is none: its secret is shown this once. */
export async function printBanner({ app, listener, loaded, io }: BannerContext): Promise<void> {
  const keys = await app.keys.list({ onlyUsable: true });
  const oldest = keys.at(-1);
  const created = oldest
    ? undefined
    : await app.keys.create({ tenantId: FIRST_TENANT, description: "first key" });
  const model = app.world.settings().models[0]?.id ?? "MODEL";
  const key = created?.key ?? oldest;
  const lines = [
    "",
    "  XiaojinPro Gateway is ready",
    "",
    `  Base URL   ${listener.url}`,
    created
      ? `  Key        ${created.secret}   (shown this once; id ${created.key.id})`
      : `  Key        ${key?.keyPrefix}...   (id ${key?.id}; lost it? ${io.env["XJP_COMMAND"] ?? "xjp"} keygen ${key?.tenantId})`,
    `  Models     ${modelLine(app, loaded)}`,
    "",
    ...curl(listener.url, created?.secret ?? PLACEHOLDER, model),
    "",
  ];
  io.stdout.write(`${lines.join("\n")}\n`);
}

const MODELS_SHOWN = 6;

function modelLine(app: App, { config }: LoadedConfig): string {
  const { models } = app.world.settings();
  const names = models.slice(0, MODELS_SHOWN).map((model) => model.id);
  const more = models.length > MODELS_SHOWN ? `, ... (${models.length} in all: GET /v1/models)` : "";
  const providers = Object.keys(config.connectors).join(", ");
  return `${names.join(", ")}${more}   via ${providers}`;
}

function curl(url: string, key: string, model: string): readonly string[] {
  const body = JSON.stringify({ model, stream: true, messages: [{ role: "user", content: "Hello!" }] });
  return [
    "  Paste this:",
    "",
    `  curl -N ${url}/v1/chat/completions -H "Authorization: Bearer ${key}" -H "content-type: application/json" -d '${body}'`,
  ];
}
