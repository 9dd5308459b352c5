/**
 * What differs between the servers that speak Chat Completions, in one table. Each row says what a host takes; what it
 * does not take is dropped and listed, or refused, by the encoder. A new server that behaves like others needs no row:
 * it is `compatible`, the cautious one.
 */
import type { Effort } from "#model/chat.ts";
import type { Dialect } from "#protocols/protocol.ts";

/** Fields and forms that not every host takes. */
export type Optional =
  | "allowed_tools"
  | "audio"
  | "audio_url"
  | "cache_control"
  | "custom_tools"
  | "developer"
  | "file"
  | "file_id"
  | "file_url"
  | "frequency_penalty"
  | "image"
  | "images"
  | "json_schema"
  | "logit_bias"
  | "logprobs"
  | "metadata"
  | "min_p"
  | "moderation"
  | "n"
  | "parallel_tool_calls"
  | "part_arrays"
  | "presence_penalty"
  | "prompt_cache_key"
  | "repetition_penalty"
  | "safety_identifier"
  | "seed"
  | "service_tier"
  | "store"
  | "stream_usage"
  | "strict"
  | "temperature"
  | "tool_media"
  | "top_k"
  | "top_p"
  | "user"
  | "verbosity"
  | "video_url"
  | "web_search_options";

export interface Quirks {
  readonly takes: ReadonlySet<Optional>;
  readonly outputLimitField: "max_tokens" | "max_completion_tokens";
  readonly seedField: "seed" | "random_seed";
  /** How to ask for reasoning. */
  readonly reasoning: "effort" | "object" | "thinking" | "none";
  /** How earlier reasoning goes back. */
  readonly replay: "details" | "reasoning_content" | "thinking_parts" | "never";
  /** The word for "call some tool". */
  readonly required: "required" | "any";
  readonly callIdPattern: RegExp;
  readonly stopsMax: number;
}

export function quirksOf(dialect: Dialect): Quirks {
  switch (dialect.host) {
    case "openai":
      return isReasoningModel(dialect.model) ? OPENAI_REASONING : OPENAI;
    case "openrouter":
      return OPENROUTER;
    case "deepseek":
      return DEEPSEEK;
    case "mistral":
      return MISTRAL;
    case "anthropic":
    case "clewdr":
    case "aistudio":
    case "vertex":
    case "compatible":
    case "demo":
      return isReasoningModel(dialect.model) ? COMPATIBLE_REASONING : COMPATIBLE;
  }
}

/** DeepSeek refuses a tool loop whose calls come without the field for thoughts, be it empty. The demo plays it. */
export function demandsThoughts({ host, model }: Dialect): boolean {
  return host === "deepseek" || (host === "demo" && model.includes("reasoning"));
}

/**
 * Models that go on from thoughts nobody signed. Not every server of this API: some refuse the field. OpenRouter takes
 * it for every model.
 */
export function takesPlainThoughts(dialect: Dialect): boolean {
  const { host, vendor, model } = dialect;
  if (demandsThoughts(dialect) || host === "openrouter") return true;
  return host === "compatible" && (vendor === "deepseek" || /kimi|glm-|mimo|minimax/i.test(model));
}

/** OpenAI's models that think: other limits, no sampling. Told by name, because nothing else tells (section 8). */
export function isReasoningModel(model: string): boolean {
  const name = model.slice(model.lastIndexOf("/") + 1);
  return /^(?:o[1-9]|gpt-(?:[5-9]|[1-9]\d))(?![\d])/.test(name) && !/-chat/.test(name);
}

/** The efforts a model takes, weakest first; undefined where nobody knows, then any passes. */
export function effortsOf(model: string): readonly Effort[] | undefined {
  const name = model.slice(model.lastIndexOf("/") + 1);
  if (/^o[1-9]/.test(name)) return ["low", "medium", "high"];
  const version = /^gpt-(\d+)(?:\.(\d+))?/.exec(name);
  if (!version || version[1] !== "5") return undefined;
  const minor = Number(version[2] ?? 0);
  if (minor === 0) return ["minimal", "low", "medium", "high"];
  if (minor === 1) return ["none", "low", "medium", "high"];
  if (minor <= 5) return ["none", "low", "medium", "high", "xhigh"];
  return ["none", "low", "medium", "high", "xhigh", "max"];
}

const COMMON: readonly Optional[] = [
  "audio",
  "file",
  "frequency_penalty",
  "image",
  "json_schema",
  "logit_bias",
  "logprobs",
  "n",
  "parallel_tool_calls",
  "presence_penalty",
  "seed",
  "stream_usage",
  "strict",
  "temperature",
  "top_p",
];

const OPENAI_ONLY: readonly Optional[] = [
  ...COMMON,
  "allowed_tools",
  "custom_tools",
  "file_id",
  "metadata",
  "moderation",
  "part_arrays",
  "prompt_cache_key",
  "safety_identifier",
  "service_tier",
  "store",
  "verbosity",
  "web_search_options",
];

const SAMPLING: ReadonlySet<Optional> = new Set([
  "frequency_penalty",
  "logit_bias",
  "logprobs",
  "presence_penalty",
  "temperature",
  "top_p",
]);

const OPENAI: Quirks = {
  takes: new Set(OPENAI_ONLY),
  outputLimitField: "max_completion_tokens",
  seedField: "seed",
  reasoning: "none",
  replay: "never",
  required: "required",
  // The API refuses longer ids.
  callIdPattern: /^.{1,40}$/s,
  stopsMax: 4,
};

const OPENAI_REASONING: Quirks = {
  ...OPENAI,
  takes: new Set<Optional>([...OPENAI_ONLY.filter((name) => !SAMPLING.has(name)), "developer"]),
  reasoning: "effort",
};

const OPENROUTER: Quirks = {
  takes: new Set<Optional>([
    ...COMMON.filter((name) => name !== "n"),
    "cache_control",
    "file_url",
    "images",
    "metadata",
    "min_p",
    "part_arrays",
    "prompt_cache_key",
    "repetition_penalty",
    "service_tier",
    "tool_media",
    "top_k",
    "user",
    "verbosity",
    "video_url",
    "web_search_options",
  ]),
  outputLimitField: "max_tokens",
  seedField: "seed",
  reasoning: "object",
  replay: "details",
  required: "required",
  callIdPattern: /^/,
  stopsMax: 4,
};

const DEEPSEEK: Quirks = {
  takes: new Set<Optional>([
    "frequency_penalty",
    "logprobs",
    "presence_penalty",
    "stream_usage",
    "temperature",
    "top_p",
  ]),
  outputLimitField: "max_tokens",
  seedField: "seed",
  reasoning: "thinking",
  replay: "reasoning_content",
  required: "required",
  callIdPattern: /^/,
  stopsMax: 16,
};

const MISTRAL: Quirks = {
  // Unknown fields are a 422 here, so only what is documented; usage always comes in the last chunk.
  takes: new Set<Optional>([
    "audio",
    "file_url",
    "frequency_penalty",
    "image",
    "json_schema",
    "n",
    "parallel_tool_calls",
    "part_arrays",
    "presence_penalty",
    "seed",
    "strict",
    "temperature",
    "top_p",
  ]),
  outputLimitField: "max_tokens",
  seedField: "random_seed",
  reasoning: "none",
  replay: "thinking_parts",
  required: "any",
  callIdPattern: /^[A-Za-z0-9]{9}$/,
  stopsMax: 16,
};

const COMPATIBLE: Quirks = {
  takes: new Set<Optional>([
    ...COMMON,
    "audio_url",
    "min_p",
    "repetition_penalty",
    "top_k",
    "user",
    "video_url",
    "web_search_options",
  ]),
  outputLimitField: "max_tokens",
  seedField: "seed",
  reasoning: "effort",
  replay: "reasoning_content",
  required: "required",
  callIdPattern: /^/,
  stopsMax: 16,
};

/** OpenAI's reasoning models behind somebody else's door (Azure) refuse `max_tokens` all the same. */
const COMPATIBLE_REASONING: Quirks = {
  ...COMPATIBLE,
  outputLimitField: "max_completion_tokens",
};
