/** The one executable of `npm run build`: it serves, and its rows reach the database through its thread. */
import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { callApi } from "../gateway/call-api.ts";
import { freshFolder, startServe } from "./start-process.ts";

const root = join(import.meta.dir, "..", "..");
const MINUTE_MS = 60_000;

test(
  "the built executable answers, writes its rows and ends in order",
  async () => {
    await using folder = await freshFolder();
    const executable = join(folder.path, "xjp");
    const build = Bun.spawn(["node", join(root, "scripts", "build.mjs"), executable], {
      stdout: "ignore",
      stderr: "pipe",
    });
    expect({ code: await build.exited, stderr: await build.stderr.text() }).toMatchObject({ code: 0 });
    expect(await readdir(folder.path)).toEqual(["xjp"]);
    const running = await startServe(folder.path, ["--demo"], { command: [executable] });
    const key = /XJP_[\w-]{43}/.exec(running.stdout())?.[0] ?? "";
    const response = await callApi(
      { url: running.url, key },
      { api: "openai-chat", model: "demo", stream: true },
    );
    expect(await response.text()).toContain("[DONE]");
    running.kill("SIGTERM");
    expect(await running.exited).toBe(0);
    using database = new Database(join(folder.path, "data", "xjp.db"));
    const kinds = database.query("SELECT kind, outcome FROM usage_logs ORDER BY kind").all();
    expect(kinds).toEqual([
      { kind: "attempt", outcome: "ok" },
      { kind: "request", outcome: "ok" },
    ]);
  },
  MINUTE_MS,
);
