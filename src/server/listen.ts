/**
 * The data port: opens it, answers health and metrics, and closes it so that no answer is cut that could have ended.
 *
 *   listening --SIGTERM--> draining (readyz 503, no new connections) --last answer or drainMs--> closed
 */
import type { Server } from "bun";
import { toFailure } from "#model/failure.ts";

export interface ListenOptions {
  readonly host: string;
  readonly port: number;
  /** How long open answers may go on after `close` is called. */
  readonly drainMs: number;
  readonly fetch: (request: Request) => Response | Promise<Response>;
  /** Answers are still open at the end of the drain: they should say so to their clients. */
  readonly onDrainOver: () => void;
  /** What no handler caught: a bug, to be logged. */
  readonly onBug: (error: unknown) => void;
}

export interface Listener {
  readonly url: string;
  readonly port: number;
  readonly isDraining: boolean;
  close(): Promise<void>;
}

/** Bun refuses bodies past its own bound without an API's error body, so ours must be the lower one. */
const BUN_BODY_BYTES_MAX = Number.MAX_SAFE_INTEGER;
const DRAIN_POLL_MS = 20;
/** For the last error events to leave before connections are cut: at least this long, for what is in a socket's buffer. */
const LAST_WORDS_MS = 100;
/** And at most this long, for a loaded machine; a client that does not read is not waited for beyond it. */
const LAST_WORDS_MS_MAX = 1_000;

export function listen(options: ListenOptions): Listener {
  let draining = false;
  const server: Server<undefined> = Bun.serve({
    hostname: options.host,
    port: options.port,
    // Its ten seconds of silence would cut a model that thinks; the gateway has its own deadlines.
    idleTimeout: 0,
    maxRequestBodySize: BUN_BODY_BYTES_MAX,
    fetch: options.fetch,
    error(error) {
      options.onBug(error);
      const failure = toFailure(error);
      return Response.json(
        { error: { message: failure.message, type: "server_error" } },
        { status: failure.status },
      );
    },
  });
  return {
    url: `http://${printableHost(options.host)}:${server.port}`,
    port: server.port ?? options.port,
    get isDraining() {
      return draining;
    },
    async close() {
      if (draining) return;
      draining = true;
      const isEmpty = server.stop();
      await untilAnswered(server, options.drainMs);
      if (server.pendingRequests > 0) {
        // A bug in one answer's last words must not keep the process from its orderly end.
        try {
          options.onDrainOver();
        } catch (error) {
          options.onBug(error);
        }
        await Bun.sleep(LAST_WORDS_MS);
        await untilAnswered(server, LAST_WORDS_MS_MAX - LAST_WORDS_MS);
      }
      await server.stop(true);
      await isEmpty;
    },
  };
}

async function untilAnswered(server: Server<undefined>, limitMs: number): Promise<void> {
  const deadlineMs = performance.now() + limitMs;
  while (server.pendingRequests > 0 && performance.now() < deadlineMs) await Bun.sleep(DRAIN_POLL_MS);
}

/** An address people can paste: the wildcard is reachable as localhost. */
function printableHost(host: string): string {
  if (host === "0.0.0.0" || host === "::") return "127.0.0.1";
  return host.includes(":") ? `[${host}]` : host;
}
