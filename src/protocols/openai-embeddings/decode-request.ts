/**
 * A client's embeddings body to the canonical form. `input` is one text, texts, one list of tokens, or lists of them;
 * OpenRouter's objects with `content` pass as they are, for OpenRouter.
 */
import { isObject, type Json, type JsonObject } from "#lib/json.ts";
import type { Embedding, EmbeddingInput } from "#model/embedding.ts";
import { Failure } from "#model/failure.ts";
import type { RequestLine } from "#protocols/protocol.ts";

const INPUTS_MAX = 2048;
/** The longest vector any model gives is a tenth of this. */
const DIMENSIONS_MAX = 65_536;
const KNOWN: ReadonlySet<string> = new Set(["model", "input", "dimensions", "encoding_format", "user"]);

export function decodeEmbeddingRequest(body: JsonObject, line: RequestLine): Embedding {
  const model = readString(body, "model") ?? line.model;
  if (model === undefined || model === "") throw invalid("model", "a string");
  const dimensions = readDimensions(body["dimensions"] ?? undefined);
  const encoding = readString(body, "encoding_format") ?? "float";
  if (encoding !== "float" && encoding !== "base64") throw invalid("encoding_format", "float or base64");
  const userId = readString(body, "user");
  const extensions = Object.entries(body).filter(
    ([name, value]) => !KNOWN.has(name) && (value ?? undefined) !== undefined,
  );
  return {
    api: "openai-embeddings",
    model,
    inputs: readInputs(body["input"]),
    ...(dimensions !== undefined && { dimensions }),
    encoding,
    ...(userId !== undefined && { userId }),
    extensions: Object.fromEntries(extensions),
  };
}

function readInputs(input: Json | undefined): readonly EmbeddingInput[] {
  if (typeof input === "string") return [readInput(input, "input")];
  if (!isArray(input) || input.length === 0) throw invalid("input", INPUT_RULE);
  if (typeof input[0] === "number") return [readInput(input, "input")];
  if (input.length > INPUTS_MAX) throw invalid("input", `a list of at most ${INPUTS_MAX} inputs`);
  return input.map((value, index) => readInput(value, `input[${index}]`));
}

const INPUT_RULE = "a text, a list of texts, a list of tokens or a list of such lists, none of them empty";

function readInput(value: Json, path: string): EmbeddingInput {
  if (typeof value === "string" && value !== "") return { type: "text", text: value, path };
  if (isObject(value)) return { type: "foreign", value, path };
  if (!isArray(value) || value.length === 0) throw invalid(path, INPUT_RULE);
  const tokens = value.map((token, index) => {
    if (typeof token === "number" && Number.isSafeInteger(token) && token >= 0) return token;
    throw invalid(`${path}[${index}]`, "a token: a whole number");
  });
  return { type: "tokens", tokens, path };
}

function readDimensions(value: Json | undefined): number | undefined {
  if (value === undefined) return undefined;
  const isFit = typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= DIMENSIONS_MAX;
  if (!isFit) throw invalid("dimensions", `a whole number from 1 to ${DIMENSIONS_MAX}`);
  return value;
}

function readString(body: JsonObject, name: string): string | undefined {
  const value = body[name] ?? undefined;
  if (value === undefined || typeof value === "string") return value;
  throw invalid(name, "a string");
}

function isArray(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}

function invalid(param: string, expected: string): Failure {
  return new Failure("bad_request", `Invalid value for '${param}': expected ${expected}.`, {
    param,
    code: "invalid_value",
  });
}
