/**
 * What a stored answer is made of, and how a conversation is put together again from such answers: the items of each
 * turn's own input and output in order, as a client would have sent them back.
 */
import { asArray, asObject, asString, isObject, parseJson, type Json, type JsonObject } from "#lib/json.ts";

/** The input of a request as a list of items. */
export function inputItems(input: Json | undefined): readonly Json[] {
  if (typeof input !== "string") return asArray(input);
  return [{ type: "message", role: "user", content: [{ type: "input_text", text: input }] }];
}

/** An earlier turn's output, fit to be sent again. `isElsewhere`: its reasoning may be known to its upstream by id only. */
export function outputAsInput(response: JsonObject, isElsewhere: boolean): readonly Json[] {
  return asArray(response["output"])
    .filter(isObject)
    .flatMap((item) => fitAgain(item, isElsewhere));
}

/**
 * An id points into the store of whoever made it, and an upstream that keeps nothing answers 404 to it. Reasoning that
 * is nothing but such an id is of no use; with its state or its text it keeps the id, which tells where it belongs.
 */
function fitAgain(item: JsonObject, isElsewhere: boolean): readonly JsonObject[] {
  if (item["type"] === "reasoning") return isBareReference(item, isElsewhere) ? [] : [item];
  const { id: _, ...rest } = item;
  return item["type"] === "message" || item["type"] === "function_call" || item["type"] === "custom_tool_call"
    ? [rest]
    : [item];
}

function isBareReference(item: JsonObject, isElsewhere: boolean): boolean {
  const texts = [...asArray(item["summary"]), ...asArray(item["content"])];
  return (isElsewhere || texts.length === 0) && !asString(item["encrypted_content"]);
}

/** The Response object of an answer's last event, from stream text; undefined where it has none. */
export function finalResponse(frames: readonly { readonly data: string }[]): JsonObject | undefined {
  for (const { data } of frames.toReversed()) {
    if (!data.includes('"response.')) continue;
    const event = asObject(parseJson(data));
    const type = asString(event?.["type"]);
    if (type === "response.completed" || type === "response.incomplete") return asObject(event?.["response"]);
  }
  return undefined;
}

/** Every item of the list has an id of its own, as this API's clients expect; made up where the caller gave none. */
export function listedItems(items: readonly Json[], responseId: string): readonly JsonObject[] {
  const suffix = responseId.replace(/^resp_/, "");
  return items.filter(isObject).map((item, index) => ({
    ...item,
    id: asString(item["id"]) ?? `${prefixOf(item)}_${suffix}_${index}`,
    ...(item["type"] === undefined && { type: "message" }),
    ...(typeof item["content"] === "string" && { content: [textPart(item["role"], item["content"])] }),
  }));
}

function prefixOf(item: JsonObject): string {
  return item["type"] === undefined || item["type"] === "message" ? "msg" : "item";
}

function textPart(role: Json | undefined, text: string): JsonObject {
  return role === "assistant" ? { type: "output_text", text, annotations: [] } : { type: "input_text", text };
}
