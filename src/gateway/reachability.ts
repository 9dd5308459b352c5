/**
 * The connect deadline. `fetch` does not tell when its connection stands, only when headers come, and an LLM may
 * think for minutes before those. So the first call to an origin that has not answered lately is accompanied by a
 * bare TCP connection: where that one is not accepted in time, the origin is not there.
 */
import type { Clock } from "#lib/clock.ts";
import { Failure } from "#model/failure.ts";

/** An origin that answered this recently is not probed again. */
const FRESH_MS = 10_000;

export interface Reachability {
  /** Rejects with `timeout` or `upstream_broken` where the origin takes no connection; undefined: known to be there. */
  check(url: string, timeoutMs: number): Promise<void> | undefined;
  /** Headers came. */
  answered(url: string): void;
}

/** Opens and closes a TCP connection. Rejects where it is refused; hangs where packets vanish. */
export type Connect = (host: string, port: number) => { readonly opened: Promise<void>; close(): void };

export function createReachability(clock: Clock, connect: Connect): Reachability {
  /** Bounded by the origins in config. */
  const answeredAtMs = new Map<string, number>();
  return {
    check(url, timeoutMs) {
      const origin = originOf(url);
      const lastMs = answeredAtMs.get(origin);
      if (lastMs !== undefined && clock.monotonicMs() - lastMs < FRESH_MS) return undefined;
      return probe(clock, connect, new URL(url), timeoutMs);
    },
    answered(url) {
      answeredAtMs.set(originOf(url), clock.monotonicMs());
    },
  };
}

async function probe(clock: Clock, connect: Connect, url: URL, timeoutMs: number): Promise<void> {
  const port = url.port === "" ? (url.protocol === "https:" ? 443 : 80) : Number(url.port);
  const connection = connect(url.hostname.replace(/^\[|\]$/g, ""), port);
  const deadline = Promise.withResolvers<never>();
  const timer = clock.schedule(timeoutMs, () =>
    deadline.reject(
      new Failure("timeout", `The upstream took no connection within ${timeoutMs} ms.`, { code: "connect" }),
    ),
  );
  try {
    await Promise.race([connection.opened, deadline.promise]);
  } finally {
    timer.cancel();
    connection.close();
  }
}

/** `https://host:port` by slicing: `new URL` on every request would cost more than the whole check. */
function originOf(url: string): string {
  const end = url.indexOf("/", url.indexOf("//") + 2);
  return end < 0 ? url : url.slice(0, end);
}
