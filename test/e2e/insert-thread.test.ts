/**
 * The thread that inserts rows is there before the first request. Started by the first rows, it would find no
 * descriptor left in a flood of connections, and the process would die of it.
 */
import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { until } from "../gateway/until.ts";
import { childrenOf, freshFolder, startServe } from "./start-process.ts";

test("a gateway nobody has asked yet has started it, and still ends at once", async () => {
  await using folder = await freshFolder();
  const running = await startServe(folder.path);
  const [gateway] = await childrenOf(running.pid);
  const names = (): readonly string[] =>
    readdirSync(`/proc/${gateway}/task`).map((id) =>
      readFileSync(`/proc/${gateway}/task/${id}/comm`, "utf8").trim(),
    );
  await until("the thread", () => names().includes("Worker") || undefined);
  running.kill("SIGTERM");
  expect(await running.exited).toBe(0);
}, 30_000);
