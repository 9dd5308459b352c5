/**
 * Mistakes between the parts of a configuration, which no schema sees. It reads the file's own values leniently, so
 * that these are reported together with the schema's mistakes and not only once those are mended.
 */
import { asArray, asObject, asString, type Json, type JsonObject } from "#lib/json.ts";
import type { Mistake, Path } from "./mistake.ts";

export function checkReferences(file: JsonObject): readonly Mistake[] {
  const connectors = asObject(file["connectors"]) ?? {};
  const models = asObject(file["models"]) ?? {};
  return [
    ...Object.entries(connectors).flatMap(([name, connector]) => checkConnector(name, connector)),
    ...Object.entries(models).flatMap(([name, model]) => checkModel(["models", name], model, connectors)),
    ...checkNames(models),
    ...checkPrices(asObject(file["prices"]) ?? {}, connectors),
  ];
}

function checkConnector(name: string, value: Json | undefined): readonly Mistake[] {
  const connector = asObject(value);
  if (connector?.["type"] !== "vertex") return [];
  const isComplete = connector["project"] !== undefined || connector["api_key"] !== undefined;
  const message = "needs a project (with application default credentials or an api_key), or an api_key alone";
  return isComplete ? [] : [{ path: ["connectors", name], message }];
}

function checkModel(path: Path, value: Json | undefined, connectors: JsonObject): readonly Mistake[] {
  const mistakes: Mistake[] = [];
  const seen = new Set<string>();
  asArray(asObject(value)?.["targets"]).forEach((item, index) => {
    const target = asObject(item) ?? {};
    const name = asString(target["connector"]);
    const model = asString(target["model"]);
    if (name === undefined || model === undefined) return;
    const at = [...path, "targets", index];
    const id = `${name}/${model}`;
    if (seen.has(id))
      mistakes.push({ path: at, message: `'${id}' is a target already; it would never be tried` });
    seen.add(id);
    mistakes.push(...checkTarget(at, { name, model, target }, connectors));
  });
  return mistakes;
}

function checkTarget(
  path: Path,
  { name, model, target }: { name: string; model: string; target: JsonObject },
  connectors: JsonObject,
): readonly Mistake[] {
  const connector = Object.hasOwn(connectors, name) ? asObject(connectors[name]) : undefined;
  if (!connector) return [{ path: [...path, "connector"], message: unknownConnector(name, connectors) }];
  const type = asString(connector["type"]);
  const publisher = asString(target["publisher"]);
  if (publisher !== undefined && type !== "vertex") {
    return [{ path: [...path, "publisher"], message: `only Vertex has publishers, '${name}' is ${type}` }];
  }
  const isExpress =
    type === "vertex" && connector["project"] === undefined && connector["api_key"] !== undefined;
  const isGoogles =
    publisher === undefined ? !/^(?:claude-|publishers\/(?!google\/))/.test(model) : publisher === "google";
  if (isExpress && !isGoogles) {
    return [{ path, message: `'${name}' has no project, and express mode serves only Google's own models` }];
  }
  return [];
}

/** A name leads to one model: two that claim it would hide each other. */
function checkNames(models: JsonObject): readonly Mistake[] {
  const mistakes: Mistake[] = [];
  const owners = new Map(Object.keys(models).map((name) => [name, name]));
  for (const [name, value] of Object.entries(models)) {
    if (!isAskable(name)) mistakes.push({ path: ["models", name], message: NOT_ASKABLE });
    asArray(asObject(value)?.["aliases"]).forEach((item, index) => {
      const alias = asString(item);
      if (alias === undefined) return;
      const path = ["models", name, "aliases", index];
      const owner = owners.get(alias);
      if (!isAskable(alias)) mistakes.push({ path, message: NOT_ASKABLE });
      if (owner === name) mistakes.push({ path, message: `'${alias}' is a name of this model already` });
      else if (owner !== undefined) {
        mistakes.push({
          path,
          message: Object.hasOwn(models, alias)
            ? `'${alias}' is a model of its own; remove this alias, or rename one of the two`
            : `'${alias}' is an alias of model '${owner}' already; remove one of the two`,
        });
      } else owners.set(alias, name);
    });
  }
  return mistakes;
}

const NOT_ASKABLE =
  "this name can never match: requests cannot carry blanks at its ends or control characters";

function isAskable(name: string): boolean {
  return name === name.trim() && !/\p{Cc}/u.test(name);
}

function checkPrices(prices: JsonObject, connectors: JsonObject): readonly Mistake[] {
  return Object.keys(prices).flatMap((id) => {
    const name = id.slice(0, Math.max(0, id.indexOf("/")));
    if (name === "" || Object.hasOwn(connectors, name)) return [];
    return [{ path: ["prices", id], message: unknownConnector(name, connectors) }];
  });
}

function unknownConnector(name: string, connectors: JsonObject): string {
  const known = Object.keys(connectors);
  const hint = known.length === 0 ? "none is configured" : `there are: ${known.join(", ")}`;
  return `unknown connector '${name}'; ${hint}`;
}
