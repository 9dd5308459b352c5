/** Health, readiness and metrics. They take no key: a probe has none, and they say nothing of any tenant's content. */
import { timingSafeEqual } from "node:crypto";

export interface StatusPages {
  /** The answer where the URL is one of these. */
  answer(request: Request): Response | Promise<Response> | undefined;
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

const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

export function createStatusPages(sources: StatusSources): StatusPages {
  const state = { isDraining: false };
  return {
    answer(request) {
      if (request.method !== "GET" && request.method !== "HEAD") return undefined;
      // The data plane's URLs all have a second segment, so this costs a busy gateway one comparison.
      const path = request.url.slice(request.url.indexOf("/", request.url.indexOf("//") + 2));
      switch (path) {
        case "/healthz":
          return Response.json({ status: "alive" });
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

function ready(reason: string | undefined): Response {
  if (reason === undefined) return Response.json({ status: "ready" });
  return Response.json({ status: "unready", reason }, { status: 503 });
}

async function metrics(sources: StatusSources, request: Request): Promise<Response> {
  const token = sources.metricsToken();
  if (token !== undefined && !isSame(request.headers.get("authorization") ?? "", `Bearer ${token}`)) {
    return new Response("Show the metrics token as `Authorization: Bearer ...`.\n", { status: 401 });
  }
  return new Response(await sources.readMetrics(), { headers: { "content-type": METRICS_TYPE } });
}

function isSame(given: string, wanted: string): boolean {
  const [first, second] = [Buffer.from(given), Buffer.from(wanted)];
  return first.length === second.length && timingSafeEqual(first, second);
}
