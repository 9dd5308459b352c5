/** Every URL of the simulated provider on one screen, each with the API it speaks and whose manners it has. */
import type { Api, House } from "./conversation.ts";
import { decodePercent } from "./read-fields.ts";

export type Route =
  | {
      readonly does: "generate" | "count";
      readonly api: Api;
      readonly house: House;
      /** Where the path names the model; the body does elsewhere. */
      readonly model?: string;
      /** Where the path says so; the body's `stream` does elsewhere. */
      readonly isStream?: boolean;
    }
  | { readonly does: "embed"; readonly api: "chat"; readonly house: House; readonly model?: undefined }
  | {
      readonly does: "embed";
      readonly api: "gemini";
      readonly house: House;
      readonly model: string;
      /** One content, a list of such requests, or a list of instances. */
      readonly shape: "one" | "batch" | "predict";
    }
  | { readonly does: "models"; readonly api: Api; readonly house: House; readonly id?: string }
  | { readonly does: "token"; readonly api: "chat"; readonly house: "openai" }
  | { readonly does: "introspect"; readonly api: "chat"; readonly house: "openai" };

/** The paths that say everything. */
const FIXED: ReadonlyMap<string, Route> = new Map<string, Route>([
  ["/v1/chat/completions", { does: "generate", api: "chat", house: "openai" }],
  ["/v1/responses", { does: "generate", api: "responses", house: "openai" }],
  ["/v1/responses/input_tokens", { does: "count", api: "responses", house: "openai" }],
  ["/v1/embeddings", { does: "embed", api: "chat", house: "openai" }],
  ["/v1/messages", { does: "generate", api: "anthropic", house: "anthropic" }],
  ["/v1/messages/count_tokens", { does: "count", api: "anthropic", house: "anthropic" }],
  ["/code/v1/messages", { does: "generate", api: "anthropic", house: "clewdr" }],
  ["/code/v1/messages/count_tokens", { does: "count", api: "anthropic", house: "clewdr" }],
  ["/code/v1/models", { does: "models", api: "chat", house: "clewdr" }],
  ["/api/v1/chat/completions", { does: "generate", api: "chat", house: "openrouter" }],
  ["/api/v1/responses", { does: "generate", api: "responses", house: "openrouter" }],
  ["/api/v1/messages", { does: "generate", api: "anthropic", house: "openrouter" }],
  ["/api/v1/embeddings", { does: "embed", api: "chat", house: "openrouter" }],
  ["/api/v1/models", { does: "models", api: "chat", house: "openrouter" }],
  ["/token", { does: "token", api: "chat", house: "openai" }],
]);

const VERTEX =
  /^\/v1(?:beta1)?\/(?:projects\/[^/]+\/locations\/[^/]+\/)?publishers\/(google|anthropic)\/models\/(.+):(\w+)$/;
const AI_STUDIO = /^\/v1(?:alpha|beta)?\/(?:models|tunedModels)\/(.+):(\w+)$/;
const GEMINI_MODELS = /^\/v1(?:alpha|beta)\/models(?:\/(.+))?$/;
const OPENAI_MODELS = /^\/(code\/)?v1\/models(?:\/(.+))?$/;

export function findRoute(path: string, headers: Headers): Route | undefined {
  const fixed = FIXED.get(path);
  if (fixed) return fixed;
  if (path.startsWith("/_demo/")) return { does: "introspect", api: "chat", house: "openai" };
  const vertex = VERTEX.exec(path);
  if (vertex) return findVertexRoute(vertex[1] ?? "", decodePercent(vertex[2] ?? ""), vertex[3] ?? "");
  const studio = AI_STUDIO.exec(path);
  if (studio) return findGeminiRoute("gemini", decodePercent(studio[1] ?? ""), studio[2] ?? "");
  const geminiModels = GEMINI_MODELS.exec(path);
  if (geminiModels) return { does: "models", api: "gemini", house: "gemini", ...readId(geminiModels[1]) };
  const models = OPENAI_MODELS.exec(path);
  if (!models) return undefined;
  if (models[1] !== undefined) return { does: "models", api: "chat", house: "clewdr", ...readId(models[2]) };
  const isAnthropic = headers.has("anthropic-version");
  return {
    does: "models",
    api: isAnthropic ? "anthropic" : "chat",
    house: isAnthropic ? "anthropic" : "openai",
    ...readId(models[2]),
  };
}

function readId(encoded: string | undefined): { readonly id?: string } {
  return encoded === undefined ? {} : { id: decodePercent(encoded) };
}

function findVertexRoute(publisher: string, model: string, method: string): Route | undefined {
  if (publisher === "google") return findGeminiRoute("vertex", model, method);
  if (method === "rawPredict") {
    if (model === "count-tokens") return { does: "count", api: "anthropic", house: "vertex" };
    return { does: "generate", api: "anthropic", house: "vertex", model, isStream: false };
  }
  if (method !== "streamRawPredict") return undefined;
  return { does: "generate", api: "anthropic", house: "vertex", model, isStream: true };
}

function findGeminiRoute(house: House, model: string, method: string): Route | undefined {
  switch (method) {
    case "generateContent":
      return { does: "generate", api: "gemini", house, model, isStream: false };
    case "streamGenerateContent":
      return { does: "generate", api: "gemini", house, model, isStream: true };
    case "countTokens":
      return { does: "count", api: "gemini", house, model };
    case "embedContent":
      return { does: "embed", api: "gemini", house, model, shape: "one" };
    case "batchEmbedContents":
      return { does: "embed", api: "gemini", house, model, shape: "batch" };
    case "predict":
      return { does: "embed", api: "gemini", house, model, shape: "predict" };
    default:
      return undefined;
  }
}

/** A name that looks like a path of an API, for the envelope of a 404. */
export function guessApi(path: string): { readonly api: Api; readonly house: House } {
  if (path.startsWith("/api/")) return { api: "chat", house: "openrouter" };
  if (path.includes("/messages")) return { api: "anthropic", house: "anthropic" };
  if (path.includes("/publishers/")) return { api: "gemini", house: "vertex" };
  return path.startsWith("/v1beta") ? { api: "gemini", house: "gemini" } : { api: "chat", house: "openai" };
}
