/** Whole answers as fast as they come, by wrk over 32 connections. */
import { join } from "node:path";
import type { Contender, Lane } from "./contenders.ts";
import { requestFor } from "./request-text.ts";

export interface UnaryLoad {
  readonly processorUs: number;
  readonly requestsPerSecond: number;
}

const CONNECTIONS = 32;
/** What a contender still does for requests already answered belongs to them: rows to SQL, lines to the log. */
const AFTERWORK_MS = 400;

/** Throws where an answer was no 2xx: a refusal is cheap and would flatter. */
export async function loadUnary(
  contender: Contender,
  { lane, seconds, folder }: { readonly lane: Lane; readonly seconds: number; readonly folder: string },
): Promise<UnaryLoad> {
  const { child } = contender;
  const script = join(folder, "wrk.lua");
  await Bun.write(script, toLua(requestFor(contender, lane)));
  const beforeNs = child.processorNs();
  const wrk = Bun.spawn(
    [
      "wrk",
      "-t1",
      `-c${CONNECTIONS}`,
      `-d${seconds}s`,
      "--timeout",
      "10s",
      "-s",
      script,
      `http://127.0.0.1:${child.port}`,
    ],
    { stdout: "pipe", stderr: "pipe" },
  );
  const text = await wrk.stdout.text();
  await wrk.exited;
  await Bun.sleep(AFTERWORK_MS);
  const processorNs = child.processorNs() - beforeNs;
  const requests = Number(/(\d+) requests in/.exec(text)?.[1] ?? 0);
  if (requests === 0 || /Non-2xx|Socket errors/.test(text))
    throw new Error(`${child.name} failed under load:\n${text}`);
  return { processorUs: processorNs / requests / 1000, requestsPerSecond: requests / seconds };
}

function toLua({ path, headers, body }: ReturnType<typeof requestFor>): string {
  const lines = Object.entries(headers).map(([name, value]) => `wrk.headers["${name}"] = "${value}"`);
  return `wrk.method = "POST"
wrk.path = "${path}"
wrk.body = [==[${body}]==]
${lines.join("\n")}
`;
}
