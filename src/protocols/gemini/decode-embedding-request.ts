/** A client's embedding request to the canonical form, from any of Google's three shapes. */
import { isObject, type JsonObject } from "#lib/json.ts";
import type { Embedding, EmbeddingInput } from "#model/embedding.ts";
import { Failure } from "#model/failure.ts";
import type { RequestLine } from "#protocols/protocol.ts";
import { badRequest, Fields } from "./fields.ts";

/** AI Studio's own bounds. */
const BATCH_MAX = 100;
const INSTANCES_MAX = 250;

/** `:embedContent`. Vertex writes the settings into `embedContentConfig`, AI Studio beside the content. */
export function decodeOne(body: JsonObject, line: RequestLine): Embedding {
  const { input, dimensions } = readContent(new Fields(body));
  return { ...embeddingOf(line, [input], dimensions), shape: "one" };
}

/** `:batchEmbedContents`: a list of such requests, each naming the model again. */
export function decodeBatch(body: JsonObject, line: RequestLine): Embedding {
  const items = new Fields(body).items("requests");
  if (items.length === 0 || items.length > BATCH_MAX) {
    throw badRequest("requests", `a list of 1 to ${BATCH_MAX} requests`);
  }
  const read = items.map(({ value, path }) => readContent(Fields.of(value, path)));
  const [first] = read;
  // One vector length for all, as every client wants it; another would have to be asked for one by one.
  const other = read.findIndex((entry) => entry.dimensions !== first?.dimensions);
  if (other >= 0) throw badRequest(`requests[${other}].outputDimensionality`, "the same in every request");
  const inputs = read.map((entry) => entry.input);
  return { ...embeddingOf(line, inputs, first?.dimensions), shape: "batch" };
}

/** Vertex AI's `:predict`. */
export function decodePredict(body: JsonObject, line: RequestLine): Embedding {
  const fields = new Fields(body);
  const items = fields.items("instances");
  if (items.length === 0 || items.length > INSTANCES_MAX) {
    throw badRequest("instances", `a list of 1 to ${INSTANCES_MAX} instances`);
  }
  const parameters = fields.object("parameters");
  const dimensions = parameters && readDimensions(parameters);
  const settings = parameters?.rest() ?? {};
  const inputs = items.map(({ value, path }): EmbeddingInput => {
    const instance = Fields.of(value, path);
    const text = instance.string("content");
    if (text === undefined || text === "") throw instance.refuse("content", "a text that is not empty");
    const task = instance.string("taskType");
    return {
      type: "text",
      text,
      path: instance.pathOf("content"),
      ...(task !== undefined && { task }),
      ...readTitle(instance),
      ...keepSettings({ ...settings, ...instance.rest() }),
    };
  });
  return { ...embeddingOf(line, inputs, dimensions), shape: "predict" };
}

interface ReadContent {
  readonly input: EmbeddingInput;
  readonly dimensions: number | undefined;
}

function readContent(fields: Fields): ReadContent {
  fields.string("model");
  const content = fields.raw("content");
  const path = fields.pathOf("content");
  if (!isObject(content)) throw badRequest(path, "an object with `parts`");
  const config = fields.object("embedContentConfig") ?? fields;
  const task = config.string("taskType");
  const dimensions = readDimensions(config);
  const shared = {
    path,
    ...(task !== undefined && { task }),
    ...readTitle(config),
    ...keepSettings({ ...fields.rest(), ...config.rest() }),
  };
  const text = textOf(Fields.of(content, path));
  if (text === undefined) return { input: { type: "foreign", value: content, ...shared }, dimensions };
  if (text === "") throw badRequest(path, "content that is not empty");
  return { input: { type: "text", text, ...shared }, dimensions };
}

/** The text of content that is nothing but one text; several parts may mean several vectors, so they stay apart. */
function textOf(content: Fields): string | undefined {
  const parts = content.items("parts");
  const [first] = parts;
  if (!first) throw content.refuse("parts", "a list that is not empty");
  if (parts.length > 1) return undefined;
  const part = Fields.of(first.value, first.path);
  const text = part.string("text");
  return Object.keys(part.rest()).length === 0 ? (text ?? "") : undefined;
}

function readDimensions(fields: Fields): number | undefined {
  const dimensions = fields.integer("outputDimensionality");
  if (dimensions !== undefined && dimensions < 1) {
    throw fields.refuse("outputDimensionality", "a whole number above 0");
  }
  return dimensions;
}

function readTitle(fields: Fields): { readonly title?: string } {
  const title = fields.string("title");
  return title === undefined ? {} : { title };
}

function keepSettings(settings: JsonObject): { readonly settings?: JsonObject } {
  const kept = Object.entries(settings).filter(([, value]) => (value ?? undefined) !== undefined);
  return kept.length === 0 ? {} : { settings: Object.fromEntries(kept) };
}

function embeddingOf(
  line: RequestLine,
  inputs: readonly EmbeddingInput[],
  dimensions: number | undefined,
): Embedding {
  if (line.model === undefined || line.model === "") {
    throw new Failure("bad_request", "The URL names no model.", { param: "model" });
  }
  return {
    api: "gemini",
    model: line.model,
    inputs,
    ...(dimensions !== undefined && { dimensions }),
    encoding: "float",
    extensions: {},
  };
}
