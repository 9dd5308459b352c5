/**
 * The simulated provider: OpenAI, Anthropic, Gemini, Vertex, Clewdr and OpenRouter in one small server, whose
 * models do what their names say (demo-models.ts, fault.ts). It is the newcomer's first model, the tests' upstream
 * and the benchmark's target, so it tells the truth, fails on demand and costs almost nothing.
 *
 * It shares no protocol code with the gateway, on purpose: a mistake of ours has to show here.
 */
import { asObject, parseJson } from "#lib/json.ts";
import { AccessTokens } from "./access-tokens.ts";
import { writeModel, writeModelList } from "./demo-catalogue.ts";
import { FaultCounter } from "./fault.ts";
import { Generator } from "./generate.ts";
import { RequestLog, type LoggedRequest } from "./request-log.ts";
import { findRoute, guessApi, type Route } from "./routes.ts";
import { statusOf, VendorError, writeError } from "./vendor-error.ts";
import { VENDOR_HEADERS } from "./vendor-headers.ts";

export interface DemoOptions {
  /** Only this key is accepted; without it any key, or none, except `bad-key`. */
  readonly requireKey?: string;
}

export interface DemoUpstream {
  fetch(request: Request): Promise<Response>;
  serve(port: number, host?: string): { readonly port: number; stop(): Promise<void> };
}

export function createDemoUpstream(options: DemoOptions = {}): DemoUpstream {
  const server = new DemoServer(options);
  const fetch = (request: Request): Promise<Response> => server.answer(request);
  return {
    fetch,
    serve(port, host = "127.0.0.1") {
      const listener = Bun.serve({
        port,
        hostname: host,
        idleTimeout: 0,
        maxRequestBodySize: BODY_BYTES_MAX,
        fetch,
      });
      return { port: listener.port ?? port, stop: () => listener.stop(true) };
    },
  };
}

const BODY_BYTES_MAX = 128 * 1024 * 1024;
/** Refused everywhere, in the vendor's own words. */
const BAD_KEY = "bad-key";

class DemoServer {
  readonly #options: DemoOptions;
  readonly #log = new RequestLog();
  readonly #faults = new FaultCounter();
  readonly #tokens = new AccessTokens();
  readonly #generator = new Generator(this.#faults);

  constructor(options: DemoOptions) {
    this.#options = options;
  }

  async answer(request: Request): Promise<Response> {
    const path = readPath(request.url);
    const route = findRoute(path, request.headers);
    if (route?.does === "introspect") return this.#introspect(request.method, path);
    const entry = this.#log.add(request);
    try {
      const response = await this.#answerRoute(request, route, entry);
      entry.noteStatus(response.status);
      return response;
    } catch (error) {
      if (!(error instanceof VendorError)) throw error;
      entry.finish();
      const { api, house } = route ?? guessApi(path);
      const status = statusOf(error, house);
      entry.noteStatus(status);
      const headers = { ...VENDOR_HEADERS[house], ...error.detail.headers };
      return Response.json(writeError(error, api, house), { status, headers });
    }
  }

  async #answerRoute(request: Request, route: Route | undefined, entry: LoggedRequest): Promise<Response> {
    if (route === undefined || route.does === "introspect") {
      throw new VendorError("notFound", "Unknown request URL.");
    }
    if (request.method !== (route.does === "models" ? "GET" : "POST")) {
      throw new VendorError("method", `Not allowed to ${request.method} on this URL.`);
    }
    if (route.does === "token") {
      const text = await request.text();
      entry.noteBody(text);
      entry.finish();
      return this.#tokens.grant(new URLSearchParams(text));
    }
    this.#checkKey(request, route);
    if (route.does === "models") {
      const { api, house, id } = route;
      entry.finish();
      return Response.json(id === undefined ? writeModelList(api, house) : writeModel(id, api, house));
    }
    const text = await request.text();
    entry.noteBody(text);
    const replayed = this.#generator.replay(request, text, entry);
    if (replayed) return replayed;
    const body = asObject(parseJson(text));
    if (body === undefined) throw new VendorError("invalid", "The body of your request is not valid JSON.");
    return this.#generator.generate({ request, route, body, text, entry });
  }

  #checkKey(request: Request, route: Route): void {
    const key = readKey(request);
    const isGood =
      this.#options.requireKey === undefined ? key !== BAD_KEY : key === this.#options.requireKey;
    const isExpired = route.house === "vertex" && key !== undefined && this.#tokens.isExpired(key);
    if (isGood && !isExpired) return;
    throw new VendorError("unauthenticated", UNAUTHENTICATED_MESSAGES[route.house]);
  }

  #introspect(method: string, path: string): Response {
    switch (`${method} ${path}`) {
      case "GET /_demo/requests":
        return Response.json(this.#log.list());
      case "GET /_demo/stats":
        return Response.json({
          ...this.#log.stats(),
          faults: this.#faults.toJSON(),
          tokensIssued: this.#tokens.issued,
        });
      case "POST /_demo/reset":
        this.#log.clear();
        this.#faults.clear();
        this.#tokens.clear();
        return Response.json({ ok: true });
      case "POST /_demo/expire-tokens":
        this.#tokens.expireAll();
        return Response.json({ ok: true });
      case "GET /_demo/health":
        return Response.json({ ok: true });
      default:
        return Response.json({ error: "No such introspection route." }, { status: 404 });
    }
  }
}

const UNAUTHENTICATED_MESSAGES = {
  openai: "Incorrect API key provided. You can find your API key at the demo's own door.",
  anthropic: "invalid x-api-key",
  clewdr: "Key/Password Invalid",
  gemini: "API key not valid. Please pass a valid API key.",
  vertex: "Request had invalid authentication credentials. Expected OAuth 2 access token.",
  openrouter: "No auth credentials found",
} as const;

/** The path without origin and query, cheaper than parsing the URL. */
function readPath(url: string): string {
  const start = url.indexOf("/", url.indexOf("://") + 3);
  const query = url.indexOf("?", start);
  return query < 0 ? url.slice(start) : url.slice(start, query);
}

function readKey(request: Request): string | undefined {
  const { headers } = request;
  const bearer = headers.get("authorization");
  if (bearer !== null) return bearer.replace(/^Bearer\s+/i, "");
  const key = headers.get("x-api-key") ?? headers.get("x-goog-api-key");
  if (key !== null) return key;
  return request.url.includes("key=")
    ? (new URL(request.url).searchParams.get("key") ?? undefined)
    : undefined;
}
