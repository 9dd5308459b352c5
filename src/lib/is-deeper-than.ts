/** Whether JSON nests more levels than that: what walks it by recursion must be able to trust its depth. */
import { isObject } from "./json.ts";

export function isDeeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (levels === 0) return true;
  if (isObject(value)) {
    // By name: a list of the values would be made for every object of every body.
    for (const name in value) if (isDeeperThan(value[name], levels - 1)) return true;
  } else if (Array.isArray(value)) {
    for (const child of value) if (isDeeperThan(child, levels - 1)) return true;
  }
  return false;
}
