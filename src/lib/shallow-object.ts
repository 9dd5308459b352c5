/**
 * The object a text holds as JSON. Arguments of calls travel as text, past the bound on a body's depth; an object that
 * no stack can write again counts as no object, like any other text that is none.
 */
import { isDeeperThan } from "./is-deeper-than.ts";
import { isObject, parseJson, type JsonObject } from "./json.ts";

/** Real arguments nest a few levels. */
const DEPTH_MAX = 200;

export function shallowObject(text: string): JsonObject | undefined {
  const value = parseJson(text);
  // Every level takes two brackets, so a short text cannot be deep.
  const isDeep = text.length > 2 * DEPTH_MAX && isDeeperThan(value, DEPTH_MAX);
  return isObject(value) && !isDeep ? value : undefined;
}
