/**
 * Starts the simulated provider as a process of its own, as an upstream is in life, and stops it by its handle.
 *
 *   const demo = await startDemoUpstream();
 *   ... fetch(`${demo.url}/v1/chat/completions`) ...
 *   await demo.stop();
 */
import { join } from "node:path";
import { asArray, asObject, parseJson, type Json, type JsonObject } from "#lib/json.ts";

export interface RunningDemo {
  readonly url: string;
  readonly port: number;
  /** What it was asked lately, the oldest first. */
  requests(): Promise<readonly SeenRequest[]>;
  /** Forgets requests, fault counters and access tokens. */
  reset(): Promise<void>;
  stop(): Promise<void>;
}

export interface SeenRequest {
  readonly number: number;
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Parsed where it was JSON. */
  readonly body: Json;
  readonly model?: string;
  readonly fault?: string;
  readonly status?: number;
  readonly finished: boolean;
  readonly aborted: boolean;
  /** Wall-clock milliseconds with fractions; compare with `performance.timeOrigin + performance.now()`. */
  readonly receivedAtMs: number;
  readonly finishedAtMs?: number;
  readonly abortedAtMs?: number;
}

const READY = /http:\/\/127\.0\.0\.1:(\d+)/;
const program = join(import.meta.dir, "..", "..", "src", "demo", "run.ts");

export async function startDemoUpstream(
  options: { readonly requireKey?: string } = {},
): Promise<RunningDemo> {
  const key = options.requireKey === undefined ? [] : [options.requireKey];
  const child = Bun.spawn([process.execPath, program, "0", ...key], { stdout: "pipe", stderr: "inherit" });
  const port = await readPort(child.stdout);
  const url = `http://127.0.0.1:${port}`;
  return {
    url,
    port,
    requests: async () => asArray(parseJson(await ask(url, "GET", "requests"))).map(toSeenRequest),
    reset: async () => {
      await ask(url, "POST", "reset");
    },
    stop: async () => {
      child.kill();
      await child.exited;
    },
  };
}

async function readPort(stdout: ReadableStream<Uint8Array>): Promise<number> {
  let printed = "";
  const decoder = new TextDecoder();
  const reader = stdout.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) throw new Error(`the demo upstream ended before it was ready: ${printed}`);
    printed += decoder.decode(value, { stream: true });
    const match = READY.exec(printed);
    if (match) return Number(match[1]);
  }
}

async function ask(url: string, method: string, name: string): Promise<string> {
  const response = await fetch(`${url}/_demo/${name}`, { method });
  return await response.text();
}

function toSeenRequest(value: Json): SeenRequest {
  const entry: JsonObject = asObject(value) ?? {};
  // The one place that trusts the demo's own JSON.
  return entry as unknown as SeenRequest;
}
