/** The first minutes with the gateway, as a newcomer has them: real processes, empty folders, nothing configured. */
import { expect, test } from "bun:test";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { until } from "../gateway/until.ts";
import { childrenOf, freshFolder, isAlive, runToEnd, startServe } from "./start-process.ts";

const MINUTE_MS = 60_000;

test(
  "a start in an empty folder prints what works when pasted; a second start keeps the key and hides its secret; Ctrl-C ends it cleanly",
  async () => {
    await using folder = await freshFolder();
    const first = await startServe(folder.path);
    const [, secret = "", id = ""] =
      /Key\s+(XJP_[\w-]{43})\s+\(shown this once; id (\S+)\)/.exec(first.stdout()) ?? [];
    expect(secret).not.toBe("");
    const curl =
      first
        .stdout()
        .split("\n")
        .find((line) => line.trim().startsWith("curl ")) ?? "";
    const pasted = await Bun.$`sh -c ${curl}`.quiet().text();
    expect(pasted).toContain("Hello");
    expect(pasted).toContain("[DONE]");
    const bun = await childrenOf(first.pid);
    expect(bun).toHaveLength(1);
    // A terminal sends Ctrl-C to the whole group.
    for (const pid of [first.pid, ...bun]) process.kill(pid, "SIGINT");
    expect(await first.exited).toBe(0);
    expect(bun.filter(isAlive)).toEqual([]);

    const second = await startServe(folder.path);
    expect(second.stdout()).toContain(id);
    expect(second.stdout()).not.toContain(secret);
    const answer = await fetch(`${second.url}/v1/models`, { headers: { authorization: `Bearer ${secret}` } });
    expect(answer.status).toBe(200);
    const processes = await childrenOf(second.pid);
    second.kill("SIGTERM");
    expect(await second.exited).toBe(0);
    expect(processes.filter(isAlive)).toEqual([]);
  },
  MINUTE_MS,
);

test(
  "a port that is taken gives one clear line and exit code 1",
  async () => {
    await using folder = await freshFolder();
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const port = typeof address === "object" ? String(address?.port) : "";
    const ended = await runToEnd(folder.path, ["serve", "--host", "127.0.0.1", "--port", port]);
    server.close();
    expect(ended.exitCode).toBe(1);
    expect(ended.stderr.trim().split("\n")).toHaveLength(1);
    expect(ended.stderr).toContain(`Port ${port} of 127.0.0.1 is in use.`);
    expect(ended.stderr).not.toContain("report it");
  },
  MINUTE_MS,
);

test(
  "a bad config tells its first mistakes, and how many there are, and ends with exit code 1",
  async () => {
    await using folder = await freshFolder();
    const path = join(folder.path, "bad.yaml");
    await writeFile(
      path,
      "server: { prot: 1 }\nconnectors:\n  a: { type: nonsense }\nmodels:\n  m: { targets: [{ connector: nowhere, model: x }] }\n  k: { targets: [] }\n",
    );
    const ended = await runToEnd(folder.path, ["serve", "--config", path]);
    expect(ended.exitCode).toBe(1);
    for (const mistake of ["4 mistakes", "prot", "connectors.a", "models.m", "1 more"])
      expect(ended.stderr).toContain(mistake);
    const misused = await runToEnd(folder.path, ["serve", "--port", "many"]);
    expect(misused.exitCode).toBe(2);
  },
  MINUTE_MS,
);

test(
  "SIGHUP reloads the file and says so, and what waits for a restart; a bad file keeps the old configuration",
  async () => {
    await using folder = await freshFolder();
    const path = join(folder.path, "xjp.yaml");
    const yaml = (name: string) =>
      `connectors: { d: { type: demo } }\nmodels: { ${name}: { targets: [{ connector: d, model: demo }] } }\n`;
    await writeFile(path, yaml("before"));
    const running = await startServe(folder.path, ["--config", path]);
    const secret = /XJP_[\w-]{43}/.exec(running.stdout())?.[0] ?? "";
    const listed = async () =>
      await (
        await fetch(`${running.url}/v1/models`, { headers: { authorization: `Bearer ${secret}` } })
      ).text();
    expect(await listed()).toContain('"before"');
    await writeFile(path, `server: { drain_ms: 7 }\n${yaml("after")}`);
    running.kill("SIGHUP");
    await until("the new model", async () => ((await listed()).includes('"after"') ? true : undefined));
    await until("the reload in the log", () =>
      running.stdout().includes('"these settings wait for a restart: server.drain_ms"') ? true : undefined,
    );
    expect(running.stdout()).toContain('"config reloaded"');
    await writeFile(path, "models: 7\n");
    running.kill("SIGHUP");
    await until("the refusal in the log", () =>
      running.stdout().includes("config not reloaded") ? true : undefined,
    );
    expect(await listed()).toContain('"after"');
    running.kill("SIGTERM");
    expect(await running.exited).toBe(0);
  },
  MINUTE_MS,
);
