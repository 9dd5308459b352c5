/**
 * `$ref` inside one JSON Schema document: `#`, `#/$defs/Name`, `#/definitions/Name`, any JSON pointer, `#anchor`.
 * A reference to a schema that is being expanded already is recursion, and is cut; other documents are never fetched.
 */
import { asObject, asString, isObject, type Json, type JsonObject } from "#lib/json.ts";

export interface Scope {
  readonly root: JsonObject;
  /** Pointers being expanded, outermost first. */
  readonly trail: readonly string[];
  /** Schemas that may still be written: references that fan out would grow without end. Shared and counted down. */
  readonly budget: { left: number };
}

/** The largest real tool schemas have some hundred; past this, what is left becomes a plain object. */
export const SCHEMAS_MAX = 5_000;

/** Deeper documents than this are hostile; what lies below is cut like recursion. */
const DEPTH_MAX = 64;

/** The schema behind all references, with what stood beside `$ref` on top. Undefined: no schema, or recursion. */
export function dereference(
  value: Json | undefined,
  scope: Scope,
): { readonly schema: JsonObject | undefined; readonly scope: Scope } {
  const schema = asObject(value);
  if (!schema) return { schema: undefined, scope };
  const reference = asString(schema["$ref"]);
  // Every level counts, so that depth is bounded without references too.
  scope.budget.left -= 1;
  if (scope.trail.length >= DEPTH_MAX || scope.budget.left < 0) return { schema: undefined, scope };
  if (reference === undefined) return { schema, scope: { ...scope, trail: [...scope.trail, ""] } };
  if (scope.trail.includes(reference)) return { schema: cut(schema), scope };
  const target = resolveReference(scope.root, reference);
  const { $ref: _, ...beside } = schema;
  const inner = { ...scope, trail: [...scope.trail, reference] };
  if (!target) return { schema: Object.keys(beside).length > 0 ? beside : undefined, scope: inner };
  const found = dereference(target, inner);
  return { schema: { ...found.schema, ...beside }, scope: found.scope };
}

/** What is left of a recursive reference: an object of any kind, with the words that stood beside it. */
function cut(schema: JsonObject): JsonObject {
  const description = asString(schema["description"]);
  return { type: "object", ...(description !== undefined && { description }) };
}

/** What a reference points at in this document, or undefined. */
export function resolveReference(root: JsonObject, reference: string | undefined): JsonObject | undefined {
  if (reference === undefined) return undefined;
  if (reference === "#") return root;
  if (!reference.startsWith("#")) return undefined;
  if (!reference.startsWith("#/")) return findAnchor(root, reference.slice(1));
  let value: unknown = root;
  for (const step of reference.slice(2).split("/")) {
    const name = decodeStep(step);
    if (Array.isArray(value)) value = value[Number(name)];
    else if (isObject(value) && Object.hasOwn(value, name)) value = value[name];
    else return undefined;
  }
  return asObject(value);
}

function decodeStep(step: string): string {
  const unescaped = step.replaceAll("~1", "/").replaceAll("~0", "~");
  try {
    return decodeURIComponent(unescaped);
  } catch {
    return unescaped;
  }
}

/** Anchors are looked for where definitions live; an anchor elsewhere is rare enough to be cut. */
function findAnchor(root: JsonObject, anchor: string): JsonObject | undefined {
  for (const section of ["$defs", "definitions"]) {
    for (const definition of Object.values(asObject(root[section]) ?? {})) {
      const schema = asObject(definition);
      if (schema?.["$anchor"] === anchor || schema?.["$id"] === `#${anchor}`) return schema;
    }
  }
  return undefined;
}
