/** Embeddings: the same text always gives the same unit vector, different texts different ones. */
import { asArray, asNumber, asObject, asString, type Json, type JsonObject } from "#lib/json.ts";
import { invalid, requireArray, requireObject, requireString } from "./read-fields.ts";
import { countTokens } from "./tokens.ts";

const DIMENSIONS = 64;
const DIMENSIONS_MAX = 4096;
const INPUTS_MAX = 2048;
const GEMINI_INPUTS_MAX = 100;

export function answerOpenAiEmbeddings(body: JsonObject): JsonObject {
  const inputs = readInputs(body.input);
  if (inputs.length === 0 || inputs.length > INPUTS_MAX)
    throw invalid("input", `1 to ${INPUTS_MAX} inputs are allowed`);
  const dimensions = readDimensions(body.dimensions);
  const tokens = inputs.reduce((sum, input) => sum + countTokens(input), 0);
  return {
    object: "list",
    data: inputs.map((input, index) => {
      const vector = embed(input, dimensions);
      const embedding = body.encoding_format === "base64" ? toBase64(vector) : [...vector];
      return { object: "embedding", index, embedding };
    }),
    model: requireString(body, "model"),
    usage: { prompt_tokens: tokens, total_tokens: tokens },
  };
}

export function answerGeminiEmbedding(body: JsonObject, shape: "one" | "batch" | "predict"): JsonObject {
  if (shape === "one") return { embedding: { values: embedContent(body) } };
  if (shape === "predict")
    return { predictions: requireArray(body, "instances").map((entry) => predict(entry, body)) };
  const requests = requireArray(body, "requests");
  if (requests.length > GEMINI_INPUTS_MAX)
    throw invalid("requests", `at most ${GEMINI_INPUTS_MAX} are allowed`);
  return {
    embeddings: requests.map((entry) => ({ values: embedContent(requireObject(entry, "requests")) })),
  };
}

function predict(entry: Json, body: JsonObject): JsonObject {
  const text = requireString(requireObject(entry, "instances"), "content");
  const dimensions = readDimensions(asObject(body.parameters)?.outputDimensionality);
  const statistics = { token_count: countTokens(text), truncated: false };
  return { embeddings: { values: [...embed(text, dimensions)], statistics } };
}

function embedContent(request: JsonObject): readonly number[] {
  const content = requireObject(request.content, "content");
  const text = asArray(content.parts)
    .map((part) => asString(asObject(part)?.text) ?? "")
    .join("");
  // Vertex AI has the settings in an object of their own.
  const settings = asObject(request.embedContentConfig) ?? request;
  const dimensions = readDimensions(settings.outputDimensionality ?? settings.output_dimensionality);
  return [...embed(text, dimensions)];
}

/** A string, strings, tokens, or lists of tokens. */
function readInputs(input: Json | undefined): readonly string[] {
  if (typeof input === "string") return [input];
  const entries = asArray(input);
  if (entries.length > 0 && entries.every((entry) => typeof entry === "number"))
    return [JSON.stringify(entries)];
  return entries.map((entry) => (typeof entry === "string" ? entry : JSON.stringify(entry)));
}

function readDimensions(value: Json | undefined): number {
  const dimensions = asNumber(value) ?? DIMENSIONS;
  if (Number.isInteger(dimensions) && dimensions >= 1 && dimensions <= DIMENSIONS_MAX) return dimensions;
  throw invalid("dimensions", `an integer from 1 to ${DIMENSIONS_MAX} is required`);
}

function embed(text: string, dimensions: number): Float32Array {
  let state = Number(BigInt.asUintN(32, Bun.hash(text)));
  const vector = Float32Array.from({ length: dimensions }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 31 - 1;
  });
  const length = Math.hypot(...vector) || 1;
  return vector.map((value) => value / length);
}

/** Little-endian float32, as OpenAI's SDK decodes it. */
function toBase64(vector: Float32Array): string {
  return Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength).toString("base64");
}
