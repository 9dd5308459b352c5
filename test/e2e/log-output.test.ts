/** Log lines on their way out of a process whose reader is slow. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { until } from "../gateway/until.ts";

const LIFE_MS = 4_000;
/** More than a pipe holds, then a last line while the write of them waits for the reader. An exit would write it. */
const PROGRAM = `
  const { createLog } = await import(${JSON.stringify(join(import.meta.dir, "../../src/telemetry/log.ts"))});
  const log = createLog({ level: "info" });
  for (let line = 0; line < 224; line += 1) log.info({ line }, "x".repeat(1000));
  setTimeout(() => log.info("the last"), 50);
  setTimeout(() => process.exit(0), ${LIFE_MS});
`;

test("a line written while the reader stalls comes when it reads on, without another line behind it", async () => {
  const slowly = '"$0" -e "$1" | { sleep 0.6; cat; }';
  const reader = Bun.spawn(["sh", "-c", slowly, process.execPath, PROGRAM], { stdout: "pipe" });
  const startedMs = performance.now();
  let text = "";
  const decoder = new TextDecoder();
  const ended = reader.stdout.pipeTo(
    new WritableStream({ write: (bytes: Uint8Array) => void (text += decoder.decode(bytes)) }),
  );
  await until("the last line", () => text.includes("the last") || undefined);
  expect(performance.now() - startedMs).toBeLessThan(LIFE_MS);
  await ended;
});
