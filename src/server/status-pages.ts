/** Health, readiness and metrics. They take no key: a probe has none, and they say nothing of any tenant's content. */
import { timingSafeEqual } from "node:crypto";
import { jsonReply, type IncomingRequest, type OutgoingReply } from "#lib/http-server.ts";

export interface StatusPages {
  /** The answer where the URL is one of these. */
  answer(request: IncomingRequest): OutgoingReply | Promise<OutgoingReply> | undefined;
  /** From now on `/readyz` says 503, so that a balancer sends no more. */
  drain(): void;
}

export interface StatusSources {
  readMetrics(): Promise<string>;
  /** What a scraper must show; undefined: anybody may read. */
  metricsToken(): string | undefined;
  /** Why nothing can be served, if so. */
  unreadyReason(): string | undefined;
}

const TEXT_TYPE = "text/plain; charset=utf-8";
const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

export function createStatusPages(sources: StatusSources): StatusPages {
  const state = { isDraining: false };
  return {
    answer(request) {
      if (request.method !== "GET" && request.method !== "HEAD") return undefined;
      switch (request.target) {
        case "/healthz":
          return jsonReply(200, { status: "alive" });
        case "/readyz":
          return ready(state.isDraining ? "draining" : sources.unreadyReason());
        case "/metrics":
          return metrics(sources, request);
        default:
          return undefined;
      }
    },
    drain() {
      state.isDraining = true;
    },
  };
}

function ready(reason: string | undefined): OutgoingReply {
  if (reason === undefined) return jsonReply(200, { status: "ready" });
  return jsonReply(503, { status: "unready", reason });
}

async function metrics(sources: StatusSources, request: IncomingRequest): Promise<OutgoingReply> {
  const token = sources.metricsToken();
  if (token !== undefined && !isSame(request.headers.get("authorization") ?? "", `Bearer ${token}`)) {
    return {
      status: 401,
      headers: { "content-type": TEXT_TYPE },
      body: "Show the metrics token as `Authorization: Bearer ...`.\n",
    };
  }
  return { status: 200, headers: { "content-type": METRICS_TYPE }, body: await sources.readMetrics() };
}

function isSame(given: string, wanted: string): boolean {
  const [first, second] = [Buffer.from(given), Buffer.from(wanted)];
  return first.length === second.length && timingSafeEqual(first, second);
}
